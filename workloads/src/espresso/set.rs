//! Sets of small numbers: a header word and then 32 members to a word, in a block of their own or side by
//! side in a cover.
//!
//! The header holds how many words follow, six flags and a 16-bit weight. All words are
//! cells, because several lists refer to one set while its flags and members change.

use std::cell::Cell;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use crate::api::{Api, Request};

/// A word of a set.
pub(super) type Word = Cell<u32>;

const LAST_WORD: u32 = (1 << 10) - 1;
const WEIGHT_SHIFT: u32 = 16;

/// A mark on a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(u32);

impl Flag {
    /// No other cube of the cover has all that this one has.
    pub(super) const INDISPENSABLE: Flag = Flag(1 << 10);
    /// Another cube of the cover contains this one; in component searches: already visited.
    pub(super) const COVERED: Flag = Flag(1 << 11);
    /// The cube is one of those to be chosen from.
    pub(super) const REDUNDANT: Flag = Flag(1 << 12);
    /// The set takes part in what is going on.
    pub(super) const ACTIVE: Flag = Flag(1 << 13);
    /// The expansion of the cube showed that it is not essential.
    pub(super) const NOT_ESSENTIAL: Flag = Flag(1 << 14);
    /// The cube cannot be expanded.
    pub(super) const PRIME: Flag = Flag(1 << 15);
}

/// Words of a set with this many possible members, its header included.
pub(super) const fn words_for(members: usize) -> usize {
    let words = members.div_ceil(32);
    1 + if words == 0 { 1 } else { words }
}

/// A set somewhere: a thin pointer to its header.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(super) struct Set<'a> {
    header: NonNull<Word>,
    words: PhantomData<&'a [Word]>,
}

