//! Results compared with their function input by input, without anything of the minimiser.

use super::super::complement::complement;
use super::super::cover::Cover;
use super::super::inputs::Pla;
use super::super::list::CubeList;
use super::super::minimise::Minimiser;
use super::super::pass::pass;
use super::super::read::{self, Function};
use super::super::reduce::Order;
use super::super::set::Set;
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
        let cube = |cube: Set<'_>| {
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

    /// Whether no input of the cube can be left out.
    fn is_prime(&self, cube: Cube) -> bool {
        let cared = (0..self.bits).map(|bit| 1 << bit).filter(|bit| cube.care & bit != 0);
        let larger = |bit: u32| Cube { care: cube.care & !bit, value: cube.value & !bit, ..cube };
        !cared.map(larger).any(|larger| self.allows(larger))
    }

    /// Panics unless the cover is right and none of the outputs of a cube can be spared.
    fn check(&self, function: &str, cubes: &[Cube]) {
        assert!(cubes.iter().all(|&cube| self.allows(cube)), "{function}: covers too much");
        let covered = self.evaluate(cubes);
        let needed = |input: usize| self.ones[input] & !self.anything[input];
        assert!(
            (0..covered.len()).all(|input| needed(input) & !covered[input] == 0),
            "{function}: too little"
        );
        for &cube in cubes {
            let alone = cube.inputs(self.bits).fold(0, |alone, input| {
                let others = cubes.iter().filter(|other| other.has(input));
                let (once, twice) = others.fold((0, 0), |(once, twice), other| {
                    (once | other.outputs, twice | once & other.outputs)
                });
                alone | once & !twice & needed(input as usize)
            });
            assert_eq!(cube.outputs & !alone, 0, "{function}: {cube:?} has outputs to spare");
        }
    }
}

/// Checks two passes over a function, and returns how many cubes of each are not prime.
fn check(pla: Pla) -> [usize; 2] {
    let text = pla.text();
    let table = Table::of(&text);
    let mut order = Order::default();
    [(); 2].map(|()| {
        let mut cubes = Vec::new();
        let result = pass::<Global, ()>(&text, &mut order, &mut (), |space, cover| {
            cubes = Cube::all(space, cover);
        });
        assert_eq!(result.expect("the function has a result").cost.cubes, cubes.len());
        table.check(&format!("{pla:?}"), &cubes);
        cubes.iter().filter(|&&cube| !table.is_prime(cube)).count()
    })
}

/// The exact choice of lowered bits does not know which outputs are lowered already, and so may lower
/// an input for nothing. It is rare, and the original has the same literals.
const NOT_PRIME: [(Pla, [usize; 2]); 3] =
    [(Pla::Mul(4), [1, 1]), (Pla::Mul(5), [4, 4]), (Pla::Sqr(8), [1, 1])];

#[test]
fn results_are_right_prime_and_irredundant() {
    for (pla, ..) in KNOWN {
        let known = NOT_PRIME.iter().find(|(other, _)| *other == pla);
        assert_eq!(check(pla), known.map_or([0, 0], |(_, cubes)| *cubes), "{pla:?}");
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

/// Minimises a function, checks the result, and returns it as text.
fn minimised(text: &str) -> String {
    let (mut cubes, mut head) = (Vec::new(), (0, 0));
    let result = pass::<Global, ()>(text, &mut Order::default(), &mut (), |space, cover| {
        cubes = Cube::all(space, cover);
        head = (space.inputs, space.outputs());
    });
    assert!(result.is_ok(), "{result:?} for {text}");
    Table::of(text).check(text, &cubes);
    let (inputs, outputs) = head;
    let rows: String = cubes.iter().map(|cube| cube.row(inputs, outputs) + "\n").collect();
    format!(".i {inputs}\n.o {outputs}\n{rows}")
}

#[test]
fn random_functions_are_minimised_rightly() {
    let mut random = 1_u32;
    let mut pick = |from: &str| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        from.as_bytes()[(random >> 16) as usize % from.len()] as char
    };
    for round in 0..400 {
        let (inputs, outputs, rows) = (4 + round % 4, 2 + round % 7, 2 + round % 37);
        let mut text = format!(".i {inputs}\n.o {outputs}\n");
        for _ in 0..rows {
            text.extend((0..inputs).map(|_| pick("0011-")));
            text.push(' ');
            text.extend((0..outputs).map(|_| pick("0000111-")));
            text.push('\n');
        }
        minimised(&minimised(&text));
    }
}

#[test]
fn functions_that_are_not_taken_apart_are_minimised_rightly() {
    for pla in [Pla::Mul(4), Pla::Sqr(6), Pla::Add(4)] {
        let text = pla.text();
        let (inputs, outputs) = read::numbers(&text).expect("there are numbers");
        let space = Space::<Global>::new(inputs, outputs);
        let Function { ones, anything: free } = read::rows(&space, &text).expect("there are rows");
        let off = complement(&space, CubeList::of(&space, &[&ones, &free]));
        let (mut order, mut observer) = (Order::default(), ());
        let mut minimiser =
            Minimiser { space: &space, free: &free, off: &off, order: &mut order, observer: &mut observer };
        let result = minimiser.attempt(ones, false);
        let cubes = Cube::all(&space, &result.unwrap_or_else(|_| panic!("{pla:?}: hits the OFF-set")));
        Table::of(&text).check(&text, &cubes);
    }
}

#[test]
fn wrong_covers_are_found() {
    let table = Table::of(".i 2\n.o 1\n11 1\n10 1\n00 -\n");
    let right = Cube { care: 2, value: 2, outputs: 1 };
    table.check("two bits", &[right]);
    assert!(table.is_prime(right));
    let too_large = Cube { care: 0, value: 0, outputs: 1 };
    let too_small = Cube { care: 3, value: 3, outputs: 1 };
    assert!(!table.is_prime(too_small));
    for wrong in [&[too_large][..], &[too_small], &[right, too_small], &[right, right]] {
        assert!(std::panic::catch_unwind(|| table.check("two bits", wrong)).is_err(), "{wrong:?}");
    }
}
