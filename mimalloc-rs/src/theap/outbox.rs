//! Blocks of pages that are not its own, which a thread has freed and will mark together.
//!
//! To mark a block takes an atomic operation, and whoever frees what another thread has made often frees neighbours. So
//! blocks whose marks share a word are gathered here, and marked in one operation when the thread frees
//! another small block elsewhere, comes through the slow path of an allocation, collects, or ends. Only a thread that has just
//! freed two such neighbours gathers: blocks that are freed here and there are marked at once.
//!
//! A gathered block is in use as far as its page can tell, so the page stays what it is. That holds for pages of the main
//! heap only: those of a first-class heap may end with blocks in use.

use core::mem;

use super::Theap;
use crate::arena::Slice;
use crate::geometry::GATHERED_MAX;
use crate::page::{Batch, Block, Page, freed_twice};
use crate::size_class::{CLASS, Class};

/// What a thread has gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outbox {
    /// Where the blocks lie whose marks share the word: so many bytes from this address on. None while nothing is gathered.
    start: usize,
    size: usize,
    class: &'static Class,
    /// What is gathered; if nothing is, the block that was marked last.
    blocks: Batch,
    page: Option<Slice>,
}

/// What came of a block that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    /// It is gathered.
    Taken,
    /// It does not belong to the others.
    Apart,
    /// It is here already.
    Twice,
}

impl Outbox {
    pub(super) const EMPTY: Self =
        Self { start: 0, size: 0, class: &CLASS[0], blocks: Batch::NONE, page: None };

    /// Begins to gather with blocks of the page in `first`.
    fn begin(first: Slice, class: &'static Class, blocks: Batch) -> Self {
        let block_size = class.block_size as usize;
        let from = blocks.first_of_word();
        // The last word of a page tells of fewer blocks.
        let count = Batch::MOST.min(class.reserved as usize - from);
        Self {
            start: first.start().addr() + from * block_size,
            size: count * block_size,
            class,
            blocks,
            page: Some(first),
        }
    }

    /// Remembers which block was marked, while nothing is gathered.
    fn remember(&mut self, first: Slice, block: Batch) {
        self.blocks = block;
        self.page = Some(first);
    }

    /// Takes a block if its mark shares the word.
    #[inline(always)]
    fn offer(&mut self, block: *mut Block) -> Offered {
        let offset = block.addr().wrapping_sub(self.start);
        if offset >= self.size {
            Offered::Apart
        } else if self.blocks.insert(self.class.block_at(offset)) {
            Offered::Taken
        } else {
            Offered::Twice
        }
    }

    /// Whether the block is here already.
    fn has(mut self, block: *mut Block) -> bool {
        self.offer(block) == Offered::Twice
    }

    /// Whether this block is likely to be followed by neighbours.
    fn expects_more(&self, first: Slice, block: Batch) -> bool {
        self.blocks.count() > 1 || self.page == Some(first) && self.blocks.is_joined_by(block)
    }
}

/// # Safety
/// As for all of [`Theap`]; `thread` is the calling thread's own theap.
impl Theap {
    /// Whether a block was taken that belongs to those gathered, or is one of them and is not freed once more. Threads that
    /// own nothing may pass here.
    #[inline(always)]
    pub(crate) unsafe fn gather(thread: *mut Theap, block: *mut Block) -> bool {
        // SAFETY: the caller uses the theap; one that owns nothing takes no block, and is not written to.
        match unsafe { (*thread).outbox.offer(block) } {
            Offered::Taken => true,
            Offered::Apart => false,
            Offered::Twice => {
                freed_twice(block);
                true
            }
        }
    }

    /// Whether the thread has gathered the block. Threads that own nothing may pass here.
    pub(crate) unsafe fn has_gathered(thread: *mut Theap, block: *mut Block) -> bool {
        // SAFETY: the caller uses the theap.
        unsafe { (*thread).outbox.has(block) }
    }

    /// Frees a block of the main heap into the page in `first`, which the thread does not own, at once or a little later.
    pub(crate) unsafe fn free_or_gather(thread: *mut Theap, first: Slice, block: *mut Block) {
        // SAFETY: the caller gives up the block, so the page is one until it is marked. No reference to the outbox is left
        // when blocks are freed, which may lead back here.
        unsafe {
            let class = Page::facts(first.page());
            let this = Page::batch_of(first, block);
            if class.block_size as usize <= GATHERED_MAX {
                let gathers = (*thread).outbox.expects_more(first, this)
                    && !Page::remote(first.page()).may_be_claimed();
                Self::send_gathered(thread);
                if gathers {
                    (*thread).outbox = Outbox::begin(first, class, this);
                    return;
                }
                (*thread).outbox.remember(first, this);
            }
            Self::free_batch(thread, first, this);
        }
    }

    /// Marks what the thread has gathered.
    #[inline]
    pub(super) unsafe fn send_gathered(thread: *mut Theap) {
        // SAFETY: as the caller says.
        unsafe {
            if (*thread).outbox.size > 0 {
                Self::send(thread, mem::replace(&mut (*thread).outbox, Outbox::EMPTY));
            }
        }
    }

    #[inline(never)]
    unsafe fn send(thread: *mut Theap, outbox: Outbox) {
        if let Some(first) = outbox.page {
            // SAFETY: the blocks were given up when they were gathered.
            unsafe { Self::free_batch(thread, first, outbox.blocks) };
        }
    }

    #[inline(always)]
    unsafe fn free_batch(thread: *mut Theap, first: Slice, blocks: Batch) {
        // SAFETY: the caller gives up the blocks. A page without an owner that it claims is its own.
        unsafe {
            if Page::free_remote(first, blocks, |class| Self::wants(thread, class, false)) {
                Self::adopt(thread, first.page());
            }
        }
    }
}
