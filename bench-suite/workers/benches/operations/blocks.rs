//! Blocks as a program uses them.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("sizes are small, and alignments powers of two")
}

/// A block whose first byte is written.
pub(crate) fn allocate(allocator: &impl GlobalAlloc, layout: Layout) -> *mut u8 {
    // SAFETY: the layout has a size, and a block at least one byte.
    unsafe {
        let block = allocator.alloc(layout);
        assert!(!block.is_null(), "memory was refused");
        block.write_volatile(1);
        block
    }
}

pub(crate) fn free(allocator: &impl GlobalAlloc, block: *mut u8, layout: Layout) {
    // SAFETY: every block here is freed once, with the layout it was made with.
    unsafe { allocator.dealloc(black_box(block), layout) }
}
