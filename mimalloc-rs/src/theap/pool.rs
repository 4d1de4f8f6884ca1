//! Heaps outlive their threads: they are numbered, never unmapped, and used again.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{FIRST_ID, Theap, id_of};
use crate::arena;
use crate::geometry::{SLICE_SIZE, THEAP_CHUNKS, THEAP_SIZE, THEAPS_PER_CHUNK};
use crate::stack::IndexStack;
use crate::sync::{AtomicU32, AtomicU64};

/// Slices that hold theaps, in order of their numbers.
static CHUNKS: [AtomicPtr<u8>; THEAP_CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; THEAP_CHUNKS];
/// The number of the next theap that was never used.
static NEXT: AtomicU32 = AtomicU32::new(0);
/// Heaps whose threads have ended.
static IDLE: IndexStack = IndexStack::new(AtomicU64::new(0));

/// A theap for the calling thread. `None` when the system refuses memory, or too many threads have one.
pub(crate) fn acquire() -> Option<*mut Theap> {
    if let Some(index) = IDLE.pop(|index| pool_next(index)) {
        return Some(place(index));
    }
    let mut index = NEXT.load(Ordering::Relaxed);
    loop {
        if !ensure_chunk(index as usize / THEAPS_PER_CHUNK) {
            return None;
        }
        match NEXT.compare_exchange_weak(index, index + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => break,
            Err(seen) => index = seen,
        }
    }
    let theap = place(index);
    // SAFETY: the place is large enough and aligned for a theap, and its number was given to this thread only.
    unsafe { theap.write(Theap::empty(id_of(index))) };
    Some(theap)
}

/// Takes back the theap of a thread that ends.
///
/// # Safety
/// The theap owns no page and no block, and its thread does not use it any more.
pub(crate) unsafe fn retire_theap(theap: *mut Theap) {
    // SAFETY: the theap is the caller's until it is pushed.
    let index = unsafe { (*theap).id } - FIRST_ID;
    IDLE.push(index, pool_next(index));
}

fn ensure_chunk(chunk: usize) -> bool {
    let Some(slot) = CHUNKS.get(chunk) else { return false };
    if !slot.load(Ordering::Acquire).is_null() {
        return true;
    }
    let Some(run) = arena::allocate(1, SLICE_SIZE) else { return false };
    run.first.owner().store(arena::OWNER_NOT_A_PAGE, Ordering::Relaxed);
    let start = run.first.start();
    if slot.compare_exchange(ptr::null_mut(), start, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: the slice was taken above and nobody knows of it.
        unsafe { arena::release(run.first, 1) };
    }
    true
}

fn place(index: u32) -> *mut Theap {
    let index = index as usize;
    let chunk = CHUNKS[index / THEAPS_PER_CHUNK].load(Ordering::Acquire);
    // SAFETY: the number was given out, so its chunk is there, and has room for this many theaps.
    unsafe { chunk.add(index % THEAPS_PER_CHUNK * THEAP_SIZE).cast() }
}

fn pool_next<'a>(index: u32) -> &'a AtomicU32 {
    // SAFETY: theaps are never unmapped, and this field is only touched atomically.
    unsafe { &(*place(index)).pool_next }
}
