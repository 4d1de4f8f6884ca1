//! Blocks too large to share a page: each owns a run of slices.

use core::sync::atomic::{AtomicU64, Ordering};
use core::{ptr, slice};

use crate::arena::{self, Run, Zeroing};
use crate::gauge::Gauge;
use crate::geometry::{
    BLOCK_MAX, GROWN_ALONE, GROWN_MIN, GUARD_SIZE, SLICE_SHIFT, SLICE_SIZE, SLICES_PER_GROWN, ZERO_BY_SYSTEM,
};
use crate::page::Page;
use crate::theap::{Theap, here};
use crate::thread;
use crate::zero::make_zero;

/// Slices of blocks of their own, and how many such blocks there are.
pub(crate) static HELD: Gauge = Gauge::new();
pub(crate) static COUNT: Gauge = Gauge::new();

/// How many of them own a single slice, most of which they may leave unused.
static SINGLE: AtomicU64 = AtomicU64::new(0);

/// A block of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Large {
    /// Where it starts; null when there is no memory.
    pub(crate) start: *mut u8,
    /// Whether it reads as zero.
    zero: bool,
    /// The record of its run.
    page: *mut Page,
}

impl Large {
    const NONE: Self = Self { start: ptr::null_mut(), zero: false, page: ptr::null_mut() };

    /// Makes its first `size` bytes zero.
    ///
    /// # Safety
    /// The caller has just allocated it, and it has so many.
    pub(crate) unsafe fn clear(&self, size: usize) {
        if self.zero {
            return;
        }
        // SAFETY: as the caller says; nobody needs what the run holds, whatever bytes it left there.
        unsafe {
            let (first, count) = (Page::slice(self.page), Page::run_slices(self.page));
            if size >= ZERO_BY_SYSTEM && arena::renew(first, count) {
                return;
            }
            match arena::way_to_zero(first, count) {
                Zeroing::Renew if arena::renew_for_little(first, count) => {}
                Zeroing::Write => self.start.write_bytes(0, size),
                Zeroing::Renew | Zeroing::WriteWhereUsed => {
                    make_zero(slice::from_raw_parts_mut(self.start, size));
                }
            }
        }
    }
}

/// Whether a block that has grown to `size` bytes owns a run although it could share a page: there it grows on in place.
/// Few may at a time, for a slice is up to four times as large.
pub(crate) fn takes_grown(size: usize) -> bool {
    size > GROWN_MIN
        && size <= BLOCK_MAX
        && SINGLE.load(Ordering::Relaxed) < GROWN_ALONE + arena::HELD.current() / SLICES_PER_GROWN
}

