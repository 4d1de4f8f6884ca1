//! Which blocks of a page other threads freed: a bit for each, in a table apart from the blocks.
//!
//! A thread that frees somebody else's block does not touch it: the block's memory need not come to its core and go
//! back, and one free does not wait for that of the one before. The owner finds the blocks in the order of their
//! addresses.
//!
//! A page has a cache line of marks for each 512 of its blocks. The first lines of neighbouring pages are neighbours in the
//! table, then come their second lines, and so on: most pages need no more than one or two.

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

    /// Wherever a page with so many blocks may have marks.
    pub(crate) fn of_blocks(blocks: usize) -> Self {
        Self(u32::MAX >> (u32::BITS as usize - blocks.div_ceil(LINE_BLOCKS)))
    }
}

/// Blocks of one page whose marks lie in the same word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Which word.
    pub(super) word: usize,
    pub(super) marks: u64,
}

impl Batch {
    /// None, in a word.
    pub(crate) const NONE: Self = Self { word: 0, marks: 0 };
    /// Most blocks of a batch.
    pub(crate) const MOST: usize = WORD_BLOCKS;

    #[inline(always)]
    #[must_use]
    pub(crate) fn of(block: usize) -> Self {
        Self { word: block / WORD_BLOCKS, marks: 1 << (block % WORD_BLOCKS) }
    }

    /// The first block that could be in it.
    #[must_use]
    pub(crate) fn first_of_word(self) -> usize {
        self.word * WORD_BLOCKS
    }

    /// Whether others have their marks in the same word, and are not among these.
    #[must_use]
    pub(crate) fn is_joined_by(self, others: Self) -> bool {
        self.word == others.word && self.marks & others.marks == 0
    }

    /// Adds the block that comes so many behind the word's first. False if it is there already.
    #[inline(always)]
    #[must_use]
    pub(crate) fn insert(&mut self, place: usize) -> bool {
        let before = self.marks;
        self.marks |= 1 << place;
        self.marks != before
    }

    /// Adds so many blocks from one on.
    pub(crate) fn insert_row(&mut self, place: usize, count: usize) {
        if count > 0 {
            self.marks |= u64::MAX >> (Self::MOST - count) << place;
        }
    }

    /// The place of the first block; behind all places, if there is none.
    #[must_use]
    pub(crate) fn first(self) -> usize {
        self.first_from(0)
    }

    /// The place of the first block from this place on, which may be the one behind all places; that one, if there is none.
    #[must_use]
    pub(crate) fn first_from(self, place: usize) -> usize {
        let marks = self.marks & u64::MAX.checked_shl(place as u32).unwrap_or(0);
        marks.trailing_zeros() as usize
    }

    #[must_use]
    pub(crate) fn count(self) -> u32 {
        self.marks.count_ones()
    }

    /// Whether all of these blocks are among them, which share the word.
    #[must_use]
    pub(crate) fn holds(self, others: Self) -> bool {
        self.marks & others.marks == others.marks
    }

    /// The other blocks of a page that has so many, one word after the other, first those that share the word.
    pub(crate) fn others(self, blocks: usize) -> impl Iterator<Item = Self> + Clone {
        let words = blocks.div_ceil(WORD_BLOCKS);
        (0..words).map(move |step| {
            let (word, own) = (self.word + step, if step == 0 { self.marks } else { 0 });
            let word = if word < words { word } else { word - words };
            let here = WORD_BLOCKS.min(blocks - word * WORD_BLOCKS);
            Self { word, marks: (u64::MAX >> (WORD_BLOCKS - here)) & !own }
        })
    }

    /// The blocks, the last first.
    pub(crate) fn blocks(self) -> impl Iterator<Item = usize> {
        from_last(self.marks).map(move |place| self.first_of_word() + place)
    }

    /// The part in which their marks lie.
    #[inline]
    #[must_use]
    pub(crate) fn part(self) -> Parts {
        Parts(1 << (self.word / LINE_WORDS))
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

    /// The word that tells of the blocks.
    #[inline(always)]
    fn word(self, blocks: Batch) -> &'a AtomicU64 {
        &self.line(blocks.word / LINE_WORDS).0[blocks.word % LINE_WORDS]
    }

    /// Marks blocks as free: they are the page's owner's from now on. Says which of them were marked already.
    #[inline]
    pub(crate) fn set<O: Orders>(self, blocks: Batch) -> Batch {
        let before = self.word(blocks).fetch_or(blocks.marks, O::AGREED);
        Batch { marks: before & blocks.marks, ..blocks }
    }

    /// Whether one of the blocks is marked at this moment; for anyone.
    pub(crate) fn has(self, blocks: Batch) -> bool {
        self.word(blocks).load(Ordering::Relaxed) & blocks.marks != 0
    }

    /// Whether all of the blocks are; for anyone.
    #[inline]
    pub(crate) fn has_all(self, blocks: Batch) -> bool {
        Batch { marks: self.word(blocks).load(Ordering::Relaxed), ..blocks }.holds(blocks)
    }

    /// Takes those of the blocks back that are marked: they are the caller's from now on.
    pub(crate) fn take_back<O: Orders>(self, blocks: Batch) -> Batch {
        let before = self.word(blocks).fetch_and(!blocks.marks, O::AGREED);
        Batch { marks: before & blocks.marks, ..blocks }
    }

    /// Takes all marks in `parts` away, for the page's owner: `each` gets the blocks, the last first.
    #[inline]
    pub(crate) fn drain<O: Orders>(self, parts: Parts, mut each: impl FnMut(usize)) {
        for line in from_last(u64::from(parts.0)) {
            for (place, word) in self.line(line).0.iter().enumerate().rev() {
                if word.load(O::AGREED) != 0 {
                    let blocks = line * LINE_BLOCKS + place * WORD_BLOCKS;
                    match word.swap(0, O::AGREED) {
                        // Whoever frees in the order of addresses leaves words like this: no bit need be looked for.
                        u64::MAX => (0..WORD_BLOCKS).rev().for_each(|block| each(blocks + block)),
                        marks => from_last(marks).for_each(|block| each(blocks + block)),
                    }
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
