//! A page reduced to what its owners pass on: which blocks are free, and the links of those on their way.

use loom::cell::UnsafeCell;

use crate::remote::{Freed, Position, RemoteWord, Taken, Unlisted};
use crate::stack::IndexStack;
use crate::sync::{AtomicU32, AtomicU64, Orders};

/// A value that one thread at a time may touch. The model checker reports two accesses of which neither is
/// ordered before the other.
pub(super) struct Guarded<T>(UnsafeCell<T>);

// SAFETY: an access from two threads at once ends the model before it happens.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T: Copy> Guarded<T> {
    pub(super) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(super) fn get(&self) -> T {
        // SAFETY: the cell checks that nobody writes at the same time.
        self.0.with(|value| unsafe { *value })
    }

    pub(super) fn set(&self, new: T) {
        // SAFETY: the cell checks that nobody else is here at the same time.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}

/// Most blocks of a toy page.
const BLOCKS: usize = 3;

/// See the [module](self).
pub(super) struct ToyPage<O> {
    pub(super) word: RemoteWord<O>,
    pub(super) listed_next: AtomicU32,
    /// Blocks the owner may hand out, as a set of bits.
    pub(super) free: Guarded<u32>,
    links: [Guarded<Option<Position>>; BLOCKS],
}

impl<O: Orders> ToyPage<O> {
    /// A page that the caller owns, and whose owner has the blocks in `free`.
    pub(super) fn owned(free: u32) -> Self {
        Self {
            word: RemoteWord::new(AtomicU64::new(crate::remote::OWNED)),
            listed_next: AtomicU32::new(0),
            free: Guarded::new(free),
            links: core::array::from_fn(|_| Guarded::new(None)),
        }
    }

    /// Frees a block into a page of somebody else's. True if the page is the caller's now; the block is then
    /// with the owner's.
    pub(super) fn free_remote(&self, block: u32) -> bool {
        self.free_unwanted(block, 0)
    }

    /// As [`ToyPage::free_remote`] by a thread that leaves a listed page where it is, unless it frees the last of the blocks
    /// that are `awaited`.
    pub(super) fn free_unwanted(&self, block: u32, awaited: u32) -> bool {
        let link = |next| self.links[block as usize].set(next);
        match self.word.free(Position::from_words(block), link, |waiting| waiting < awaited) {
            Freed::Queued => return false,
            Freed::Claimed => self.push_local(block),
            Freed::ClaimedWithList => self.collect_remote(),
        }
        true
    }

    /// Frees a block into the caller's page.
    pub(super) fn push_local(&self, block: u32) {
        let free = self.free.get();
        assert_eq!(free & (1 << block), 0, "block {block} is free twice");
        self.free.set(free | (1 << block));
    }

    /// Takes what others freed into the caller's page.
    pub(super) fn collect_remote(&self) {
        let Some(Taken { head, count }) = self.word.take() else { return };
        let mut next = Some(head);
        for _ in 0..count {
            let block = next.expect("the list is shorter than its count").words();
            self.push_local(block);
            next = self.links[block as usize].get();
        }
        assert_eq!(next, None, "the list is longer than its count");
    }

    /// Gives the caller's page up, to the stack if it has free blocks.
    pub(super) fn give_up(&self, stack: &IndexStack<O>) {
        if self.free.get() == 0 && self.word.release_full() {
            return;
        }
        if self.word.release_listed() {
            stack.push(0, &self.listed_next);
        }
    }

    /// Takes the page from the stack. True if it is the caller's now.
    pub(super) fn pop_from(&self, stack: &IndexStack<O>) -> bool {
        stack.pop(|_| &self.listed_next).is_some() && self.word.unlist() == Unlisted::Claimed
    }

    /// As [`ToyPage::pop_from`], when all other threads have ended: the stack may hold the page once at most.
    pub(super) fn pop_last_from(&self, stack: &IndexStack<O>) -> bool {
        let claimed = self.pop_from(stack);
        assert_eq!(stack.pop(|_| &self.listed_next), None, "the page stood in the stack twice");
        claimed
    }
}
