//! Which blocks of a page other threads freed: a bit for each, in a table apart from the blocks.
//!
//! A thread that frees somebody else's block does not touch it: the block's memory need not come to its core and go
//! back, and one free does not wait for that of the one before. The owner finds the blocks in the order of their
//! addresses.
//!
//! A page has a cache line of marks for each 512 of its blocks. The first lines of all pages are neighbours in the table,
//! then come all second lines, and so on: most pages need no more than one or two.

use core::marker::PhantomData;

use crate::geometry::{BLOCKS_MAX, CACHE_LINE};
use crate::sync::{AtomicU64, Ordering, Orders};

const WORD_BLOCKS: usize = u64::BITS as usize;
const LINE_WORDS: usize = CACHE_LINE / size_of::<u64>();
const LINE_BLOCKS: usize = LINE_WORDS * WORD_BLOCKS;
/// Most lines of a page.
pub(crate) const LINES: usize = BLOCKS_MAX / LINE_BLOCKS;

/// Marks of some blocks of a page; none, if made of zeros.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [AtomicU64; LINE_WORDS]);

/// Lines of a page's marks, as a set of bits: where blocks may be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts(pub(crate) u32);

impl Parts {
    /// Nowhere.
    pub(crate) const NONE: Self = Self(0);

    /// The line in which the mark of `block` lies.
    #[inline]
    #[must_use]
    pub(crate) fn of(block: usize) -> Self {
        Self(1 << (block / LINE_BLOCKS))
    }
}

/// The marks of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks<'a> {
    first: *const Line,
    stride: usize,
    lines: PhantomData<&'a Line>,
}

impl<'a> Marks<'a> {
    /// The marks whose lines lie `stride` lines apart.
    ///
    /// # Safety
    /// For each block that is asked for, its line is there as long as `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(first: *const Line, stride: usize) -> Self {
        Self { first, stride, lines: PhantomData }
    }

    #[inline(always)]
    fn line(self, line: usize) -> &'a Line {
        // SAFETY: as the caller of `new` says.
        unsafe { &*self.first.add(line * self.stride) }
    }

    /// The word and the bit that tell of `block`.
    #[inline(always)]
    fn mark(self, block: usize) -> (&'a AtomicU64, u64) {
        let word = &self.line(block / LINE_BLOCKS).0[block / WORD_BLOCKS % LINE_WORDS];
        (word, 1 << (block % WORD_BLOCKS))
    }

    /// Marks a block as free: it is the page's owner's from now on. False if it was marked already.
    #[inline]
    pub(crate) fn set<O: Orders>(self, block: usize) -> bool {
        let (word, mark) = self.mark(block);
        word.fetch_or(mark, O::AGREED) & mark == 0
    }

    /// Whether a block is marked at this moment; for anyone.
    pub(crate) fn has(self, block: usize) -> bool {
        let (word, mark) = self.mark(block);
        word.load(Ordering::Relaxed) & mark != 0
    }

    /// Takes all marks in `parts` away, for the page's owner: `each` gets the blocks, the last first.
    #[inline]
    pub(crate) fn drain<O: Orders>(self, parts: Parts, mut each: impl FnMut(usize)) {
        for line in from_last(u64::from(parts.0)) {
            for (place, word) in self.line(line).0.iter().enumerate().rev() {
                if word.load(O::AGREED) != 0 {
                    let blocks = line * LINE_BLOCKS + place * WORD_BLOCKS;
                    from_last(word.swap(0, O::AGREED)).for_each(|block| each(blocks + block));
                }
            }
        }
    }

    /// How many blocks are marked in `parts` at this moment; for anyone.
    pub(crate) fn count(self, parts: Parts) -> u32 {
        let words = from_last(u64::from(parts.0)).flat_map(|line| &self.line(line).0);
        words.map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }
}

/// The places of the bits that are set, the highest first.
fn from_last(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let place = bits.checked_ilog2()?;
        bits ^= 1 << place;
        Some(place as usize)
    })
}

const _: () = assert!(LINES <= u32::BITS as usize && BLOCKS_MAX.is_multiple_of(LINE_BLOCKS));
