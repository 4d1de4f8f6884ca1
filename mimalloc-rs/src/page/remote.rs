//! The one word of a page that several threads write: where others have freed blocks, and who may touch the rest of
//! the page.
//!
//! # What it holds
//!
//! In which parts of the page's [`Marks`] blocks may be found that others freed, and two flags:
//!
//! * `OWNED`: some thread owns the page, and only that thread touches its other fields.
//! * `LISTED`: the page stands in the stack of pages that anyone may take for allocation.
//!
//! A listed page that nobody owns also counts the blocks that were freed into it since. In a [compact](super::compact) page
//! the marks themselves are in the place of parts and count, and all of it is simpler.
//!
//! # Why it is safe
//!
//! *Ownership is a single bit that changes by compare-and-swap*, but for a page that is made where nobody owns one. Whoever sets it has
//! the page, and the acquire half of that exchange makes everything the previous owner wrote visible; the
//! previous owner cleared it with release. There is no third state and no one to wait for: a thread that
//! is descheduled between two steps holds back its own page only.
//!
//! *A block is marked first, then the word is looked at.* The owner clears the word's parts first and takes the marks
//! then. All four steps are in one order that all threads agree on. So a thread that finds its part set may leave: whoever
//! clears that finds the mark. Otherwise it sets the part, in an exchange that publishes the mark, and the page cannot be
//! given up before its owner has looked there.
//!
//! *A free into a page without an owner makes the freeing thread its owner*, or counts the block in the word of a page
//! that stands in the stack, or is put there by that thread: whoever takes the page finds it. So no block can be stranded in
//! a page that nobody looks at.
//!
//! *Who takes back what was freed before the last block* (see [`super::vacate`]) has a block of the page until all are marked again, so
//! it stays what it is. Of what its owner gets first, the owner has the say.
//!
//! *Once its block is marked, a thread has no say in the page any more*: the owner may find the mark by way of another
//! one in the same part, end the page, and use its memory for a new one. The thread then sets a part of the new page,
//! claims it, or puts it into a stack: a part without marks is nothing, and a page that is claimed or listed for no block is
//! looked after all the same.

use core::marker::PhantomData;

use super::marks::{Batch, Marks, Parts};
use crate::sync::{AtomicU64, Ordering, Orders, Strict};

/// The word of a page that has an owner and nothing else.
pub(crate) const OWNED: u64 = 1;
pub(super) const LISTED: u64 = 2;
pub(super) const FLAGS: u64 = OWNED | LISTED;
const COUNT_SHIFT: u32 = 8;
const COUNT_MASK: u64 = 0xff_ffff << COUNT_SHIFT;
const PARTS_SHIFT: u32 = 32;

/// What a free into somebody else's page came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freed {
    /// The blocks are marked; the page's owner will find them, or who takes the page from the stack.
    Marked,
    /// The page had no owner, and the caller did not want it: the blocks are marked, and the caller has to put the page into
    /// the stack.
    ToList,
    /// The page had no owner: it is the caller's now. The blocks are not marked.
    Claimed,
    /// The page had no owner: it is the caller's now. The blocks are marked.
    ClaimedAndMarked,
    /// These blocks are marked since before: somebody else has freed them. The others are marked as well, and are found with
    /// those.
    Twice(Batch),
}

/// What giving up a page came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// The caller has to put the page into the stack.
    ToList,
    /// It still stands there.
    Listed,
    /// Others have freed blocks into the page: it is still the caller's.
    Not,
}

/// What clearing the list flag came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlisted {
    /// The page had no owner: it is the caller's now.
    Claimed,
    /// Somebody owns it (or its memory went back): it is no longer listed.
    Busy,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RemoteWord<O = Strict> {
    pub(super) word: AtomicU64,
    orders: PhantomData<O>,
}

impl<O: Orders> RemoteWord<O> {
    /// The word of a page that the caller owns, made of [`OWNED`].
    #[must_use]
    pub(crate) const fn new(word: AtomicU64) -> Self {
        Self { word, orders: PhantomData }
    }

