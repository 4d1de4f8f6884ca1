//! What is asked of a block, and all that is tried before there is none.

use core::ptr;

use super::ThreadHeap;
use crate::arena::{OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice};
use crate::free::page_start;
use crate::heap::Record;
use crate::page::Page;
use crate::report::{self, ErrorKind};
use crate::{alloc, free, usable};

/// No size above this can be had; C's `PTRDIFF_MAX`.
const SIZE_MAX: usize = isize::MAX as usize;

/// What is asked of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) size: usize,
    /// A power of two.
    pub(super) align: usize,
    /// The place in the block that is aligned.
    pub(super) offset: usize,
    pub(super) zero: bool,
}

impl Request {
    pub(super) const fn plain(size: usize) -> Self {
        Self { size, align: 1, offset: 0, zero: false }
    }
}

impl ThreadHeap<'_> {
    /// As [`allocate`](Self::allocate), of a request whose alignment may be none.
    #[inline]
    pub(super) fn allocate_aligned(self, request: Request) -> *mut u8 {
        if !request.align.is_power_of_two() {
            return ptr::null_mut();
        }
        self.allocate(request)
    }

    /// A block as requested; null after all that can be tried, and told.
    #[inline]
    pub(super) fn allocate(self, request: Request) -> *mut u8 {
        let block = self.attempt(request);
        if block.is_null() {
            return self.last_resort(request);
        }
        block
    }

    #[inline]
    fn attempt(self, request: Request) -> *mut u8 {
        let Request { size, align, offset, zero } = request;
        if size > SIZE_MAX - (align - 1) {
            return ptr::null_mut();
        }
        // SAFETY: the theap is the calling thread's: the type does not leave it.
        unsafe {
            if offset & (align - 1) != 0 {
                return alloc::allocate_at(self.theap, size, align, offset, zero);
            }
            // An aligned block of no size is as large as its alignment, or it would not lie there. Padding has a size.
            let size = if align > 1 && usable::padding() == 0 { size.max(1) } else { size };
            if zero {
                alloc::allocate_all_zeroed(self.theap, size, align)
            } else {
                alloc::allocate(self.theap, size, align)
            }
        }
    }

    /// Tries once more with all that this thread can give back, then says what is wrong.
    #[cold]
    #[inline(never)]
    pub(super) fn last_resort(self, request: Request) -> *mut u8 {
        if request.size > SIZE_MAX - (request.align - 1) {
            report::error(
                ErrorKind::TooLarge,
                format_args!("a block of {} bytes is larger than any can be", request.size),
            );
            return ptr::null_mut();
        }
        self.collect(true);
        let block = self.attempt(request);
        if block.is_null() {
            report::error(
                ErrorKind::OutOfMemory,
                format_args!("out of memory: the system refuses a block of {} bytes", request.size),
            );
        }
        block
    }

    /// As [`reallocate`](Self::reallocate), for a request whose alignment may be none.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn reallocate_aligned(self, p: *mut u8, request: Request) -> *mut u8 {
        if !request.align.is_power_of_two() {
            return ptr::null_mut();
        }
        // SAFETY: as the caller says.
        unsafe { self.reallocate(p, request) }
    }

    /// The short way to another size above zero for a block in a page of many, if that shows at a look to be of this heap. Null if
    /// it does not, or there is no memory; `p` is still live then.
    ///
    /// # Safety
    /// As for [`reallocate`](Self::reallocate).
    #[inline]
    pub(super) unsafe fn reallocate_at_home(self, p: *mut u8, size: usize) -> *mut u8 {
        if size == 0 || size > SIZE_MAX {
            return ptr::null_mut();
        }
        // SAFETY: as the caller says; the theap is the calling thread's.
        unsafe {
            match usable::usable_size_at_home(self.theap, p) {
                None => ptr::null_mut(),
                Some(usable) if usable::is_worth_keeping(usable, size) => p,
                Some(usable) => alloc::move_to_new(self.theap, p, usable, size, 1),
            }
        }
    }

    /// Makes the block at `p`, which may be null, one as requested, or gives it up for one. Where no block is, nothing can be
    /// copied from: that is told, and gives null.
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn reallocate(self, p: *mut u8, request: Request) -> *mut u8 {
        if p.is_null() {
            return self.allocate(request);
        }
        // SAFETY: as the caller says.
        let Some(found) = (unsafe { find_block(p) }) else {
            report::error(
                ErrorKind::InvalidPointer,
                format_args!("realloc of {p:p}, which is not an allocated block; ignored"),
            );
            return ptr::null_mut();
        };
        let Request { size, align, offset, zero } = request;
        let aligned = p.addr().wrapping_add(offset) & (align - 1) == 0;
        let is_at_home = || Record::of_found(found).is_some_and(|home| ptr::eq(home, self.record()));
        // SAFETY: the caller gives up the block at `p` for the result. Both blocks have room for what is copied, and do
        // not overlap; what is cleared lies behind what the block held before.
        unsafe {
            // A run that stays may have become shorter.
            let before = if zero { usable::usable_size_found(found, p) } else { 0 };
            if aligned && size > 0 && is_at_home() && alloc::resize_found(found, p, size) {
                if zero {
                    clear_behind(p, before);
                }
                return p;
            }
            let block = self.allocate(Request { zero: false, ..request });
            if !block.is_null() {
                let copied = if zero {
                    before.min(usable::usable_size(block))
                } else {
                    usable::usable_size_found(found, p).min(size)
                };
                ptr::copy_nonoverlapping(p, block, copied);
                free::free(p);
                if zero {
                    clear_behind(block, copied);
                }
            }
            block
        }
    }
}

/// Makes all of the block read as zero that lies behind so many bytes.
///
/// # Safety
/// `block` is a live block of the caller's.
unsafe fn clear_behind(block: *mut u8, held: usize) {
    // SAFETY: as the caller says.
    unsafe {
        let size = usable::usable_size(block);
        if held < size {
            block.add(held).write_bytes(0, size - held);
        }
    }
}

/// Where a block lies that may start at `p`, as [`page_start`] finds it. In a page of many that is not looked at.
///
/// # Safety
/// If `p` lies in a run, that is a live block's.
pub(super) unsafe fn find_block(p: *const u8) -> Option<(Slice, u32)> {
    page_start(p).filter(|&(first, owner)| match owner {
        OWNER_NOT_A_PAGE => false,
        // SAFETY: as the caller says, so the run has its record.
        OWNER_SINGLETON => ptr::eq(unsafe { Page::run_block(first.page()) }, p),
        _ => true,
    })
}
