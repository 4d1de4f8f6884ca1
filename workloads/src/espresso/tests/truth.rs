//! Results compared with their function input by input, without anything of the minimiser.

use super::super::cover::Cover;
use super::super::inputs::Pla;
use super::super::pass::pass;
use super::super::reduce::Order;
use super::super::space::Space;
use super::KNOWN;
use crate::api::{Api, Global};

/// A cube or a row: the inputs it looks at, what they have to be, and outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cube {
    care: u32,
    value: u32,
    outputs: u64,
}

impl Cube {
    /// The cubes of a cover.
    pub(super) fn all<A: Api>(space: &Space<A>, cover: &Cover<'_, A>) -> Vec<Cube> {
        let cube = |cube: super::super::set::Set<'_>| {
            let mut result = Cube { care: 0, value: 0, outputs: 0 };
            for variable in 0..space.inputs {
                let bit = 1 << (space.inputs - 1 - variable);
                match [2 * variable, 2 * variable + 1].map(|bit| cube.contains(bit)) {
                    [true, true] => {}
                    [zero, one] => {
                        assert!(zero || one, "no cube is empty");
                        result.care |= bit;
                        result.value |= if one { bit } else { 0 };
                    }
                }
            }
            for (place, bit) in space.bits(space.inputs).enumerate() {
                result.outputs |= u64::from(cube.contains(bit)) << place;
            }
            result
        };
        cover.iter().map(cube).collect()
    }

    /// The cube as a row of text.
    pub(super) fn row(&self, inputs: usize, outputs: usize) -> String {
        let input = |bit: usize| match (self.care >> bit & 1, self.value >> bit & 1) {
            (0, _) => '-',
            (_, 0) => '0',
            _ => '1',
        };
        let output = |bit: usize| if self.outputs >> bit & 1 == 1 { '1' } else { '0' };
        (0..inputs).rev().map(input).chain([' ']).chain((0..outputs).map(output)).collect()
    }

    fn has(&self, input: u32) -> bool {
        input & self.care == self.value
    }

    /// The inputs it has, among those of so many bits.
    fn inputs(self, bits: u32) -> impl Iterator<Item = u32> {
        let free = !self.care & ((1 << bits) - 1);
        let mut next = Some(0_u32);
        std::iter::from_fn(move || {
            let part = next?;
            // Counts through the free bits only.
            next = Some((part | !free).wrapping_add(1) & free).filter(|&part| part != 0);
            Some(part | self.value)
        })
    }
}

/// What a text says about every input: outputs that are one, and outputs that may be anything.
struct Table {
    bits: u32,
    ones: Vec<u64>,
    anything: Vec<u64>,
}

impl Table {
    fn of(text: &str) -> Table {
        let number = |key| text.lines().find_map(|line| line.strip_prefix(key)?.parse().ok());
        let bits: u32 = number(".i ").expect("there is a number of inputs");
        let mut table = Table { bits, ones: vec![0; 1 << bits], anything: vec![0; 1 << bits] };
        for line in text.lines().filter(|line| !line.starts_with('.')) {
            let (input, output) = line.split_once(' ').expect("a row has two parts");
            let bits_that_are = |part: &str, wanted: &str| {
                part.chars().fold(0_u32, |bits, char| bits << 1 | u32::from(wanted.contains(char)))
            };
            let outputs_that_are = |wanted: char| {
                output.chars().rev().fold(0_u64, |bits, char| bits << 1 | u64::from(char == wanted))
            };
            let row = Cube { care: bits_that_are(input, "01"), value: bits_that_are(input, "1"), outputs: 0 };
            for input in row.inputs(bits) {
                table.ones[input as usize] |= outputs_that_are('1');
                table.anything[input as usize] |= outputs_that_are('-');
            }
        }
        table
    }

    fn count(outputs: &[u64]) -> u32 {
        outputs.iter().map(|outputs| outputs.count_ones()).sum()
    }

