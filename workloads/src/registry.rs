//! From a row's id to its port: what a port is given, what it gives back, and the table.

use crate::alloc_test::AllocTest;
use crate::api::Api;
use crate::barnes::Barnes;
use crate::cache_scratch::{CacheScratch, CacheThrash};
use crate::cfrac::Cfrac;
use crate::espresso::Espresso;
use crate::glibc_simple::GlibcSimple;
use crate::glibc_thread::GlibcThread;
use crate::larson::Larson;
use crate::malloc_large::MallocLarge;
use crate::measure::Meter;
use crate::mleak::Mleak;
use crate::mstress::Mstress;
#[cfg(feature = "native")]
use crate::native;
use crate::operations;
use crate::planted;
use crate::rows::{Preset, Size};
use crate::rptest::Rptest;
use crate::sh6bench::Sh6bench;
use crate::sh8bench::Sh8bench;
use crate::xmalloc_test::XmallocTest;

/// How a row is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Whose parameters.
    pub preset: Preset,
    /// How much of them.
    pub size: Size,
    /// The classic suites' `N`. Some presets make another number of threads of it.
    pub threads: usize,
    /// Replaces the amount of work, in the unit the row's file names; for tests and tuning.
    pub ops: Option<u64>,
}

/// What a port did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Units of work done in the measured part.
    pub operations: u64,
    /// Whether the row ran for a fixed time, so that `operations` is what it achieved.
    pub timed: bool,
    /// The line the original program would have printed.
    pub figure: String,
    /// A value that depends on all the work done, where that is the same for every allocator.
    pub checksum: Option<String>,
}

/// Why a row has no result: one line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The row cannot run with these parameters.
    Parameters(String),
    /// The row ran and its own check found something wrong.
    Check(String),
    /// The row ran under another allocator than it should have.
    Identity(String),
}

/// One port.
pub trait Workload {
    /// Sets up, does the measured part between [`Meter::start`] and [`Meter::stop`], and frees
    /// what it can.
    ///
    /// # Errors
    /// Says why there is no result.
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure>;
}

/// A port with its allocator chosen.
pub type Run = fn(&Params, &mut Meter) -> Result<Outcome, Failure>;

/// The ids of the rows that run on crates; they are there with the feature `native` only.
pub const NATIVE: &[&str] = &["json", "syn", "index", "search", "echo", "egraph"];

/// The ids of all rows but the single [`operations`].
pub const ROWS: &[&str] = &[
    "cfrac",
    "espresso",
    "barnes",
    "alloc-test1",
    "alloc-testN",
    "larson",
    "larson-sized",
    "sh6bench",
    "sh8bench",
    "cache-scratch1",
    "cache-scratchN",
    "cache-thrash1",
    "cache-thrashN",
    "xmalloc-test",
    "mstress",
    "rptest",
    "glibc-simple",
    "glibc-thread",
    "malloc-large",
    "mleak",
    "json",
    "syn",
    "index",
    "search",
    "echo",
    "egraph",
];

/// The port behind one of the [`ROWS`], of the [`operations`] or of [`planted`], for the allocator `A`.
pub fn find<A: Api>(row: &str) -> Option<Run> {
    let run: Run = match row {
        "cfrac" => Cfrac::run::<A>,
        "espresso" => Espresso::run::<A>,
        "barnes" => Barnes::run::<A>,
        "alloc-test1" => AllocTest::<false>::run::<A>,
        "alloc-testN" => AllocTest::<true>::run::<A>,
        // Rust states the size with every free: plain and sized deallocation are one loop.
        "larson" | "larson-sized" => Larson::run::<A>,
        "sh6bench" => Sh6bench::run::<A>,
        "sh8bench" => Sh8bench::run::<A>,
        "cache-scratch1" => CacheScratch::<false>::run::<A>,
        "cache-scratchN" => CacheScratch::<true>::run::<A>,
        "mstress" => Mstress::run::<A>,
        "rptest" => Rptest::run::<A>,
        "malloc-large" => MallocLarge::run::<A>,
        "cache-thrash1" => CacheThrash::<false>::run::<A>,
        "cache-thrashN" => CacheThrash::<true>::run::<A>,
        "xmalloc-test" => XmallocTest::run::<A>,
        "glibc-simple" => GlibcSimple::run::<A>,
        "glibc-thread" => GlibcThread::run::<A>,
        "mleak" => Mleak::run::<A>,
        _ => return find_elsewhere::<A>(row),
    };
    Some(run)
}

/// The port of a row that has a table of its own.
fn find_elsewhere<A: Api>(row: &str) -> Option<Run> {
    #[cfg(feature = "native")]
    if let Some(run) = native::find::<A>(row) {
        return Some(run);
    }
    operations::find::<A>(row).or_else(|| planted::find::<A>(row))
}

/// The number of threads, if the row can have that many.
pub(crate) fn at_most(limit: usize, threads: usize) -> Result<usize, Failure> {
    if threads > limit {
        return Err(Failure::Parameters(format!("this row takes at most {limit} threads, not {threads}")));
    }
    Ok(threads)
}

/// One digest of a sequence of numbers, for checksums made of per-thread counts.
pub(crate) fn digest(numbers: impl IntoIterator<Item = u64>) -> String {
    // FNV-1a over the bytes: short, and every position matters.
    let hash =
        numbers.into_iter().flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;

    #[test]
    fn every_row_has_a_port() {
        for row in ROWS {
            let built = cfg!(feature = "native") || !NATIVE.contains(row);
            assert_eq!(find::<Global>(row).is_some(), built, "{row}");
        }
        assert!(find::<Global>("nonsense").is_none());
    }

    #[test]
    fn order_and_values_change_the_digest() {
        assert_ne!(digest([1, 2]), digest([2, 1]));
        assert_ne!(digest([1, 2]), digest([1, 2, 0]));
        assert_eq!(digest([1, 2]), digest([1, 2]));
    }
}
