//! cfrac: factors a large number by its continued fraction, with integers that are a heap block each
//! and live for a few operations.
//!
//! The unit of `--ops` is one step of the continued fraction.

mod base;
mod big;
mod digits;
mod functions;
mod relations;
mod search;

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::{Preset, Size};
use search::{Found, Statistics, Stuck, search};

/// The numbers to factor, at every size: each has others, since only a search that ends has
/// the original's mix of operations.
const fn numbers(preset: Preset, size: Size) -> &'static [&'static str] {
    match (preset, size) {
        (_, Size::Check) => &["11111111111111111"],
        (_, Size::Quick) => &["2535301200456458802993406410751"],
        (_, Size::Calibrated) => &["2535301200456458802993406410751", "123456789012345678901234567890123"],
        (Preset::Seed2019, Size::Full) => &["175451865205073170563711388363274837927895"],
        (Preset::Current, Size::Full) => &["17545186520507317056371138836327483792789528"],
    }
}

/// The original gives up after this many steps.
const MOST_STEPS: u64 = 1 << 30;

/// The row.
#[derive(Debug)]
pub struct Cfrac;

impl Workload for Cfrac {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        base::primes();
        let budget = params.ops.unwrap_or(MOST_STEPS);
        meter.start();
        let results = numbers(params.preset, params.size).iter().map(|number| search::<A>(number, budget));
        let found = results.collect::<Result<Vec<_>, _>>();
        meter.stop::<A>();
        let found = found.map_err(|stuck| Failure::Check(stuck.to_string()))?;
        let texts = |text: fn(&Found) -> String| found.iter().map(text).collect::<Vec<_>>().join(", ");
        Ok(Outcome {
            operations: found.iter().map(|found| found.statistics.iterations).sum(),
            timed: false,
            figure: texts(Found::line),
            checksum: Some(texts(Found::checksum)),
        })
    }
}

impl Found {
    fn line(&self) -> String {
        match &self.factors {
            Some((factor, cofactor)) => format!("{} = {factor} * {cofactor}", self.n),
            None => format!("{}: no factor in {} iterations", self.n, self.statistics.iterations),
        }
    }

    fn checksum(&self) -> String {
        let Statistics { iterations, early_aborts, partials_stored, partials_used, full, attempts, .. } =
            self.statistics;
        let counters = digest([iterations, early_aborts, partials_stored, partials_used, full, attempts]);
        match &self.factors {
            Some((factor, cofactor)) => format!("{factor}*{cofactor}/{counters}"),
            None => counters,
        }
    }
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stuck::NotANumber => write!(out, "not a decimal number"),
            Stuck::Cycle => write!(out, "cycle encountered; pick bigger k"),
        }
    }
}

#[cfg(test)]
mod tests;
