//! Blocks of pages that are not its own, which a thread has freed and will mark together.
//!
//! To mark a block takes an atomic operation, and whoever frees what another thread has made often frees neighbours. So
//! blocks whose marks share a word are gathered here, and marked in one operation when the thread frees
//! another small block elsewhere, comes through the slow path of an allocation, collects, or ends. Only a thread that has just
//! freed two such neighbours gathers: blocks that are freed here and there are marked at once.
//!
//! ```text
//!   window: blocks whose marks share a word
//!   |  g  g  .  .  r  r  r  .  .  .  g  |      g: in `blocks`   r: in the row, which begins at `row_place`
//!                           ^        ^
//!                           next     row_end
//! ```
//!
//! A gathered block is in use as far as its page can tell, so the page stays what it is. That holds for pages of the main
//! heap only: those of a first-class heap may end with blocks in use.

use core::mem;

use super::Theap;
use crate::abandoned;
use crate::arena::Slice;
use crate::geometry::GATHERED_MAX;
use crate::page::{Batch, Block, Page, freed_twice};
use crate::size_class::{CLASS, Class};

/// What a thread has gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outbox {
    /// The block that would follow those freed last, which lie in a row: taking it is no more than moving on to the one
    /// behind it.
    next: usize,
    /// A row ends here: with a block that is among `blocks` already, or with the last whose mark shares the word.
    row_end: usize,
    class: &'static Class,
    /// Where the blocks lie whose marks share the word: so many bytes from this address on. None while nothing is gathered.
    window: usize,
    window_size: u32,
    /// The place in the word of the row's first block.
    row_place: u32,
    /// What is gathered, without the row; if nothing is, the block that was marked last.
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
    pub(super) const EMPTY: Self = Self {
        next: 0,
        row_end: 0,
        class: &CLASS[0],
        window: 0,
        window_size: 0,
        row_place: 0,
        blocks: Batch::NONE,
        page: None,
    };

    /// Begins to gather with a block of the page in `first`.
    fn begin(first: Slice, class: &'static Class, block: Batch) -> Self {
        let block_size = class.block_size as usize;
        let from = block.first_of_word();
        // The last word of a page tells of fewer blocks.
        let count = Batch::MOST.min(class.reserved as usize - from);
        let mut outbox = Self {
            class,
            window: first.start().addr() + from * block_size,
            window_size: (count * block_size) as u32,
            blocks: block,
            page: Some(first),
            ..Self::EMPTY
        };
        outbox.begin_row(block.first() + 1);
        outbox
    }

    /// Remembers which block was marked, while nothing is gathered.
    fn remember(&mut self, first: Slice, block: Batch) {
        self.blocks = block;
        self.page = Some(first);
    }

    /// Takes a block if it follows those freed last.
    ///
    /// # Safety
    /// `this` is the calling thread's, or one that takes nothing, which several threads may ask at once.
    #[inline(always)]
    unsafe fn offer_next(this: *mut Self, block: *mut Block) -> bool {
        // SAFETY: as the caller says.
        unsafe {
            let follows = block.addr() == (*this).next && (*this).next != (*this).row_end;
            if follows {
                (*this).next += (*this).class.block_size as usize;
            }
            follows
        }
    }

    /// Takes a block if its mark shares the word.
    ///
    /// # Safety
    /// As for [`Outbox::offer_next`].
    unsafe fn offer(this: *mut Self, block: *mut Block) -> Offered {
        // SAFETY: as the caller says.
        let offset = unsafe { block.addr().wrapping_sub((*this).window) };
        // SAFETY: one that takes nothing has no size; so beyond this it is the calling thread's.
        let this = unsafe {
            if offset >= (*this).window_size as usize {
                return Offered::Apart;
            }
            &mut *this
        };
        this.end_row();
        let place = this.class.block_at(offset);
        if !this.blocks.insert(place) {
            return Offered::Twice;
        }
        this.begin_row(place + 1);
        Offered::Taken
    }

    /// Begins a row, without blocks so far, with the one at this place.
    fn begin_row(&mut self, place: usize) {
        let block_size = self.class.block_size as usize;
        self.row_place = place as u32;
        self.next = self.window + place * block_size;
        self.row_end =
            self.window + (self.blocks.first_from(place) * block_size).min(self.window_size as usize);
    }

    /// Puts the blocks of the row to the others.
    fn end_row(&mut self) {
        self.blocks.insert_row(self.row_place as usize, self.row_len());
    }

    fn row_len(&self) -> usize {
        self.class.block_at(self.next - self.window) - self.row_place as usize
    }

    /// Whether the block is here already.
    fn has(mut self, block: *mut Block) -> bool {
        // SAFETY: this copy is the caller's.
        unsafe { Self::offer(&raw mut self, block) == Offered::Twice }
    }

    /// All blocks that are gathered.
    fn all(mut self) -> Batch {
        self.end_row();
        self.blocks
    }

    /// Whether this block is likely to be followed by neighbours.
    fn expects_more(&self, first: Slice, block: Batch) -> bool {
        let gathered = self.row_len() > 0 || self.blocks.count() > 1;
        gathered || self.page == Some(first) && self.blocks.is_joined_by(block)
    }
}

/// # Safety
/// As for all of [`Theap`]; `thread` is the calling thread's own theap.
impl Theap {
    /// Whether a block was taken because it follows those gathered last. Threads that own nothing may pass here.
    #[inline(always)]
    pub(crate) unsafe fn gather_next(thread: *mut Theap, block: *mut Block) -> bool {
        // SAFETY: the caller uses the theap; one that owns nothing takes no block, and is not written to.
        unsafe { Outbox::offer_next(&raw mut (*thread).outbox, block) }
    }

    /// Whether a block was taken that belongs to those gathered, or is one of them and is not freed once more. Threads that
    /// own nothing may pass here.
    #[inline]
    pub(crate) unsafe fn gather(thread: *mut Theap, block: *mut Block) -> bool {
        // SAFETY: the caller uses the theap; one that owns nothing takes no block, and is not written to.
        match unsafe { Outbox::offer(&raw mut (*thread).outbox, block) } {
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

    /// Marks what the thread has gathered: nothing is afterwards.
    #[inline]
    pub(super) unsafe fn send_gathered(thread: *mut Theap) {
        // SAFETY: as the caller says.
        unsafe {
            // Who is told of something on the way may free, and gather.
            while (*thread).outbox.window_size > 0 {
                Self::send(thread, mem::replace(&mut (*thread).outbox, Outbox::EMPTY));
            }
        }
    }

    #[inline(never)]
    unsafe fn send(thread: *mut Theap, outbox: Outbox) {
        if let Some(first) = outbox.page {
            // SAFETY: the blocks were given up when they were gathered.
            unsafe { Self::free_batch(thread, first, outbox.all()) };
        }
    }

    #[inline(always)]
    unsafe fn free_batch(thread: *mut Theap, first: Slice, blocks: Batch) {
        // SAFETY: the caller gives up the blocks. A page without an owner that it claims is its own.
        unsafe {
            if abandoned::free_into(first, blocks, |class, origin| Self::wants(thread, class, origin)) {
                Self::adopt(thread, first.page());
            }
        }
    }
}
