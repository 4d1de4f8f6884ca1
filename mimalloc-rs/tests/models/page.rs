//! A page reduced to what its owners pass on: which blocks are free, and what was written to them last.

use loom::cell::UnsafeCell;

use crate::marks::{Batch, LINES, Line, Marks};
use crate::remote::{Freed, Released, RemoteWord, Unlisted};
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
/// From a block's mark to the next one's where they lie in different words, those of the first two in one line.
const APART: usize = 64;

/// See the [module](self).
pub(super) struct ToyPage<O> {
    pub(super) word: RemoteWord<O>,
    /// Whether the marks lie in the word.
    compact: bool,
    marks: [Line; LINES],
    /// From a block's mark to the next one's.
    apart: usize,
    pub(super) listed_next: AtomicU32,
    /// Blocks the owner may hand out, as a set of bits.
    pub(super) free: Guarded<u32>,
    contents: [Guarded<()>; BLOCKS],
}

impl<O: Orders> ToyPage<O> {
    /// A page that the caller owns, and whose owner has the blocks in `free`.
    pub(super) fn owned(free: u32) -> Self {
        Self {
            word: RemoteWord::new(AtomicU64::new(crate::remote::OWNED)),
            marks: core::array::from_fn(|_| Line(core::array::from_fn(|_| AtomicU64::new(0)))),
            compact: false,
            apart: APART,
            listed_next: AtomicU32::new(0),
            free: Guarded::new(free),
            contents: core::array::from_fn(|_| Guarded::new(())),
        }
    }

    /// The same with all marks in one word.
    pub(super) fn of_neighbours(free: u32) -> Self {
        Self { apart: 1, ..Self::owned(free) }
    }

    /// The same with marks in the page's word.
    pub(super) fn compact(free: u32) -> Self {
        Self { compact: true, ..Self::of_neighbours(free) }
    }

    fn marks(&self) -> Marks<'_> {
        // SAFETY: all lines that a page can have follow each other.
        unsafe { Marks::new(self.marks.as_ptr(), 1) }
    }

    /// Frees a block into a page of somebody else's. True if the page is the caller's now; the block is then
    /// with the owner's.
    pub(super) fn free_remote(&self, block: usize) -> bool {
        self.free_unwanted(block, 0)
    }

    /// As [`ToyPage::free_remote`] by a thread that leaves a listed page where it is, unless it frees the last of the blocks
    /// that are `awaited`.
    pub(super) fn free_unwanted(&self, block: usize, awaited: u32) -> bool {
        self.free_batch(&[block], awaited)
    }

    /// The same with several blocks at once, whose marks share a word.
    pub(super) fn free_batch(&self, blocks: &[usize], awaited: u32) -> bool {
        self.free_batch_or_list(blocks, awaited, None)
    }

    /// The same by a thread that puts a page without an owner into the stack, unless it frees the last awaited block.
    pub(super) fn free_batch_or_list(
        &self,
        blocks: &[usize],
        awaited: u32,
        stack: Option<&IndexStack<O>>,
    ) -> bool {
        let mut batch = Batch::of(blocks[0] * self.apart);
        for &block in blocks {
            self.contents[block].set(());
            let _ = batch.insert(block * self.apart % Batch::MOST);
        }
        let wanted = |freed| freed >= awaited;
        let freed = if self.compact {
            self.word.free_compact(batch, wanted)
        } else {
            self.word.free(self.marks(), batch, wanted)
        };
        match freed {
            Freed::Marked => return false,
            Freed::ToList => {
                stack.expect("a page that is listed").push(0, &self.listed_next);
                return false;
            }
            Freed::Claimed => batch.blocks().for_each(|mark| self.push_local(mark / self.apart)),
            Freed::ClaimedAndMarked => self.collect_remote(),
            Freed::Twice(_) => panic!("{blocks:?} are marked before they are freed"),
        }
        true
    }

    /// Frees a block into a page of somebody else's whose other blocks are `others`. Takes those back before, writes to what it has
    /// then, and frees it again. Says whether it had all.
    pub(super) fn free_last(&self, last: usize, others: &[usize]) -> bool {
        let had = self.take_back(others);
        self.free_again(&[&had[..], &[last]].concat());
        had.len() == others.len()
    }

    /// Takes blocks back that others have freed, up to the first that is not free.
    pub(super) fn take_back(&self, others: &[usize]) -> Vec<usize> {
        let mut had = Vec::new();
        for &block in others {
            let wanted = Batch::of(block * self.apart);
            let taken = if self.compact {
                self.word.take_back_compact(wanted)
            } else {
                self.marks().take_back::<O>(wanted)
            };
            if taken != wanted {
                break;
            }
            had.push(block);
        }
        had
    }

    /// Frees blocks, one after the other, into a page that has an owner.
    pub(super) fn free_again(&self, blocks: &[usize]) {
        for &block in blocks {
            assert!(!self.free_remote(block), "the page has an owner");
        }
    }

    /// How many blocks are marked, as its owner counts them.
    pub(super) fn count_marked(&self) -> u32 {
        if self.compact { self.word.freed_compact().count() } else { self.marks().count(self.word.parts()) }
    }

    /// Frees a block into the caller's page.
    pub(super) fn push_local(&self, block: usize) {
        let free = self.free.get();
        assert_eq!(free & (1 << block), 0, "block {block} is free twice");
        self.free.set(free | (1 << block));
        self.contents[block].set(());
    }

    /// Takes what others freed into the caller's page.
    pub(super) fn collect_remote(&self) {
        // The owner writes to its page, whether it finds something or not.
        self.free.set(self.free.get());
        if self.compact {
            return self.word.take_compact().blocks().for_each(|mark| self.push_local(mark));
        }
        self.marks().drain::<O>(self.word.take(), |mark| self.push_local(mark / self.apart));
    }

    /// Gives the caller's page up, to the stack if it has free blocks. Fails when `all` its blocks are free.
    pub(super) fn give_up(&self, all: u32, stack: &IndexStack<O>) -> bool {
        loop {
            self.collect_remote();
            let free = self.free.get();
            if free == all {
                return false;
            }
            let released = if free == 0 {
                self.word.release_full()
            } else {
                match self.word.release_listed() {
                    Released::ToList => {
                        stack.push(0, &self.listed_next);
                        true
                    }
                    Released::Listed => true,
                    Released::Not => false,
                }
            };
            if released {
                return true;
            }
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
