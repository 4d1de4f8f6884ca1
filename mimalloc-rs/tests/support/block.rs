//! A block whose every byte is known.

use std::alloc::{GlobalAlloc, Layout};

use mimalloc_rs::MiMalloc;

/// A live block, filled with a pattern of its own.
#[derive(Debug)]
pub(crate) struct Block {
    start: *mut u8,
    layout: Layout,
    pattern: u8,
}

// SAFETY: a block belongs to whoever holds it, and blocks may be freed by any thread.
unsafe impl Send for Block {}

impl Block {
    /// A block with contents of its own. `None` when the allocator refuses.
    pub(crate) fn try_new(layout: Layout, pattern: u8) -> Option<Self> {
        // SAFETY: the layout has a size.
        let start = unsafe { MiMalloc.alloc(layout) };
        Self::adopt(start, layout, pattern)
    }

    /// As [`Block::try_new`], for tests that stay far from any limit.
    pub(crate) fn new(layout: Layout, pattern: u8) -> Self {
        Self::try_new(layout, pattern).expect("memory was refused")
    }

    /// A block that the allocator says is zero; checked.
    pub(crate) fn zeroed(layout: Layout, pattern: u8) -> Self {
        // SAFETY: the layout has a size.
        let start = unsafe { MiMalloc.alloc_zeroed(layout) };
        assert!(!start.is_null(), "memory was refused");
        // SAFETY: the block has this many bytes, and is initialised.
        let bytes = unsafe { std::slice::from_raw_parts(start, layout.size()) };
        assert!(all(bytes, 0), "zeroed memory is not zero: {layout:?}");
        Self::adopt(start, layout, pattern).expect("it is not null")
    }

    fn adopt(start: *mut u8, layout: Layout, pattern: u8) -> Option<Self> {
        if start.is_null() {
            return None;
        }
        assert!(start.addr().is_multiple_of(layout.align()), "{start:?} is not aligned: {layout:?}");
        let mut block = Self { start, layout, pattern };
        assert!(block.usable() >= layout.size(), "{} usable bytes are too few: {layout:?}", block.usable());
        block.fill();
        Some(block)
    }

    pub(crate) fn start(&self) -> usize {
        self.start.addr()
    }

    /// Bytes the allocator says can be used.
    pub(crate) fn usable(&self) -> usize {
        // SAFETY: the block is live.
        unsafe { MiMalloc.usable_size(self.start) }
    }

    /// Writes to every usable byte, those beyond the request included.
    fn fill(&mut self) {
        // SAFETY: the block is ours, and has this many bytes.
        unsafe { self.start.write_bytes(self.pattern, self.usable()) };
    }

    /// Panics if anyone has written to the first `size` bytes.
    fn check_prefix(&self, size: usize) {
        // SAFETY: the block is ours, and has this many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(self.start, size) };
        if !all(bytes, self.pattern) {
            let changed = bytes.iter().position(|&byte| byte != self.pattern);
            panic!("contents changed at {changed:?} of {self:?}");
        }
    }

    /// Panics if anyone else has written to the block.
    pub(crate) fn check(&self) {
        self.check_prefix(self.usable());
    }

    /// Resizes the block, checks what has to be kept, and fills it again.
    pub(crate) fn resize(self, size: usize) -> Self {
        self.check();
        // SAFETY: the block is live, and the size is valid for its alignment.
        let start = unsafe { MiMalloc.realloc(self.start, self.layout, size) };
        let layout = Layout::from_size_align(size, self.layout.align()).expect("sizes in tests are small");
        assert!(!start.is_null(), "memory was refused");
        assert!(start.addr().is_multiple_of(layout.align()), "{start:?} is not aligned: {layout:?}");
        let mut block = Self { start, layout, pattern: self.pattern };
        assert!(block.usable() >= size, "{} usable bytes are too few: {layout:?}", block.usable());
        block.check_prefix(size.min(self.layout.size()));
        block.fill();
        block
    }

    /// Checks and frees the block.
    pub(crate) fn free(self) {
        self.check();
        // SAFETY: the block is live, and this was its only owner.
        unsafe { MiMalloc.dealloc(self.start, self.layout) };
    }
}

/// Whether all of `bytes` are `wanted`; without an early end, so that many are compared at once.
fn all(bytes: &[u8], wanted: u8) -> bool {
    bytes.iter().fold(0, |different, &byte| different | (byte ^ wanted)) == 0
}