impl<'a> Set<'a> {
    /// Makes an empty set of a piece of memory.
    ///
    /// # Safety
    /// `words` words from `header` on belong to the set for `'a`, and `words` is more than one.
    #[inline]
    pub(super) unsafe fn make(header: NonNull<u32>, words: usize) -> Set<'a> {
        debug_assert!(words >= 2 && words <= LAST_WORD as usize);
        // SAFETY: the caller gives the words away.
        unsafe {
            header.write((words - 1) as u32);
            header.add(1).write_bytes(0, words - 1);
        }
        Set { header: header.cast(), words: PhantomData }
    }

    /// The set that was made there.
    ///
    /// # Safety
    /// A set was made at `header` and lives for `'a`.
    #[inline]
    pub(super) unsafe fn at(header: NonNull<u32>) -> Set<'a> {
        Set { header: header.cast(), words: PhantomData }
    }

    /// Where the set is.
    #[inline]
    pub(super) fn address(self) -> NonNull<u32> {
        self.header.cast()
    }

    #[inline]
    fn header(self) -> &'a Word {
        // SAFETY: the set lives for `'a`.
        unsafe { self.header.as_ref() }
    }

    /// The words with the members.
    #[inline]
    pub(super) fn data(self) -> &'a [Word] {
        let count = (self.header().get() & LAST_WORD) as usize;
        // SAFETY: `make` had that many words after the header and wrote them all; the number does
        // not change.
        unsafe { slice::from_raw_parts(self.header.as_ptr().add(1), count) }
    }

    /// Words of the set, its header included.
    #[inline]
    pub(super) fn words(self) -> usize {
        self.data().len() + 1
    }

    /// Whether both are the same set in memory.
    #[inline]
    pub(super) fn is(self, other: Set<'_>) -> bool {
        self.header == other.header
    }

    /// Whether the flag is on.
    #[inline]
    pub(super) fn has(self, flag: Flag) -> bool {
        self.header().get() & flag.0 != 0
    }

    /// Turns the flag on.
    #[inline]
    pub(super) fn mark(self, flag: Flag) {
        self.header().set(self.header().get() | flag.0);
    }

    /// Turns the flag off.
    #[inline]
    pub(super) fn unmark(self, flag: Flag) {
        self.header().set(self.header().get() & !flag.0);
    }

    /// Turns the flag on or off.
    #[inline]
    pub(super) fn put(self, flag: Flag, on: bool) {
        if on { self.mark(flag) } else { self.unmark(flag) }
    }

    /// What was last stored as weight, modulo 65536.
    #[inline]
    pub(super) fn weight(self) -> u32 {
        self.header().get() >> WEIGHT_SHIFT
    }

    /// Stores a weight, modulo 65536.
    #[inline]
    pub(super) fn set_weight(self, weight: u32) {
        let rest = self.header().get() & ((1 << WEIGHT_SHIFT) - 1);
        self.header().set(rest | weight << WEIGHT_SHIFT);
    }

    /// Becomes a copy of the other, flags and weight included.
    ///
    /// # Panics
    /// If they have different numbers of words.
    #[inline]
    pub(super) fn copy(self, other: Set<'_>) {
        assert_eq!(self.words(), other.words(), "only sets of one size are copied to each other");
        self.header().set(other.header().get());
        for (to, from) in self.data().iter().zip(other.data()) {
            to.set(from.get());
        }
    }

    /// Whether the number is a member.
    #[inline]
    pub(super) fn contains(self, member: usize) -> bool {
        self.data()[member / 32].get() >> (member % 32) & 1 == 1
    }

    /// Adds a member.
    #[inline]
    pub(super) fn insert(self, member: usize) {
        let word = &self.data()[member / 32];
        word.set(word.get() | 1 << (member % 32));
    }

    /// Takes a member out.
    #[inline]
    pub(super) fn remove(self, member: usize) {
        let word = &self.data()[member / 32];
        word.set(word.get() & !(1 << (member % 32)));
    }

    #[inline]
    fn assign(self, a: Set<'_>, b: Set<'_>, operation: impl Fn(u32, u32) -> u32) {
        for ((to, a), b) in self.data().iter().zip(a.data()).zip(b.data()) {
            to.set(operation(a.get(), b.get()));
        }
    }

    /// Takes over the members, not the flags.
    #[inline]
    pub(super) fn take(self, a: Set<'_>) {
        self.assign(a, a, |a, _| a);
    }

    /// Becomes what both have.
    #[inline]
    pub(super) fn and(self, a: Set<'_>, b: Set<'_>) {
        self.assign(a, b, |a, b| a & b);
    }

    /// Becomes what either has.
    #[inline]
    pub(super) fn or(self, a: Set<'_>, b: Set<'_>) {
        self.assign(a, b, |a, b| a | b);
    }

    /// Becomes what exactly one has.
    #[inline]
    pub(super) fn xor(self, a: Set<'_>, b: Set<'_>) {
        self.assign(a, b, |a, b| a ^ b);
    }

    /// Becomes what the first has and the second has not.
    #[inline]
    pub(super) fn minus(self, a: Set<'_>, b: Set<'_>) {
        self.assign(a, b, |a, b| a & !b);
    }

    /// Becomes `a` inside of the mask and `b` outside.
    #[inline]
    pub(super) fn merge(self, a: Set<'_>, b: Set<'_>, mask: Set<'_>) {
        for (((to, a), b), mask) in self.data().iter().zip(a.data()).zip(b.data()).zip(mask.data()) {
            to.set(a.get() & mask.get() | b.get() & !mask.get());
        }
    }

    /// Has no members any more.
    #[inline]
    pub(super) fn clear(self) {
        self.data().iter().for_each(|word| word.set(0));
    }

    #[inline]
    fn pairwise(self, other: Set<'_>, all: impl Fn(u32, u32) -> bool) -> bool {
        self.data().iter().zip(other.data()).all(|(a, b)| all(a.get(), b.get()))
    }

    /// Whether both have the same members.
    #[inline]
    pub(super) fn equals(self, other: Set<'_>) -> bool {
        self.pairwise(other, |a, b| a == b)
    }

    /// Whether the other has all of its members.
    #[inline]
    pub(super) fn is_within(self, other: Set<'_>) -> bool {
        self.pairwise(other, |a, b| a & !b == 0)
    }

    /// Whether they have no member in common.
    #[inline]
    pub(super) fn is_disjoint(self, other: Set<'_>) -> bool {
        self.pairwise(other, |a, b| a & b == 0)
    }

    /// Whether there is no member.
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.data().iter().all(|word| word.get() == 0)
    }

    /// Whether this and `more` together are as many as `full`, which has all of theirs.
    #[inline]
    pub(super) fn completes(self, more: Set<'_>, full: Set<'_>) -> bool {
        let words = self.data().iter().zip(more.data()).zip(full.data());
        words.into_iter().all(|((a, b), full)| a.get() | b.get() == full.get())
    }

    /// The number of members.
    #[inline]
    pub(super) fn count(self) -> u32 {
        self.data().iter().map(|word| word.get().count_ones()).sum()
    }

    /// The number of members both have.
    #[inline]
    pub(super) fn count_common(self, other: Set<'_>) -> u32 {
        self.data().iter().zip(other.data()).map(|(a, b)| (a.get() & b.get()).count_ones()).sum()
    }

    /// The members, ascending.
    #[inline]
    pub(super) fn members(self) -> impl Iterator<Item = usize> {
        self.data().iter().enumerate().flat_map(|(index, word)| members_of(index, word.get()))
    }

    /// The members, those of the last word first, ascending in every word.
    #[inline]
    pub(super) fn members_from_last_word(self) -> impl Iterator<Item = usize> {
        self.data().iter().enumerate().rev().flat_map(|(index, word)| members_of(index, word.get()))
    }

    /// Compares the members as numbers, the last word counting most.
    #[inline]
    pub(super) fn compare(self, other: Set<'_>) -> Ordering {
        self.data().iter().rev().map(Cell::get).cmp(other.data().iter().rev().map(Cell::get))
    }
}