/// Counts a run that came, or what one has become.
fn count(slices: usize) {
    HELD.add(slices);
    if slices == 1 {
        SINGLE.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a run that went, or what one has been.
fn discount(slices: usize) {
    HELD.sub(slices);
    if slices == 1 {
        SINGLE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A block of `size` bytes, `ahead` bytes behind a multiple of `align`.
///
/// # Safety
/// `theap` is used by the calling thread, or one of those that own nothing.
#[cold]
#[inline(never)]
pub(crate) unsafe fn allocate(theap: *mut Theap, size: usize, align: usize, ahead: usize) -> Large {
    if size > isize::MAX as usize {
        return Large::NONE;
    }
    let slices = (ahead + size + GUARD_SIZE).div_ceil(SLICE_SIZE).max(1);
    // SAFETY: as the caller says; the run is this thread's, so its record is as well.
    unsafe {
        // What is set up with a thread's first theap comes before its first block, however large that is.
        let own = if Theap::is_none(theap) { thread::theap_for_alloc() } else { None };
        let theap = own.unwrap_or(theap);
        let of_heap = Theap::is_of_heap(theap);
        if of_heap {
            Theap::come_by(theap);
        }
        let may_be_spare = align <= SLICE_SIZE && !of_heap && !Theap::is_none(theap);
        let spare = if may_be_spare { Theap::take_spare(theap, slices) } else { None };
        let run = spare.map(|first| Run { first, zero: false });
        let Some(run) = run.or_else(|| arena::allocate_in(Theap::arena(theap), slices, align)) else {
            return Large::NONE;
        };
        let home = if of_heap { (*theap).id } else { 0 };
        let page = Page::init_run(run.first, slices, ahead, home);
        // Counted before a fork can find it in the heap: the copy of that may end and be discounted.
        count(slices);
        COUNT.add(1);
        if of_heap {
            Theap::enroll(theap, page);
        }
        arena::purge_if_due();
        Large { start: Page::run_block(page), zero: run.zero, page }
    }
}

/// Frees the block `p`. False if no block starts there.
///
/// # Safety
/// A run with a block of its own starts in `first`; the caller gives up `p`, which lies in it. `own` is the calling
/// thread's own theap.
#[inline(never)]
pub(crate) unsafe fn free(own: *mut Theap, first: arena::Slice, p: *mut u8) -> bool {
    // SAFETY: the caller holds the run, and so its record.
    unsafe {
        let page = first.page();
        if Page::run_block(page) != p {
            return false;
        }
        let home = Page::origin(page);
        match home {
            // Whoever allocates from another heap has no use for it.
            0 if Theap::is_none(own) || thread::theap() != own => release(first),
            0 => Theap::keep_spare(own, first, dissolve(first)),
            home => Theap::free_run(Theap::of_id(home), own, first),
        }
        follow_ebb(own, home);
    }
    arena::purge_if_due();
    true
}

/// To be told when slices of a run were released whose origin is `home`, by a thread with the theap `own`.
///
/// # Safety
/// The run's heap has not ended, and `own` is the calling thread's own theap.
unsafe fn follow_ebb(own: *mut Theap, home: u32) {
    // SAFETY: as the caller says; a theap of the heap is the thread's if that holds it.
    unsafe {
        let of_heap = Some(home).filter(|&home| home != 0).map(Theap::of_id);
        Theap::follow_ebb(of_heap.filter(|&theap| Theap::is_held_by(theap, own)).unwrap_or(own));
    }
}

/// Gives back the run at `first`.
///
/// # Safety
/// The caller holds it, and it is in no roll.
pub(crate) unsafe fn release(first: arena::Slice) {
    // SAFETY: the caller holds the run.
    unsafe { arena::release(first, dissolve(first)) };
}

/// The same of a run whose memory has gone back before.
///
/// # Safety
/// As for [`release`].
pub(crate) unsafe fn release_emptied(first: arena::Slice) {
    // SAFETY: the caller holds the run.
    unsafe { arena::release_emptied(first, dissolve(first)) };
}

/// Ends the block of a run: so many slices are the caller's afterwards.
///
/// # Safety
/// The caller holds the run.
unsafe fn dissolve(first: arena::Slice) -> usize {
    // SAFETY: as the caller says.
    unsafe {
        discount(Page::run_slices(first.page()));
        COUNT.sub(1);
        Page::dissolve_run(first)
    }
}

/// Bytes from `p` to the end of its run, which starts in `first`.
///
/// # Safety
/// A live block of its own lies there, and the caller holds it.
pub(crate) unsafe fn usable_size(first: arena::Slice, p: *const u8) -> usize {
    // SAFETY: the caller holds the run; `p` lies in it.
    unsafe {
        (Page::run_slices(first.page()) << SLICE_SHIFT) - GUARD_SIZE - p.offset_from_unsigned(first.start())
    }
}

/// Makes the block `p` at least `size` bytes long, or not much longer, without moving it. False when
/// something is in the way, or it had better share a page.
///
/// # Safety
/// `p` is a live block of its own in the run that starts in `first`, and the caller holds it.
pub(crate) unsafe fn resize(first: arena::Slice, p: *mut u8, size: usize) -> bool {
    if size > isize::MAX as usize {
        return false;
    }
    // SAFETY: the caller holds the run, and so its record; the slices given back are beyond the new size.
    unsafe {
        let old = Page::run_slices(first.page());
        let stays = size > BLOCK_MAX || if old == 1 { size > GROWN_MIN } else { takes_grown(size) };
        if !stays {
            return false;
        }
        let ahead = p.offset_from_unsigned(first.start());
        let new = (ahead + size + GUARD_SIZE).div_ceil(SLICE_SIZE).max(1);
        if new == old {
            return true;
        }
        if new > old && !arena::allocate_behind(first.plus(old), new - old, old) {
            return false;
        }
        if !Page::set_run_slices(first.page(), new) {
            if new > old {
                arena::release(first.plus(old), new - old);
            }
            return false;
        }
        discount(old);
        count(new);
        if new < old {
            arena::release(first.plus(new), old - new);
            follow_ebb(here::own(), Page::origin(first.page()));
        }
    }
    true
}
