//! The word of a compact page, which has few blocks: their marks lie in the word itself, above the flags.
//!
//! Blocks above a kilobyte are so few in a page. A free from another thread is one step then, in the cache line where it has
//! found the size class, and so is taking what was freed. What the word says is all there is to know, so the
//! two steps of [`super::remote`], and what may happen between them, do not concern these pages.

use super::marks::Batch;
use super::remote::{FLAGS, Freed, LISTED, OWNED, RemoteWord};
use crate::geometry::COMPACT_BLOCKS_MAX;
use crate::sync::{Ordering, Orders};

/// Where the marks begin.
const SHIFT: u32 = FLAGS.count_ones();
const _: () = assert!(FLAGS == (1 << SHIFT) - 1 && SHIFT as usize + COMPACT_BLOCKS_MAX <= Batch::MOST);

/// The steps in which such a word differs from others.
impl<O: Orders> RemoteWord<O> {
    /// As [`RemoteWord::free`], of a compact page.
    #[inline]
    pub(crate) fn free_compact(&self, blocks: Batch, wanted: impl Fn(u32) -> bool) -> Freed {
        let marks = blocks.marks << SHIFT;
        let mut old = self.word.load(O::OBSERVE);
        loop {
            let freed = marked(old | marks).count();
            let (new, came_to) = match old & FLAGS {
                _ if old & marks != 0 => (old | marks, Freed::Twice(marked(old & marks))),
                0 if wanted(freed) => (old | OWNED, Freed::Claimed),
                LISTED if wanted(freed) => (old | marks | OWNED, Freed::ClaimedAndMarked),
                0 => (old | marks | LISTED, Freed::ToList),
                _ => (old | marks, Freed::Marked),
            };
            match self.word.compare_exchange_weak(old, new, O::EXCHANGE, O::OBSERVE) {
                Ok(_) => return came_to,
                Err(seen) => old = seen,
            }
        }
    }

    /// What others have freed into the compact page; it is its owner's, the caller's, from now on.
    #[inline]
    pub(crate) fn take_compact(&self) -> Batch {
        if self.freed_compact() == Batch::NONE {
            return Batch::NONE;
        }
        marked(self.word.fetch_and(FLAGS, O::OBSERVE))
    }

    /// As [`Marks::take_back`](super::marks::Marks::take_back), of a compact page; all of the blocks or none.
    pub(crate) fn take_back_compact(&self, blocks: Batch) -> Batch {
        let marks = blocks.marks << SHIFT;
        let mut old = self.word.load(Ordering::Relaxed);
        while old & marks == marks {
            match self.word.compare_exchange_weak(old, old & !marks, O::OBSERVE, Ordering::Relaxed) {
                Ok(_) => return blocks,
                Err(seen) => old = seen,
            }
        }
        Batch::NONE
    }

    /// What others have freed into the compact page at this moment; for anyone.
    #[inline]
    pub(crate) fn freed_compact(&self) -> Batch {
        marked(self.word.load(Ordering::Relaxed))
    }
}

fn marked(word: u64) -> Batch {
    Batch { word: 0, marks: word >> SHIFT }
}
