//! The door for collections with an allocator of their own: [`MiMalloc`] and `&`[`Heap`].

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};

use crate::global::reallocate;
use crate::heap::Heap;
use crate::theap::Theap;
use crate::{MiMalloc, alloc, free, thread};

/// # Safety
/// `theap` is the calling thread's.
#[inline]
unsafe fn allocate(theap: *mut Theap, layout: Layout, zero: bool) -> Result<NonNull<[u8]>, AllocError> {
    // The address of an empty block must be aligned as well.
    let size = layout.size().max(1);
    // SAFETY: as the caller says.
    let block = unsafe {
        if zero {
            alloc::allocate_zeroed(theap, size, layout.align())
        } else {
            alloc::allocate(theap, size, layout.align())
        }
    };
    let start = NonNull::new(block).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, layout.size()))
}

/// # Safety
/// As for [`Allocator::grow`]; `theap` is the calling thread's.
unsafe fn resize(
    theap: *mut Theap,
    p: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    let size = new.size().max(1);
    // SAFETY: as the caller says.
    let block = unsafe { reallocate(theap, p.as_ptr(), old.size(), size, new.align()) };
    let start = NonNull::new(block).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, new.size()))
}

macro_rules! allocator {
    ($type:ty, $theap:expr) => {
        // SAFETY: blocks are distinct, live until they are freed, at least as large and aligned as asked for. They
        // come from a heap that lives as long as the type, and may be freed through any copy of it.
        unsafe impl Allocator for $type {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the theap is the calling thread's.
                unsafe { allocate($theap(self)?, layout, false) }
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the theap is the calling thread's.
                unsafe { allocate($theap(self)?, layout, true) }
            }

            #[inline]
            unsafe fn deallocate(&self, p: NonNull<u8>, _: Layout) {
                // SAFETY: the caller gives up a block of ours.
                unsafe { free::free(p.as_ptr()) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                p: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as the caller says; the theap is the calling thread's.
                unsafe { resize($theap(self)?, p, old, new) }
            }

            #[inline]
            unsafe fn shrink(
                &self,
                p: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as the caller says; the theap is the calling thread's.
                unsafe { resize($theap(self)?, p, old, new) }
            }
        }
    };
}

allocator!(MiMalloc, |_| Ok::<_, AllocError>(thread::theap()));
allocator!(&Heap, |heap: &&Heap| heap.theap().ok_or(AllocError));
