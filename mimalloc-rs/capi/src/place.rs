//! Where C functions allocate.

use core::ptr;

use mi::raw::ThreadHeap;

use crate::heap::{MiHeap, theap_of};
use crate::theap::{MiTheap, theap_from};

/// The calling thread's part of a heap, or nowhere if the heap has none for want of memory. Nowhere is a place too, where every
/// allocation fails: so a function does there what it promises for a failure.
#[derive(Clone, Copy)]
pub(crate) struct Place(Option<ThreadHeap<'static>>);

impl Place {
    /// The calling thread's default.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        Self(Some(ThreadHeap::current()))
    }

    /// The calling thread's part of a heap of C's.
    ///
    /// # Safety
    /// As for [`theap_of`].
    #[inline(always)]
    pub(crate) unsafe fn in_heap(heap: *const MiHeap) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { theap_of(heap) })
    }

    /// A theap of C's.
    ///
    /// # Safety
    /// As for [`theap_from`].
    #[inline(always)]
    pub(crate) unsafe fn theap(theap: *mut MiTheap) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { theap_from(theap) })
    }

    #[inline(always)]
    fn or_null(self, allocate: impl FnOnce(ThreadHeap<'static>) -> *mut u8) -> *mut u8 {
        self.0.map_or(ptr::null_mut(), allocate)
    }
}

/// The functions of the same name of [`ThreadHeap`]. Nowhere they give null, and a block to resize stays live.
impl Place {
    #[inline(always)]
    pub(crate) fn malloc(self, size: usize) -> *mut u8 {
        self.or_null(|on| on.malloc(size))
    }

    #[inline(always)]
    pub(crate) fn zalloc(self, size: usize) -> *mut u8 {
        self.or_null(|on| on.zalloc(size))
    }

    #[inline(always)]
    pub(crate) fn malloc_aligned_at(self, size: usize, align: usize, offset: usize) -> *mut u8 {
        self.or_null(|on| on.malloc_aligned_at(size, align, offset))
    }

    #[inline(always)]
    pub(crate) fn zalloc_aligned_at(self, size: usize, align: usize, offset: usize) -> *mut u8 {
        self.or_null(|on| on.zalloc_aligned_at(size, align, offset))
    }

    /// # Safety
    /// As for [`ThreadHeap::realloc`].
    #[inline(always)]
    pub(crate) unsafe fn realloc(self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller says.
        self.or_null(|on| unsafe { on.realloc(p, size) })
    }

    /// # Safety
    /// As for [`ThreadHeap::realloc`].
    #[inline(always)]
    pub(crate) unsafe fn rezalloc(self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller says.
        self.or_null(|on| unsafe { on.rezalloc(p, size) })
    }

    /// # Safety
    /// As for [`ThreadHeap::realloc`].
    #[inline(always)]
    pub(crate) unsafe fn realloc_aligned_at(
        self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller says.
        self.or_null(|on| unsafe { on.realloc_aligned_at(p, size, to_realign(align, offset), offset) })
    }

    /// # Safety
    /// As for [`ThreadHeap::realloc`].
    #[inline(always)]
    pub(crate) unsafe fn rezalloc_aligned_at(
        self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller says.
        self.or_null(|on| unsafe { on.rezalloc_aligned_at(p, size, to_realign(align, offset), offset) })
    }
}

/// The alignment to ask for when a block is resized. One up to a word's is not looked at, power of two or not, as in mimalloc:
/// every block has that.
#[inline(always)]
fn to_realign(align: usize, offset: usize) -> usize {
    if offset == 0 && align <= align_of::<usize>() { 1 } else { align }
}