    /// Frees blocks into a page the caller does not own, whose marks are given.
    ///
    /// `wanted` says whether the caller wants the page if it has no owner, given how many blocks would then have been freed
    /// into it since it was given up.
    #[inline(always)]
    pub(crate) fn free(&self, marks: Marks<'_>, blocks: Batch, wanted: impl Fn(u32) -> bool) -> Freed {
        let mut old = self.word.load(O::OBSERVE);
        while old & FLAGS == 0 && wanted(blocks.count()) {
            match self.word.compare_exchange_weak(old, old | OWNED, O::EXCHANGE, O::OBSERVE) {
                Ok(_) => return Freed::Claimed,
                Err(seen) => old = seen,
            }
        }
        let twice = marks.set::<O>(blocks);
        if twice.count() > 0 {
            return Freed::Twice(twice);
        }
        let part = u64::from(blocks.part().0) << PARTS_SHIFT;
        let counted = u64::from(blocks.count()) << COUNT_SHIFT;
        let mut old = self.word.load(O::AGREED);
        loop {
            let (new, freed) = match old & FLAGS {
                0 | LISTED if wanted(count(old) + blocks.count()) => {
                    (old | part | OWNED, Freed::ClaimedAndMarked)
                }
                0 => ((old | part | LISTED) + counted, Freed::ToList),
                LISTED => ((old | part) + counted, Freed::Marked),
                _ if old & part != 0 => return Freed::Marked,
                _ => (old | part, Freed::Marked),
            };
            match self.word.compare_exchange_weak(old, new, O::EXCHANGE, O::AGREED) {
                Ok(_) => return freed,
                Err(seen) => old = seen,
            }
        }
    }

    /// The parts of the marks in which the page's owner will find what others freed; they are its own from now on.
    #[inline]
    pub(crate) fn take(&self) -> Parts {
        if self.parts() == Parts::NONE {
            return Parts::NONE;
        }
        parts(self.word.fetch_and(FLAGS, O::AGREED))
    }

    /// Whether the next free would make its thread the page's owner; it may be another one by then.
    #[inline]
    pub(crate) fn may_be_claimed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & FLAGS == 0
    }

    /// Where blocks may be marked at this moment; for anyone.
    #[inline]
    pub(crate) fn parts(&self) -> Parts {
        parts(self.word.load(Ordering::Relaxed))
    }

    /// Whether it stands in a stack, or one did that was here before.
    #[inline]
    pub(crate) fn is_listed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LISTED != 0
    }

    /// Gives up a page that has no free block. Fails when a block has just been freed into it.
    #[inline]
    pub(crate) fn release_full(&self) -> bool {
        self.release(|word| word & !OWNED).is_some()
    }

    /// Gives up a page that has free blocks and marks it as listed.
    #[inline]
    pub(crate) fn release_listed(&self) -> Released {
        match self.release(|word| (word & !OWNED) | LISTED) {
            Some(old) if old & LISTED == 0 => Released::ToList,
            Some(_) => Released::Listed,
            None => Released::Not,
        }
    }

    /// Makes the word what `new` says, unless there are marks to be taken. Returns what it was.
    #[inline]
    fn release(&self, new: impl Fn(u64) -> u64) -> Option<u64> {
        let mut old = self.word.load(Ordering::Relaxed);
        while old & !FLAGS == 0 {
            match self.word.compare_exchange_weak(old, new(old), O::PUBLISH, Ordering::Relaxed) {
                Ok(_) => return Some(old),
                Err(seen) => old = seen,
            }
        }
        None
    }

    /// For a thread that has popped the page from the stack: clears the mark and, if
    /// nobody owns the page, makes the caller its owner, in one step.
    #[inline]
    pub(crate) fn unlist(&self) -> Unlisted {
        let mut old = self.word.load(Ordering::Relaxed);
        loop {
            let new = (old & !LISTED) | OWNED;
            match self.word.compare_exchange_weak(old, new, O::EXCHANGE, Ordering::Relaxed) {
                Ok(_) if old & OWNED == 0 => return Unlisted::Claimed,
                Ok(_) => return Unlisted::Busy,
                Err(seen) => old = seen,
            }
        }
    }

    /// For a thread that makes a page from slices it holds: marks it as owned, keeping the mark of a
    /// page that stood here before and is still listed.
    #[inline]
    pub(crate) fn own_fresh(&self) {
        self.word.fetch_or(OWNED, O::OBSERVE);
    }
}

fn parts(word: u64) -> Parts {
    Parts((word >> PARTS_SHIFT) as u32)
}

fn count(word: u64) -> u32 {
    ((word & COUNT_MASK) >> COUNT_SHIFT) as u32
}
