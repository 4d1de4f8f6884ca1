//! What programs in Rust do with well-known crates: rows that do not ask an [`Api`] for memory but let the crates
//! ask the global allocator.
//!
//! Inputs are made before the measured part, and what a row still holds at its end is freed after it. Results do not
//! depend on the number of threads.

mod documents;
mod echo;
mod egraph;
mod index;
mod json;
mod search;
mod sources;
mod syntax;
mod text;

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Run, Workload};

pub use echo::Echo;
pub use egraph::Egraph;
pub use index::Index;
pub use json::Json;
pub use search::Search;
pub use syntax::Syn;

/// The row of this id.
pub(crate) fn find<A: Api>(row: &str) -> Option<Run> {
    let run: Run = match row {
        "json" => run::<Json, A>,
        "syn" => run::<Syn, A>,
        "index" => run::<Index, A>,
        "search" => run::<Search, A>,
        "echo" => run::<Echo, A>,
        "egraph" => run::<Egraph, A>,
        _ => return None,
    };
    Some(run)
}

/// The most work that may be asked for instead of a row's own, so that the lists of results keep a possible size.
const MAX_OPS: u64 = 1_000_000;

/// Runs the row, unless it is to be counted where that cannot be done or to do too much.
fn run<W: Workload, A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
    if A::COUNTS && !A::WHOLE_PROCESS {
        return Err(Failure::Parameters(
            "the crates of this row ask the global allocator, which does not count: take worker-count for --stats"
                .to_owned(),
        ));
    }
    if let Some(ops) = params.ops.filter(|ops| *ops > MAX_OPS) {
        return Err(Failure::Parameters(format!("this row takes at most {MAX_OPS} for --ops, not {ops}")));
    }
    W::run::<A>(params, meter)
}

/// Begins the measured part. The inputs are not counted.
fn start<A: Api>(meter: &mut Meter) {
    A::take_counts();
    meter.start();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::rows::{Preset, Size};

    fn at(size: Size, threads: usize) -> Params {
        Params { preset: Preset::Current, size, threads, ops: None }
    }

    /// The result of the smallest size.
    pub(super) fn checksum<W: Workload>(threads: usize) -> String {
        let outcome = W::run::<Global>(&at(Size::Check, threads), &mut Meter::default()).expect("a result");
        outcome.checksum.expect("the work is fixed")
    }

    #[test]
    fn a_row_is_not_counted_where_only_ports_are() {
        let run = find::<Counted<Global>>("json").expect("a row");
        let failure = run(&at(Size::Check, 1), &mut Meter::default()).expect_err("nothing to count");
        assert!(matches!(failure, Failure::Parameters(reason) if reason.contains("worker-count")));
    }

    #[test]
    fn more_than_can_be_held_is_refused() {
        let run = find::<Global>("syn").expect("a row");
        let params = Params { ops: Some(u64::MAX), ..at(Size::Full, 1) };
        let failure = run(&params, &mut Meter::default()).expect_err("too much");
        assert!(matches!(failure, Failure::Parameters(reason) if reason.contains("--ops")));
    }
}
