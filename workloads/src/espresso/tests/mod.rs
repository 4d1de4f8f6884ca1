//! The original program's results, steps and allocations.

mod profile;
mod truth;

use std::fmt::Write;

use super::cost::Cost;
use super::expand::{Outputs, expand};
use super::inputs::Pla;
use super::minimise::{Observer, Step};
use super::pass::{Minimised, Wrong, pass};
use super::reduce::Order;
use super::space::Space;
use crate::api::{Api, Global};
use crate::counted::Counted;
use crate::protocol::Counts;

type A = Counted<Global>;

/// What the original allocates in a pass outside of the algorithm: for its file, its name and its labels.
const ELSEWHERE: u64 = 7;

/// Cubes of the OFF-set; cubes, input and output literals of the result; allocations of the original.
type Known = (Pla, usize, [usize; 3], u64);

const KNOWN: [Known; 12] = [
    (Pla::Ones(5), 32, [31, 140, 35], 1_901),
    (Pla::Ones(7), 127, [127, 756, 147], 17_099),
    (Pla::Ones(8), 256, [255, 1774, 296], 46_134),
    (Pla::Sym9, 72, [86, 516, 86], 85_027),
    (Pla::Add(4), 143, [135, 684, 135], 37_409),
    (Pla::Add(5), 369, [291, 1716, 291], 283_852),
    (Pla::Mul(3), 43, [32, 136, 38], 5_090),
    (Pla::Mul(4), 245, [128, 735, 156], 61_420),
    (Pla::Mul(5), 1077, [487, 3555, 613], 475_418),
    (Pla::Sqr(6), 70, [49, 198, 67], 14_500),
    (Pla::Sqr(8), 349, [187, 1069, 302], 124_121),
    (Pla::Control, 676, [431, 4579, 658], 2_120_019),
];

fn counted_pass(text: &str, order: &mut Order) -> (Minimised, Counts) {
    A::take_counts();
    let result = pass::<A, ()>(text, order, &mut (), |_, _| ());
    (result.expect("the function has a result"), A::take_counts())
}

#[test]
fn results_and_allocations_are_those_of_the_original() {
    for (pla, off, [cubes, inputs, outputs], allocations) in KNOWN {
        let (result, counts) = counted_pass(&pla.text(), &mut Order::default());
        assert_eq!(result, Minimised { off, cost: Cost { cubes, inputs, outputs } }, "{pla:?}");
        assert_eq!(counts.allocations, allocations - ELSEWHERE, "{pla:?}");
        assert_eq!(counts.frees, counts.allocations, "{pla:?}");
    }
}

#[test]
fn later_passes_start_with_the_other_order() {
    let text = Pla::Control.text();
    let mut order = Order::default();
    let passes = [(); 3].map(|()| counted_pass(&text, &mut order).0.cost);
    let [first, later] =
        [[431, 4579, 658], [430, 4573, 666]].map(|[cubes, inputs, outputs]| Cost { cubes, inputs, outputs });
    assert_eq!(passes, [first, later, later]);
}

#[test]
fn a_text_with_shared_cubes_and_dont_cares() {
    let text = "\
        .i 4\n.o 2\n0000 10\n0001 10\n0011 11\n0111 01\n1111 01\n1101 11\n1100 1-\n1000 -1\n.e\n";
    let mut cubes = Vec::new();
    let result = pass::<A, ()>(text, &mut Order::default(), &mut (), |space, cover| {
        cubes = truth::Cube::all(space, cover);
    });
    assert_eq!(result.expect("the function has a result").cost, Cost { cubes: 5, inputs: 16, outputs: 7 });
    let mut rows: Vec<String> = cubes.iter().map(|cube| cube.row(4, 2)).collect();
    rows.sort();
    assert_eq!(rows, ["-111 01", "000- 10", "0011 11", "1-00 01", "110- 11"]);
}

#[test]
fn malformed_texts_are_refused() {
    for text in ["", ".i 2\n01 1\n", ".i 2\n.o 1\n01 11\n", ".i 2\n.o 1\n0x 1\n", ".i 2\n.o 1\n011\n"] {
        let result = pass::<A, ()>(text, &mut Order::default(), &mut (), |_, _| ());
        assert!(matches!(result, Err(Wrong::Text(_))), "{text:?}: {result:?}");
    }
}

#[test]
fn covers_that_hit_the_off_set_are_refused() {
    let space = Space::<A>::new(2, 1);
    let [mut cover, mut off] = [(); 2].map(|()| space.cover(1));
    cover.push(space.full());
    off.push(space.full());
    assert!(expand(&space, cover, &off, Outputs::Raise).is_err());
}

/// Writes the steps down, without those that change nothing.
#[derive(Default)]
struct Trace {
    text: String,
    last: Option<Cost>,
}

impl Observer for Trace {
    fn step(&mut self, step: Step, cost: Cost) {
        let name = match step {
            Step::Irredundant | Step::GaspIrredundant if self.last == Some(cost) => return,
            Step::Setup => "SETUP",
            Step::Expand => "EXPAND",
            Step::Irredundant => "IRRED",
            Step::Essential => "ESSEN",
            Step::Reduce => "REDUCE",
            Step::GaspReduce => "REDUCE_GASP",
            Step::GaspExpand => "EXPAND_GASP",
            Step::GaspIrredundant => "IRRED_GASP",
            Step::Adjust => "ADJUST",
            Step::DropOutputs => "OUTPUTS",
            Step::RaiseInputs => "INPUTS",
        };
        let Cost { cubes, inputs, outputs } = cost;
        // Without new primes the cover stays what it was before it was reduced.
        self.last = (step != Step::GaspReduce && cubes > 0).then_some(cost).or(self.last);
        writeln!(self.text, "{name} {cubes}/{inputs}/{outputs}").expect("strings take everything");
    }
}

fn trace(pla: Pla) -> String {
    let mut trace = Trace::default();
    pass::<A, Trace>(&pla.text(), &mut Order::default(), &mut trace, |_, _| ()).expect("there is a result");
    trace.text
}

#[test]
fn steps_for_squares_of_six_bits() {
    assert_eq!(trace(Pla::Sqr(6)), include_str!("sqr6.trace"));
}

#[test]
fn steps_for_products_of_four_bits() {
    assert_eq!(trace(Pla::Mul(4)), include_str!("mul4.trace"));
}

#[test]
fn steps_for_the_control_unit() {
    assert_eq!(trace(Pla::Control), include_str!("ctl16x40.trace"));
}
