//! The way in: from a request to a block.

use core::ptr;

use crate::arena::{OWNER_SINGLETON, Slice};
use crate::free::{self, page_start};
use crate::geometry::{GUARDED, SMALL_MAX};
#[cfg(feature = "secure")]
use crate::guarded;
use crate::large;
use crate::padding;
use crate::page::{Block, Page};
use crate::size_class;
use crate::theap::{Theap, here};
use crate::thread;
use crate::usable::{PADDED, block_size, is_worth_keeping, padded, rounded, shares_page, whole_size};

/// A block of `size` bytes at a multiple of `align`, from `theap`; null when there is no memory.
///
/// # Safety
/// `theap` is the calling thread's, or one of those that own nothing.
#[inline(always)]
pub(crate) unsafe fn allocate(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        #[cfg(feature = "secure")]
        if let Some(block) = guarded::allocate(theap, size, align) {
            if PADDED {
                padding::close(block, size, false);
            }
            return block;
        }
        if !PADDED {
            return allocate_bare(theap, size, align);
        }
        let block = allocate_bare(theap, padded(size), align);
        if !block.is_null() {
            padding::close(block, size, false);
        }
        block
    }
}

/// # Safety
/// As for [`allocate`].
#[inline(always)]
unsafe fn allocate_bare(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    let rounded = rounded(size, align);
    // SAFETY: as the caller says.
    unsafe {
        if rounded <= SMALL_MAX {
            return pop(theap, size_class::of_small(rounded));
        }
        allocate_bigger(theap, size, align)
    }
}

/// A block of `size` bytes at a multiple of `align` if the fast path has one; null otherwise. Calls nothing.
///
/// # Safety
/// As for [`allocate`].
#[inline(always)]
pub(crate) unsafe fn at_hand(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    let rounded = rounded(size, align);
    if PADDED || GUARDED || rounded > SMALL_MAX {
        return ptr::null_mut();
    }
    // SAFETY: as the caller says.
    unsafe { take(theap, size_class::of_small(rounded)) }
}

/// # Safety
/// As for [`allocate`].
#[inline(never)]
unsafe fn allocate_bigger(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    let rounded = rounded(size, align);
    // SAFETY: as the caller says.
    unsafe {
        if shares_page(rounded, align) {
            pop(theap, size_class::of(rounded))
        } else {
            large::allocate(theap, size, align, 0).start
        }
    }
}

/// # Safety
/// As for [`allocate`]; `class` is one of the classes.
#[inline(always)]
unsafe fn pop(theap: *mut Theap, class: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        let block = take(theap, class);
        if block.is_null() { refill(theap, class) } else { block }
    }
}

/// The fast path: pops the active list. Null when it is empty.
///
/// # Safety
/// As for [`allocate`]; `class` is one of the classes.
#[inline(always)]
unsafe fn take(theap: *mut Theap, class: usize) -> *mut u8 {
    // SAFETY: the theap is this thread's, and `class` is one of its classes. The theaps that own nothing have
    // empty lists only, so nothing is written to them.
    unsafe {
        // Where the theap is known to be the default one, the compiler removes this test.
        if theap == here::theap() {
            let list = here::List::of(class);
            return pop_first(list.first(), |rest| list.set_first(rest));
        }
        take_parked(theap, class)
    }
}

/// Pops the active list where that lies with the theap.
///
/// # Safety
/// As for [`take`].
#[inline(always)]
unsafe fn take_parked(theap: *mut Theap, class: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        let list = Theap::parked(theap, class);
        pop_first(*list, |rest| *list = rest)
    }
}

/// # Safety
/// `first` is null, or the first block of a list that the caller owns.
#[inline(always)]
unsafe fn pop_first(first: *mut Block, set_first: impl FnOnce(*mut Block)) -> *mut u8 {
    if !first.is_null() {
        // SAFETY: as the caller says.
        unsafe {
            let (rest, link) = Block::next(first);
            set_first(rest);
            Block::erase(first);
            link.tell(first);
        }
    }
    first.cast()
}

/// # Safety
/// As for [`allocate`]; `class` is one of the classes.
#[inline(never)]
unsafe fn refill(theap: *mut Theap, class: usize) -> *mut u8 {
    // SAFETY: the theap is this thread's; one that owns nothing is exchanged for one that may.
    unsafe {
        if Theap::is_none(theap) {
            // Who keeps a handle from before the thread's first allocation comes here each time: the list may be full.
            return match thread::theap_for_alloc() {
                Some(theap) => pop(theap, class),
                None => ptr::null_mut(),
            };
        }
        // A first-class heap's theap keeps its lists with itself: they have not been looked at if it is the default.
        let block = if Theap::is_of_heap(theap) { take_parked(theap, class) } else { ptr::null_mut() };
        if block.is_null() { Theap::refill(theap, class) } else { block }
    }
}

