//! The space of the cubes: which bits of a set belong to which variable, and distances in it.
//!
//! Binary variable `v` has the bits `2v` (may be 0) and `2v + 1` (may be 1). The last variable is
//! the output: a bit for each.

use std::cell::Cell;

use super::array::Array;
use super::cover::{Cover, Headers};
use super::set::{HeapSet, Set, Word};
use crate::api::Api;

/// How far two cubes are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nearness {
    /// They intersect in all variables.
    Intersecting,
    /// In all variables but one.
    Next,
    /// In fewer.
    Far,
}

/// The lower bit of every binary variable in a word of them.
const PAIRS: u32 = 0x5555_5555;

/// Scratch cubes there are.
const SCRATCH: usize = 10;

/// All that cubes of one function have in common. Everything in it is on the heap, as long as
/// a pass lasts.
pub(super) struct Space<A: Api> {
    /// Binary variables; also the number of the output variable.
    pub(super) inputs: usize,
    /// Possible members of a cube.
    pub(super) size: usize,
    /// First bit of every variable.
    first: Array<A, u32>,
    /// Last bit of every variable.
    last: Array<A, u32>,
    masks: Array<A, HeapSet<A>>,
    binary: HeapSet<A>,
    output: HeapSet<A>,
    full: HeapSet<A>,
    _empty: HeapSet<A>,
    scratch: Array<A, HeapSet<A>>,
    /// How many cubes lack each bit, by the last count.
    pub(super) zeros: Array<A, Cell<u32>>,
    /// The sum of these for every variable.
    pub(super) variable_zeros: Array<A, Cell<u32>>,
    /// How many bits of every variable some cube lacks.
    pub(super) active_parts: Array<A, Cell<u32>>,
    /// Whether it is exactly one.
    pub(super) unate: Array<A, Cell<u32>>,
    _shape: Shape<A>,
    pub(super) headers: Headers<A>,
}

/// Arrays the original keeps besides; nothing here asks them.
struct Shape<A: Api> {
    _part_sizes: Array<A, u32>,
    _first_words: Array<A, u32>,
    _last_words: Array<A, u32>,
    _multiple_valued: Array<A, u32>,
}

impl<A: Api> Space<A> {
    /// The space of functions with so many inputs and outputs.
    pub(super) fn new(inputs: usize, outputs: usize) -> Space<A> {
        let variables = inputs + 1;
        let size = 2 * inputs + outputs;
        let mut part_sizes = Array::filled(variables, 2);
        part_sizes[inputs] = outputs as u32;
        let [mut first, mut last, mut first_words, mut last_words] =
            [(); 4].map(|()| Array::<A, u32>::with_room(variables));
        for variable in 0..variables {
            let start = 2 * variable as u32;
            let end = start + part_sizes[variable] - 1;
            first.push(start);
            last.push(end);
            first_words.push(start / 32);
            last_words.push(end / 32);
        }
        let mut masks = Array::with_room(variables);
        let multiple_valued = Array::filled(variables, 0);
        let (binary, output) = (HeapSet::<A>::new(size), HeapSet::<A>::new(size));
        for variable in 0..variables {
            let mask = HeapSet::<A>::new(size);
            (first[variable]..=last[variable]).for_each(|bit| mask.set().insert(bit as usize));
            let all = if variable < inputs { &binary } else { &output };
            all.set().or(all.set(), mask.set());
            masks.push(mask);
        }
        let mut scratch = Array::with_room(SCRATCH);
        (0..SCRATCH).for_each(|_| scratch.push(HeapSet::new(size)));
        let full = HeapSet::<A>::new(size);
        (0..size).for_each(|bit| full.set().insert(bit));
        let counters = |count| {
            let mut array = Array::with_room(count);
            (0..count).for_each(|_| array.push(Cell::new(0)));
            array
        };
        Space {
            inputs,
            size,
            first,
            last,
            masks,
            binary,
            output,
            full,
            _empty: HeapSet::new(size),
            scratch,
            zeros: counters(size),
            variable_zeros: counters(variables),
            active_parts: counters(variables),
            unate: counters(variables),
            _shape: Shape {
                _part_sizes: part_sizes,
                _first_words: first_words,
                _last_words: last_words,
                _multiple_valued: multiple_valued,
            },
            headers: Headers::new(),
        }
    }

    /// The number of variables.
    #[inline]
    pub(super) fn variables(&self) -> usize {
        self.inputs + 1
    }

    /// The number of outputs.
    pub(super) fn outputs(&self) -> usize {
        self.bits(self.inputs).len()
    }

    /// The bits of a variable.
    #[inline]
    pub(super) fn bits(&self, variable: usize) -> std::ops::Range<usize> {
        self.first[variable] as usize..self.last[variable] as usize + 1
    }

