//! The one word of a page that several threads write: blocks freed by other threads, and who may
//! touch the rest of the page.
//!
//! # What it holds
//!
//! The head of a list of freed blocks (as a position in the page), how many they are, and two flags:
//!
//! * `OWNED`: some thread owns the page, and only that thread touches its other fields.
//! * `LISTED`: the page stands in the stack of pages that anyone may take for allocation.
//!
//! # Why it is safe
//!
//! *Ownership is a single bit that changes by compare-and-swap.* Whoever sets it has the page, and
//! the acquire half of that exchange makes everything the previous owner wrote visible; the
//! previous owner cleared it with release. There is no third state and no one to wait for: a thread that
//! is descheduled between two steps holds back its own page only.
//!
//! *Blocks are pushed one by one and taken all at once*, so the classic reuse problem of
//! lock-free lists does not arise: a push that succeeds saw the very head it linked to, and no one
//! pops single blocks.
//!
//! *A free into a page without an owner makes the freeing thread its owner*, in the same exchange
//! that pushes the block, or leaves the block in the list of a page that stands in the stack, where whoever
//! takes the page finds it. So no block can be stranded in a page that nobody looks at.
//!
//! *The count travels with the head*, so an owner that takes the list knows its length without
//! walking it, and can tell an empty page from its counters alone.

use core::marker::PhantomData;

use crate::sync::{AtomicU64, Orders, Strict};

/// The word of a page that has an owner and nothing else.
pub(crate) const OWNED: u64 = 1;
const LISTED: u64 = 2;
const FLAGS: u64 = OWNED | LISTED;
const COUNT_SHIFT: u32 = 8;
const COUNT_ONE: u64 = 1 << COUNT_SHIFT;
const COUNT_MASK: u64 = 0xff_ffff << COUNT_SHIFT;
const HEAD_SHIFT: u32 = 32;

/// A block's place in its page: its offset in words, plus one so that zero can mean none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(core::num::NonZeroU32);

impl Position {
    /// The position of the block `words` words behind the start of its page.
    #[inline]
    #[must_use]
    pub(crate) fn from_words(words: u32) -> Self {
        Self(core::num::NonZeroU32::MIN.saturating_add(words))
    }

    /// Words between the start of the page and the block.
    #[inline]
    #[must_use]
    pub(crate) fn words(self) -> u32 {
        self.0.get() - 1
    }
}

/// What a free into somebody else's page came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freed {
    /// The block waits in the list; the page's owner will find it, or who takes the page from the stack.
    Queued,
    /// The page had no owner: it is the caller's now. The block is not in the list.
    Claimed,
    /// The page had no owner: it is the caller's now. The block is in the list, among others.
    ClaimedWithList,
}

/// Blocks that other threads freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The most recently freed one; the others follow through their links.
    pub(crate) head: Position,
    /// How many they are.
    pub(crate) count: u32,
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
    word: AtomicU64,
    orders: PhantomData<O>,
}

impl<O: Orders> RemoteWord<O> {
    /// The word of a page that the caller owns, made of [`OWNED`].
    #[must_use]
    pub(crate) const fn new(word: AtomicU64) -> Self {
        Self { word, orders: PhantomData }
    }

    /// Frees the block at `at` into a page the caller does not own.
    ///
    /// `link` is called with the position that the block's link must name before the block
    /// becomes visible to others; it may be called several times. `may_wait` says whether a listed page without an owner
    /// may stay where it is, given how many blocks would then be in its list.
    #[inline]
    pub(crate) fn free(
        &self,
        at: Position,
        mut link: impl FnMut(Option<Position>),
        may_wait: impl Fn(u32) -> bool,
    ) -> Freed {
        let mut old = self.word.load(O::OBSERVE);
        loop {
            let claims = match old & FLAGS {
                0 => true,
                LISTED => !may_wait(count(old) + 1),
                _ => false,
            };
            let alone = claims && count(old) == 0;
            let new = if alone {
                old | OWNED
            } else {
                link(head(old));
                let rest = (old & (FLAGS | COUNT_MASK)) + COUNT_ONE;
                (u64::from(at.0.get()) << HEAD_SHIFT) | rest | if claims { OWNED } else { 0 }
            };
            match self.word.compare_exchange_weak(old, new, O::EXCHANGE, O::OBSERVE) {
                Ok(_) if !claims => return Freed::Queued,
                Ok(_) if alone => return Freed::Claimed,
                Ok(_) => return Freed::ClaimedWithList,
                Err(seen) => old = seen,
            }
        }
    }

    /// Takes the list, for the page's owner.
    #[inline]
    pub(crate) fn take(&self) -> Option<Taken> {
        let mut old = self.word.load(crate::sync::Ordering::Relaxed);
        loop {
            let list = Taken { head: head(old)?, count: count(old) };
            match self.word.compare_exchange_weak(
                old,
                old & FLAGS,
                O::OBSERVE,
                crate::sync::Ordering::Relaxed,
            ) {
                Ok(_) => return Some(list),
                Err(seen) => old = seen,
            }
        }
    }

    /// Blocks that wait to be taken at this moment; for anyone.
    pub(crate) fn waiting(&self) -> u32 {
        count(self.word.load(crate::sync::Ordering::Relaxed))
    }

    /// Gives up a page that has no free block. Fails when a block has just been freed into it.
    #[inline]
    pub(crate) fn release_full(&self) -> bool {
        let mut old = self.word.load(crate::sync::Ordering::Relaxed);
        loop {
            if count(old) != 0 {
                return false;
            }
            let new = old & !OWNED;
            match self.word.compare_exchange_weak(old, new, O::PUBLISH, crate::sync::Ordering::Relaxed) {
                Ok(_) => return true,
                Err(seen) => old = seen,
            }
        }
    }

    /// Gives up a page that has free blocks and marks it as listed. Returns whether the caller has to put it
    /// into the stack; otherwise it still stands there.
    #[inline]
    pub(crate) fn release_listed(&self) -> bool {
        let mut old = self.word.load(crate::sync::Ordering::Relaxed);
        loop {
            let new = (old & !OWNED) | LISTED;
            match self.word.compare_exchange_weak(old, new, O::PUBLISH, crate::sync::Ordering::Relaxed) {
                Ok(_) => return old & LISTED == 0,
                Err(seen) => old = seen,
            }
        }
    }

    /// For a thread that has popped the page from the stack: clears the mark and, if
    /// nobody owns the page, makes the caller its owner, in one step.
    #[inline]
    pub(crate) fn unlist(&self) -> Unlisted {
        let mut old = self.word.load(crate::sync::Ordering::Relaxed);
        loop {
            let new = (old & !LISTED) | OWNED;
            match self.word.compare_exchange_weak(old, new, O::EXCHANGE, crate::sync::Ordering::Relaxed) {
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

fn head(word: u64) -> Option<Position> {
    core::num::NonZeroU32::new((word >> HEAD_SHIFT) as u32).map(Position)
}

fn count(word: u64) -> u32 {
    ((word & COUNT_MASK) >> COUNT_SHIFT) as u32
}