    /// Whether the function may be one for all inputs and outputs of the cube.
    fn allows(&self, cube: Cube) -> bool {
        let allowed = |input: u32| self.ones[input as usize] | self.anything[input as usize];
        cube.inputs(self.bits).all(|input| cube.outputs & !allowed(input) == 0)
    }

    /// What a cover makes of every input.
    fn evaluate(&self, cubes: &[Cube]) -> Vec<u64> {
        let outputs = |cube: &Cube, input| if cube.has(input) { cube.outputs } else { 0 };
        let all = |input| cubes.iter().fold(0, |all, cube| all | outputs(cube, input));
        (0..1 << self.bits).map(all).collect()
    }

    /// Panics unless the cover is right, all its cubes are as large as they can be, and none of their
    /// outputs can be spared.
    fn check(&self, pla: Pla, cubes: &[Cube]) {
        assert!(cubes.iter().all(|&cube| self.allows(cube)), "{pla:?}: covers too much");
        let covered = self.evaluate(cubes);
        let needed = |input: usize| self.ones[input] & !self.anything[input];
        assert!((0..covered.len()).all(|input| needed(input) & !covered[input] == 0), "{pla:?}: too little");
        for &cube in cubes {
            for bit in (0..self.bits).map(|bit| 1 << bit).filter(|bit| cube.care & bit != 0) {
                let larger = Cube { care: cube.care & !bit, value: cube.value & !bit, ..cube };
                assert!(!self.allows(larger), "{pla:?}: {cube:?} is not prime");
            }
            let alone = cube.inputs(self.bits).fold(0, |alone, input| {
                let others = cubes.iter().filter(|other| other.has(input));
                let (once, twice) = others.fold((0, 0), |(once, twice), other| {
                    (once | other.outputs, twice | once & other.outputs)
                });
                alone | once & !twice & needed(input as usize)
            });
            assert_eq!(cube.outputs & !alone, 0, "{pla:?}: {cube:?} has outputs to spare");
        }
    }
}

fn check(pla: Pla) -> Table {
    let text = pla.text();
    let table = Table::of(&text);
    let mut order = Order::default();
    for _ in 0..2 {
        let mut cubes = Vec::new();
        let result = pass::<Global, ()>(&text, &mut order, &mut (), |space, cover| {
            cubes = Cube::all(space, cover);
        });
        assert_eq!(result.expect("the function has a result").cost.cubes, cubes.len());
        table.check(pla, &cubes);
    }
    table
}

#[test]
fn results_are_right_prime_and_irredundant() {
    for (pla, ..) in KNOWN {
        check(pla);
    }
}

#[test]
fn the_control_unit_has_the_outputs_it_is_known_for() {
    let text = Pla::Control.text();
    let table = Table::of(&text);
    assert_eq!(Table::count(&table.ones), 14_496);
    assert_eq!(Table::count(&table.anything), 1_372_160);
    let mut cubes = Vec::new();
    let result = pass::<Global, ()>(&text, &mut Order::default(), &mut (), |space, cover| {
        cubes = Cube::all(space, cover);
    });
    result.expect("the function has a result");
    assert_eq!(Table::count(&table.evaluate(&cubes)), 48_630);
}

#[test]
fn wrong_covers_are_found() {
    let table = Table::of(".i 2\n.o 1\n11 1\n10 1\n00 -\n");
    let right = Cube { care: 2, value: 2, outputs: 1 };
    table.check(Pla::Sym9, &[right]);
    let too_large = Cube { care: 0, value: 0, outputs: 1 };
    let too_small = Cube { care: 3, value: 3, outputs: 1 };
    for wrong in [&[too_large][..], &[too_small], &[right, too_small], &[right, right]] {
        assert!(std::panic::catch_unwind(|| table.check(Pla::Sym9, wrong)).is_err(), "{wrong:?}");
    }
}
