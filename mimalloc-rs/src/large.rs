//! Blocks too large to share a page: each owns a run of slices.

use core::ptr;

use crate::arena::{self, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice};
use crate::geometry::{SLICE_SHIFT, SLICE_SIZE};
use crate::page::Page;
use crate::sync::Ordering;

/// A block of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Large {
    /// Where it starts; null when there is no memory.
    pub(crate) start: *mut u8,
    /// Whether it reads as zero.
    pub(crate) zero: bool,
}

/// A block of `size` bytes at a multiple of `align`.
#[cold]
#[inline(never)]
pub(crate) fn allocate(size: usize, align: usize) -> Large {
    const NOTHING: Large = Large { start: ptr::null_mut(), zero: false };
    if size > isize::MAX as usize {
        return NOTHING;
    }
    let slices = size.div_ceil(SLICE_SIZE).max(1);
    let Some(run) = arena::allocate(slices, align) else { return NOTHING };
    arena::purge_if_due();
    // SAFETY: the run is this thread's, so its first record is as well.
    unsafe { Page::set_run_slices(run.first.page(), slices) };
    run.first.owner().store(OWNER_SINGLETON, Ordering::Relaxed);
    Large { start: run.first.start(), zero: run.zero }
}

/// # Safety
/// A live block of its own starts in `first`; the caller gives it up.
#[inline(never)]
pub(crate) unsafe fn free(first: Slice) {
    first.owner().store(OWNER_NOT_A_PAGE, Ordering::Relaxed);
    // SAFETY: the caller holds the run, and so its record.
    unsafe { arena::release(first, Page::run_slices(first.page())) };
    arena::purge_if_due();
}

/// Bytes of the block that starts in `first`.
///
/// # Safety
/// A live block of its own starts there, and the caller holds it.
pub(crate) unsafe fn usable_size(first: Slice) -> usize {
    // SAFETY: the caller holds the run.
    unsafe { Page::run_slices(first.page()) << SLICE_SHIFT }
}

/// Makes the block in `first` at least `size` bytes long, or not much longer, without moving it. False when
/// something is in the way.
///
/// # Safety
/// A live block of its own starts in `first`, and the caller holds it.
pub(crate) unsafe fn resize(first: Slice, size: usize) -> bool {
    // SAFETY: the caller holds the run, and so its record; the slices given back are beyond the new size.
    unsafe {
        let old = Page::run_slices(first.page());
        let new = size.div_ceil(SLICE_SIZE).max(1);
        if new > old && !arena::allocate_behind(first.plus(old), new - old) {
            return false;
        }
        Page::set_run_slices(first.page(), new);
        if new < old {
            arena::release(first.plus(new), old - new);
        }
    }
    true
}