/// As [`allocate`], with `size` bytes zero.
///
/// # Safety
/// As for [`allocate`].
#[inline]
pub(crate) unsafe fn allocate_zeroed(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe { zeroed(theap, size, size, align) }
}

/// The same with the whole block zero, so that growing in place finds zeros too.
///
/// # Safety
/// As for [`allocate`].
#[inline]
pub(crate) unsafe fn allocate_all_zeroed(theap: *mut Theap, size: usize, align: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe { zeroed(theap, size, block_size(size, align), align) }
}

/// As [`allocate`], with `size` bytes zero, which cost no larger block than those that were `asked` for.
///
/// # Safety
/// As for [`allocate`].
#[inline(always)]
unsafe fn zeroed(theap: *mut Theap, asked: usize, size: usize, align: usize) -> *mut u8 {
    #[cfg(not(feature = "secure"))]
    let _ = asked;
    // SAFETY: as the caller says; the block has at least so many bytes, and is ours until it is returned.
    unsafe {
        // Such a block ends where its guard begins, so it is no larger than it has to be.
        #[cfg(feature = "secure")]
        if let Some(block) = guarded::allocate(theap, asked, align) {
            block.write_bytes(0, if PADDED { asked } else { whole_size(block) });
            if PADDED {
                padding::close(block, asked, true);
            }
            return block;
        }
        let whole = padded(size);
        let rounded = rounded(whole, align);
        let block = if rounded > SMALL_MAX && !shares_page(rounded, align) {
            let large = large::allocate(theap, whole, align, 0);
            if !large.start.is_null() {
                large.clear(size);
            }
            large.start
        } else {
            let block = allocate_bare(theap, whole, align);
            if !block.is_null() {
                block.write_bytes(0, size);
            }
            block
        };
        if block.is_null() {
            return block;
        }
        if PADDED {
            padding::close(block, size, true);
        }
        block
    }
}

/// A block of `size` bytes whose byte at `offset`, which is no multiple of `align`, lies at a multiple of `align`.
/// Only a run of slices has its block start anywhere. Such blocks are not among those that are guarded now and then.
///
/// # Safety
/// As for [`allocate`]; `align` is a power of two, and `size + align` does not overflow.
#[cold]
pub(crate) unsafe fn allocate_at(
    theap: *mut Theap,
    size: usize,
    align: usize,
    offset: usize,
    zero: bool,
) -> *mut u8 {
    let ahead = offset.wrapping_neg() & (align - 1);
    // SAFETY: as the caller says.
    unsafe {
        let large = large::allocate(theap, padded(size.max(1)), align, ahead);
        if large.start.is_null() {
            return large.start;
        }
        if zero {
            large.clear(whole_size(large.start));
        }
        if PADDED {
            padding::close(large.start, size, zero);
        }
        large.start
    }
}

/// Makes the block at `p` hold `new` bytes without moving it, if that wastes less than half of it.
///
/// # Safety
/// `p` is a live block of this allocator.
pub(crate) unsafe fn resize_in_place(p: *mut u8, new: usize) -> bool {
    // SAFETY: the block lies where it was found.
    page_start(p).is_some_and(|found| unsafe { resize_found(found, p, new) })
}

/// As [`resize_in_place`], of a block that was looked up.
///
/// # Safety
/// As for [`resize_in_place`]; [`page_start`] gave `found` for `p`.
pub(crate) unsafe fn resize_found(found: (Slice, u32), p: *mut u8, new: usize) -> bool {
    // SAFETY: the caller holds the block, so its page exists.
    unsafe {
        match found {
            _ if PADDED => false,
            (first, OWNER_SINGLETON) => large::resize(first, p, new),
            (first, _) => is_worth_keeping(Page::facts(first.page()).block_size as usize, new),
        }
    }
}

/// Moves what is in the block `p`, of which `old` bytes are in use, to one of `new` bytes. Null when there is no memory:
/// `p` is still live then. What has grown large will often grow on, and does it in place if it owns a run: not where blocks
/// are padded or guarded, which only [`allocate`] does.
///
/// # Safety
/// As for [`allocate`]; the caller gives up the block at `p` for the result unless that is null.
#[inline(never)]
pub(crate) unsafe fn move_to_new(
    theap: *mut Theap,
    p: *mut u8,
    old: usize,
    new: usize,
    align: usize,
) -> *mut u8 {
    // SAFETY: the caller gives up the block for the result; both have room for the smaller of the two sizes, and do
    // not overlap.
    unsafe {
        let grown = !PADDED && !GUARDED && old < new && large::takes_grown(new);
        let alone = if grown { large::allocate(theap, new, align, 0).start } else { ptr::null_mut() };
        let moved = if alone.is_null() { allocate(theap, new, align) } else { alone };
        if !moved.is_null() {
            ptr::copy_nonoverlapping(p, moved, old.min(new));
            free::free(p);
        }
        moved
    }
}