/// The members in one word.
#[inline]
fn members_of(index: usize, mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| index * 32 + word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        lowest
    })
}

/// A set in a block of its own.
pub(super) struct HeapSet<A: Api> {
    header: NonNull<u32>,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> HeapSet<A> {
    /// An empty set with room for so many members.
    #[inline]
    pub(super) fn new(members: usize) -> HeapSet<A> {
        HeapSet::with_words(words_for(members))
    }

    #[inline]
    fn with_words(words: usize) -> HeapSet<A> {
        let header = A::alloc(Request::array::<u32>(words)).cast();
        // SAFETY: the block has that many words and belongs to the set.
        unsafe { Set::make(header, words) };
        HeapSet { header, api: PhantomData }
    }

    /// A copy, flags and weight included.
    #[inline]
    pub(super) fn copy_of(set: Set<'_>) -> HeapSet<A> {
        let copy = HeapSet::with_words(set.words());
        copy.set().copy(set);
        copy
    }

    /// The set.
    #[inline]
    pub(super) fn set(&self) -> Set<'_> {
        // SAFETY: the set was made with the block and lives as long as it.
        unsafe { Set::at(self.header) }
    }
}

impl<A: Api> Drop for HeapSet<A> {
    #[inline]
    fn drop(&mut self) {
        let words = self.set().words();
        // SAFETY: the block was made for that many words and is freed only here.
        unsafe { A::free(self.header.cast(), Request::array::<u32>(words)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;

    #[test]
    fn weights_wrap_and_leave_flags_alone() {
        let set = HeapSet::<Global>::new(72);
        set.set().mark(Flag::PRIME);
        set.set().set_weight(65_536 + 5);
        assert_eq!((set.set().weight(), set.set().words()), (5, 4));
        assert!(set.set().has(Flag::PRIME) && !set.set().has(Flag::ACTIVE));
    }

    #[test]
    fn members_come_in_the_order_asked_for() {
        let set = HeapSet::<Global>::new(72);
        [3, 31, 32, 71].iter().for_each(|&member| set.set().insert(member));
        assert!(set.set().members().eq([3, 31, 32, 71]));
        assert!(set.set().members_from_last_word().eq([71, 32, 3, 31]));
        set.set().remove(32);
        assert_eq!(set.set().count(), 3);
    }
}
