//! The door for Rust programs: [`MiMalloc`] as `#[global_allocator]`.

use core::alloc::{GlobalAlloc, Layout};

use crate::geometry::SMALL_MAX;
use crate::raw::ThreadHeap;
use crate::theap::Theap;
use crate::{alloc, arena, free, thread, usable};

/// The allocator.
///
/// ```
/// use mimalloc_rs::MiMalloc;
///
/// #[global_allocator]
/// static GLOBAL: MiMalloc = MiMalloc;
///
/// let numbers: Vec<u32> = (0..1000).collect();
/// assert!(GLOBAL.owns(numbers.as_ptr()));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MiMalloc;

// SAFETY: blocks are distinct, live until they are freed, at least as large and aligned as asked for (the
// argument is in `size_class`), and no method unwinds.
unsafe impl GlobalAlloc for MiMalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: the theap is the calling thread's.
        let block = unsafe { alloc::at_hand(thread::theap(), size, align) };
        if block.is_null() { allocate(size, align) } else { block }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, _: Layout) {
        // SAFETY: the caller gives up a block of ours. Its page knows its size.
        unsafe { free::free(p) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the theap is the calling thread's.
        unsafe { alloc::allocate_zeroed(thread::theap(), layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (old, align) = (layout.size(), layout.align());
        if usable::is_served_alike(old, new_size, align) {
            return p;
        }
        // SAFETY: the caller passes a block of this layout, and a new size that is valid with its alignment.
        unsafe {
            // A small block has no room to grow, and need not be looked up to know.
            if old < new_size && new_size <= SMALL_MAX {
                return alloc::move_to_new(thread::theap(), p, old, new_size, align);
            }
            reallocate(thread::theap(), p, old, new_size, align)
        }
    }
}

/// A block when none is at hand. Out of line, so that the way to one that is saves no registers and does not load the theap.
#[cold]
#[inline(never)]
fn allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: the theap is the calling thread's.
    unsafe { alloc::allocate(thread::theap(), size, align) }
}

/// Makes the block `p` of `old` bytes hold `new`, at a multiple of `align`.
///
/// # Safety
/// As for [`GlobalAlloc::realloc`], except that the alignment may be a new one; `theap` is the calling thread's.
#[inline(never)]
pub(crate) unsafe fn reallocate(
    theap: *mut Theap,
    p: *mut u8,
    old: usize,
    new: usize,
    align: usize,
) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        if p.addr() & (align - 1) == 0 && alloc::resize_in_place(p, new) {
            return p;
        }
        alloc::move_to_new(theap, p, old, new, align)
    }
}

impl MiMalloc {
    /// Whether `p` points into memory that this allocator reserved. Any pointer may be passed.
    ///
    /// ```
    /// use mimalloc_rs::{MiMalloc, raw::{self, ThreadHeap}};
    ///
    /// let p = ThreadHeap::current().malloc(100);
    /// assert!(MiMalloc.owns(p) && !MiMalloc.owns(&raw const p));
    /// // SAFETY: `p` is a live block, given up by the last line.
    /// unsafe {
    ///     assert!(MiMalloc.usable_size(p) >= 100);
    ///     raw::free(p);
    /// }
    /// ```
    #[must_use]
    pub fn owns<T>(&self, p: *const T) -> bool {
        arena::find(p.cast()).is_some()
    }

    /// The number of bytes that can be used at `p`, at least what was asked for.
    ///
    /// # Safety
    /// `p` is a live block of this allocator.
    #[must_use]
    pub unsafe fn usable_size<T>(&self, p: *const T) -> usize {
        // SAFETY: the caller vouches for the pointer.
        unsafe { usable::usable_size(p.cast()) }
    }

    /// Gives back memory that is not in use: the calling thread's empty pages and, with `force`, everything
    /// that any thread has freed and the allocator still keeps resident. Another thread that is giving
    /// memory back at this moment is asked to do the latter, and not waited for.
    ///
    /// ```
    /// use mimalloc_rs::MiMalloc;
    /// #[global_allocator]
    /// static GLOBAL: MiMalloc = MiMalloc;
    ///
    /// drop(vec![1u8; 100 << 20]);
    /// GLOBAL.collect(true); // the 100 MiB are no longer resident
    /// ```
    pub fn collect(&self, force: bool) {
        ThreadHeap::current().collect(force);
    }
}
