//! One row from start to report.

use crate::api::Api;
use crate::measure::{Meter, nanoseconds};
use crate::protocol::{PROTOCOL, Report};
use crate::registry::{self, Failure, Params};

/// Who the worker is, in the words of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// See [`Report::allocator`].
    pub allocator: String,
    /// See [`Report::allocator_version`].
    pub version: String,
    /// See [`Report::proof`].
    pub proof: String,
}

/// Runs a row with a new `meter` and makes its report. `identify` is called when all is measured: asking an
/// allocator who it is may cost memory.
///
/// # Errors
/// An unknown row, parameters the row cannot take, a result that is wrong, or another allocator
/// than the one that was meant.
pub fn execute<A: Api>(
    row: &str,
    params: &Params,
    mut meter: Meter,
    identify: impl FnOnce() -> Result<Identity, String>,
) -> Result<Report, Failure> {
    let run = registry::find::<A>(row).ok_or_else(|| {
        Failure::Parameters(format!("unknown row '{row}': `rows` lists the rows there are"))
    })?;
    // What the process asked for before the row is not the row's.
    A::take_counts();
    meter.begin();
    let outcome = run(params, &mut meter)?;
    let measured = meter.finish();
    let memory =
        meter.settle().map_err(|error| Failure::Check(format!("cannot write the phases down: {error}")))?;
    let identity = identify().map_err(Failure::Identity)?;
    let run_ns = nanoseconds(measured.elapsed);
    let score_ns = if outcome.timed { per_billion(run_ns, outcome.operations)? } else { run_ns };
    Ok(Report {
        protocol: PROTOCOL,
        allocator: identity.allocator,
        allocator_version: identity.version,
        proof: identity.proof,
        row: row.to_owned(),
        threads: params.threads,
        run_ns,
        operations: outcome.operations,
        score_ns,
        figure: outcome.figure,
        checksum: outcome.checksum,
        peak_rss_bytes: measured.peak_rss,
        run_end_rss_bytes: Some(measured.run_end_rss),
        drained_rss_bytes: Some(measured.drained_rss),
        usage: measured.usage,
        counts: A::COUNTS.then(|| meter.counts()),
        memory,
    })
}

fn per_billion(run_ns: u64, operations: u64) -> Result<u64, Failure> {
    let scaled = u128::from(run_ns) * 1_000_000_000;
    let score = scaled.checked_div(u128::from(operations));
    let score = score.ok_or_else(|| Failure::Check("no operation was done in the given time".to_owned()))?;
    Ok(u64::try_from(score).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_become_nanoseconds_per_billion_operations() {
        assert_eq!(per_billion(5_000_000_000, 100_000_000), Ok(50_000_000_000));
        assert!(per_billion(1, 0).is_err());
    }
}
