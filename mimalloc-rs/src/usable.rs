//! How many bytes a block has: one that is asked for, and one that is there.

use crate::arena::{OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice, ring};
use crate::free::page_start;
use crate::geometry::{BLOCK_MAX, GUARD_SIZE, GUARDED, SLICE_SIZE, SMALL_MAX};
use crate::large;
use crate::padding;
use crate::page::Page;
use crate::size_class::{self, CLASS, WORD};
use crate::theap::{OF_HEAP, Theap};

/// A request's size, rounded so that its class is aligned as the request demands; every class is a multiple of a word.
/// Alignments are powers of two; those of [`core::alloc::Layout`] never overflow this.
#[inline(always)]
pub(crate) fn rounded(size: usize, align: usize) -> usize {
    if align <= WORD { size } else { (size.wrapping_add(align - 1)) & !(align - 1) }
}

/// Whether blocks of a request of this rounded size share a page.
#[inline(always)]
pub(crate) fn shares_page(rounded: usize, align: usize) -> bool {
    rounded <= BLOCK_MAX && align <= BLOCK_MAX
}

/// Whether blocks carry padding, which tells of writes behind their end.
pub(crate) const PADDED: bool = cfg!(feature = "debug");

/// Bytes that blocks lose to padding.
pub(crate) const fn padding() -> usize {
    if PADDED { padding::SIZE } else { 0 }
}

pub(crate) fn padded(size: usize) -> usize {
    if PADDED { size.saturating_add(padding::SIZE) } else { size }
}

/// Bytes that can be used of the block that serves a request, if there is memory.
#[inline]
pub(crate) fn block_size(size: usize, align: usize) -> usize {
    let rounded = rounded(size, align);
    if PADDED {
        size
    } else if rounded <= SMALL_MAX {
        CLASS[size_class::of_small(rounded)].block_size as usize
    } else if shares_page(rounded, align) {
        size_class::block_size(size_class::of(rounded))
    } else {
        (size + GUARD_SIZE).max(1).next_multiple_of(SLICE_SIZE) - GUARD_SIZE
    }
}

/// The most bytes that can be asked for at the price of `size`: blocks of both sizes are the same. That is what can be
/// used of either, except with the crate feature `debug`, where a block holds what was asked for.
///
/// ```
/// use mimalloc_rs::good_size;
/// use mimalloc_rs::raw::{self, ThreadHeap};
///
/// let p = ThreadHeap::current().malloc(good_size(1000));
/// // SAFETY: `p` is a live block, given up by the last line.
/// unsafe {
///     assert_eq!(raw::usable_size(p), good_size(1000));
///     raw::free(p);
/// }
/// ```
#[must_use]
pub const fn good_size(size: usize) -> usize {
    if size > isize::MAX as usize {
        return size;
    }
    let whole = size + padding();
    let block = if whole <= BLOCK_MAX {
        size_class::block_size(size_class::of(whole))
    } else {
        (whole + GUARD_SIZE).next_multiple_of(SLICE_SIZE) - GUARD_SIZE
    };
    block - padding()
}

/// Whether small requests of both sizes get blocks of the same size, so that a block for one will do for the other.
#[inline]
pub(crate) fn is_served_alike(one: usize, other: usize, align: usize) -> bool {
    let (one, other) = (rounded(one, align), rounded(other, align));
    !PADDED
        && !GUARDED
        && one.max(other) <= SMALL_MAX
        && size_class::of_small(one) == size_class::of_small(other)
}

/// Whether a block with so many bytes to use serves `size` bytes without wasting more than half of it.
#[inline]
pub(crate) fn is_worth_keeping(usable: usize, size: usize) -> bool {
    size <= usable && size >= usable / 2
}

/// Bytes that can be used at `p` if it is a block of a page in the first region that shows by its owner word to be of the theap's
/// heap: of the theap's own, or for one of the main heap, of any that is not another heap's. Never, if blocks are padded or
/// guarded: then they hold less than their class says.
///
/// # Safety
/// `p` is null or a live block of this allocator; `theap` is the calling thread's, or one of those that own nothing.
#[inline]
pub(crate) unsafe fn usable_size_at_home(theap: *mut Theap, p: *mut u8) -> Option<usize> {
    if PADDED || GUARDED {
        return None;
    }
    let (page, owner) = ring::shared_page(p)?;
    // SAFETY: the caller holds the block, so its page exists, and its class does not change.
    unsafe {
        let id = Theap::id(theap);
        let is_home = owner == id || (owner | id) & OF_HEAP == 0;
        is_home.then(|| Page::facts(page).block_size as usize)
    }
}

/// Bytes that can be used at `p`: none if it does not lie in a page.
///
/// # Safety
/// `p` is a live block of this allocator, or no pointer into its memory.
pub(crate) unsafe fn usable_size(p: *const u8) -> usize {
    // SAFETY: as the caller says.
    unsafe { if PADDED && whole_size(p) > 0 { padding::size(p) } else { whole_size(p) } }
}

/// As [`usable_size`], padding included.
///
/// # Safety
/// As for [`usable_size`].
#[inline]
pub(crate) unsafe fn whole_size(p: *const u8) -> usize {
    match ring::shared_page(p) {
        // SAFETY: the caller holds the block, so its page exists, and its class does not change.
        Some((page, _)) => unsafe { Page::facts(page).block_size as usize },
        // SAFETY: as the caller says.
        None => unsafe { whole_size_apart(p) },
    }
}

/// As [`whole_size`], for all blocks.
///
/// # Safety
/// As for [`whole_size`].
#[cold]
#[inline(never)]
unsafe fn whole_size_apart(p: *const u8) -> usize {
    // SAFETY: as in `whole_size`.
    page_start(p).map_or(0, |found| unsafe { whole_size_found(found, p) })
}

/// As [`usable_size`], of a block that was looked up.
///
/// # Safety
/// `p` is a live block of this allocator, and [`page_start`] gave `found` for it.
pub(crate) unsafe fn usable_size_found(found: (Slice, u32), p: *const u8) -> usize {
    // SAFETY: as the caller says.
    unsafe { if PADDED { padding::size(p) } else { whole_size_found(found, p) } }
}

/// # Safety
/// As for [`usable_size_found`], but for `p`, which may lie in no page.
#[inline]
unsafe fn whole_size_found(found: (Slice, u32), p: *const u8) -> usize {
    // SAFETY: as in `whole_size`.
    unsafe {
        match found {
            (first, OWNER_SINGLETON) => large::usable_size(first, p),
            (_, OWNER_NOT_A_PAGE) => 0,
            (first, _) => Page::facts(first.page()).block_size as usize,
        }
    }
}