    /// The bits of a variable as a cube.
    #[inline]
    pub(super) fn mask(&self, variable: usize) -> Set<'_> {
        self.masks[variable].set()
    }

    /// The bits of the output variable as a cube.
    #[inline]
    pub(super) fn outputs_mask(&self) -> Set<'_> {
        self.output.set()
    }

    /// The cube with all bits.
    #[inline]
    pub(super) fn full(&self) -> Set<'_> {
        self.full.set()
    }

    /// A cube for intermediate results. Whoever uses it sees to it that nobody it calls does.
    #[inline]
    pub(super) fn scratch(&self, index: usize) -> Set<'_> {
        self.scratch[index].set()
    }

    /// A new empty cube.
    #[inline]
    pub(super) fn cube(&self) -> HeapSet<A> {
        HeapSet::new(self.size)
    }

    /// A new cover of cubes.
    #[inline]
    pub(super) fn cover(&self, capacity: usize) -> Cover<'_, A> {
        Cover::new(&self.headers, capacity, self.size)
    }

    /// The words of two cubes and of the masks of binary variables and outputs.
    #[inline]
    fn words<'s>(&'s self, a: Set<'s>, b: Set<'s>) -> impl Iterator<Item = (u32, u32, u32, u32)> {
        let masks = self.binary.set().data().iter().zip(self.output.set().data());
        let words = a.data().iter().zip(b.data()).zip(masks);
        words.map(|((a, b), (binary, output))| (a.get(), b.get(), binary.get(), output.get()))
    }

    /// Whether the cubes intersect in every variable.
    #[inline]
    pub(super) fn intersect(&self, a: Set<'_>, b: Set<'_>) -> bool {
        let mut outputs = 0;
        for (a, b, binary, output) in self.words(a, b) {
            let common = a & b;
            if missing_pairs(common, binary) != 0 {
                return false;
            }
            outputs |= common & output;
        }
        outputs != 0
    }

    /// Whether there are variables in which the cubes do not intersect; does not count beyond one.
    #[inline]
    pub(super) fn nearness(&self, a: Set<'_>, b: Set<'_>) -> Nearness {
        let (mut distance, mut outputs) = (0, 0);
        for (a, b, binary, output) in self.words(a, b) {
            let missing = missing_pairs(a & b, binary);
            if missing != 0 {
                distance += 1;
                if distance > 1 || missing & (missing - 1) != 0 {
                    return Nearness::Far;
                }
            }
            outputs |= a & b & output;
        }
        match distance + u32::from(outputs == 0) {
            0 => Nearness::Intersecting,
            1 => Nearness::Next,
            _ => Nearness::Far,
        }
    }

    /// The number of variables in which the cubes do not intersect.
    #[inline]
    pub(super) fn distance(&self, a: Set<'_>, b: Set<'_>) -> u32 {
        let (mut distance, mut outputs) = (0, 0);
        for (a, b, binary, output) in self.words(a, b) {
            distance += missing_pairs(a & b, binary).count_ones();
            outputs |= a & b & output;
        }
        distance + u32::from(outputs == 0)
    }

    /// Adds the bits of `a` in the variables where it does not intersect `b`.
    #[inline]
    pub(super) fn add_conflicts(&self, to: Set<'_>, a: Set<'_>, b: Set<'_>) {
        let outputs_conflict = self.words(a, b).all(|(a, b, _, output)| a & b & output == 0);
        for ((a, b, binary, output), to) in self.words(a, b).zip(to.data()) {
            let missing = missing_pairs(a & b, binary);
            let outputs = if outputs_conflict { output } else { 0 };
            to.set(to.get() | a & (missing | missing << 1 | outputs));
        }
    }

    /// Becomes the consensus: intersected where the cubes intersect, united where they do not.
    pub(super) fn consensus(&self, to: Set<'_>, a: Set<'_>, b: Set<'_>) {
        let outputs_conflict = self.words(a, b).all(|(a, b, _, output)| a & b & output == 0);
        for ((a, b, binary, output), to) in self.words(a, b).zip(to.data()) {
            let missing = missing_pairs(a & b, binary);
            let outputs = if outputs_conflict { output } else { 0 };
            to.set(a & b | (a | b) & (missing | missing << 1 | outputs));
        }
    }

    /// Whether, relative to the cofactor cube, there is a variable in which neither is full.
    #[inline]
    pub(super) fn share_variable(&self, a: Set<'_>, b: Set<'_>, cofactor: Set<'_>) -> bool {
        let (mut a_output, mut b_output) = (false, false);
        for ((a, b, binary, output), cofactor) in self.words(a, b).zip(cofactor.data()) {
            let lacks = |word: u32| missing_in_pairs(word | cofactor.get(), binary);
            if lacks(a) & lacks(b) != 0 {
                return true;
            }
            a_output |= output & !(a | cofactor.get()) != 0;
            b_output |= output & !(b | cofactor.get()) != 0;
        }
        a_output && b_output
    }

    /// The variable in which the cube is not full, if there is exactly one.
    #[inline]
    pub(super) fn only_active_variable(&self, cube: Set<'_>) -> Option<usize> {
        let (mut active, mut variable, mut outputs) = (0, 0, false);
        for (index, (word, _, binary, output)) in self.words(cube, cube).enumerate() {
            let lacks = missing_in_pairs(word, binary);
            if lacks != 0 {
                active += lacks.count_ones();
                variable = index * 16 + lacks.trailing_zeros() as usize / 2;
            }
            outputs |= output & !word != 0;
        }
        if outputs {
            (active, variable) = (active + 1, self.inputs);
        }
        (active == 1).then_some(variable)
    }
}

/// The lower bits of the binary variables of which the word has no bit.
#[inline]
fn missing_pairs(word: u32, binary: u32) -> u32 {
    !(word | word >> 1) & PAIRS & binary
}

/// The lower bits of the binary variables of which the word has not both bits.
#[inline]
fn missing_in_pairs(word: u32, binary: u32) -> u32 {
    !(word & word >> 1) & PAIRS & binary
}

/// Adds one to the counter of every member.
#[inline]
pub(super) fn count_members(cube: Set<'_>, counters: &mut [u32]) {
    for (counters, word) in counters.chunks_mut(32).zip(cube.data()) {
        add_bits(word, counters);
    }
}

#[inline]
fn add_bits(word: &Word, counters: &mut [u32]) {
    let mut word = word.get();
    while word != 0 {
        counters[word.trailing_zeros() as usize] += 1;
        word &= word - 1;
    }
}
