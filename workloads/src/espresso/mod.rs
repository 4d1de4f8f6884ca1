//! espresso: minimises two-level logic, with cubes, lists of cubes and sparse matrices in which
//! every node is a small heap block, made and freed in the order of deep recursions.
//!
//! The unit of `--ops` is one pass: the function is read, complemented, minimised and verified, and
//! everything is freed. The function stands in for the original's largest one; where it would take too
//! long, a multiplier of four bits takes its place.

mod array;
mod complement;
mod components;
mod cost;
mod cover;
mod essential;
mod expand;
mod gasp;
mod inputs;
mod irredundant;
mod list;
mod lower;
mod minimise;
mod order;
mod outputs;
mod pass;
mod read;
mod reduce;
mod set;
mod space;
mod sparse;
mod split;
mod tautology;
mod unate;

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::{Preset, Size};
use cost::Cost;
use inputs::Pla;
use pass::pass;
use reduce::Order;

/// The function, and the passes over it.
const fn work(preset: Preset, size: Size) -> (Pla, u64) {
    match (preset, size) {
        (_, Size::Check) => (Pla::Mul(4), 1),
        (_, Size::Quick | Size::Calibrated) | (Preset::Seed2019, Size::Full) => (Pla::Control, 1),
        (Preset::Current, Size::Full) => (Pla::Control, 20),
    }
}

/// The row.
#[derive(Debug)]
pub struct Espresso;

impl Workload for Espresso {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let (pla, passes) = work(params.preset, params.size);
        let passes = params.ops.unwrap_or(passes);
        let text = pla.text();
        meter.start();
        let result = perform::<A>(&text, passes);
        meter.stop::<A>();
        let done = result.map_err(|wrong| Failure::Check(wrong.to_string()))?;
        let Some(Cost { cubes, inputs, outputs }) = done.last else {
            return Err(Failure::Parameters("espresso takes at least one pass".to_owned()));
        };
        Ok(Outcome {
            operations: passes,
            timed: false,
            figure: format!("{cubes} cubes, {inputs} input and {outputs} output literals"),
            checksum: Some(digest([passes, done.results])),
        })
    }
}

/// What came of all passes.
#[derive(Debug, Default)]
struct Done {
    /// The cost of the last result.
    last: Option<Cost>,
    /// A value that depends on every word of every result.
    results: u64,
}

fn perform<A: Api>(text: &str, passes: u64) -> Result<Done, pass::Wrong> {
    let (mut order, mut done) = (Order::default(), Done::default());
    for _ in 0..passes {
        let results = &mut done.results;
        let minimised = pass::<A, ()>(text, &mut order, &mut (), |_, cover| {
            let words = cover.iter().flat_map(|cube| cube.data());
            *results = words.fold(*results, |hash, word| mix(hash, word.get()));
        })?;
        done.last = Some(minimised.cost);
    }
    Ok(done)
}

/// Takes a word into a hash.
fn mix(hash: u64, word: u32) -> u64 {
    (hash ^ u64::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

#[cfg(test)]
mod tests;
