//! What a run comes to: one row per workload, allocator and metric. All that says how allocators compare (table, bars,
//! heat maps, means, the ratios of the gate) is made from these rows; single samples, and memory over time, are not in them.

use serde::{Deserialize, Serialize};

use crate::config::{Group, Pattern};
use crate::workers::Identity;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The score of the row in nanoseconds or in [`RATE_UNIT`], lower is better; corrected for the pace of the
    /// machine if that varied.
    Time,
    /// The same as the clock showed it, without correction for the pace of the machine.
    RawTime,
    /// VmHWM of the worker in bytes.
    PeakRss,
    /// VmRSS after the row freed all it can, in bytes.
    DrainedRss,
    /// User plus system time in microseconds.
    CpuTime,
    /// Minor page faults.
    MinorFaults,
}

/// Unit of the time of a workload that runs for a fixed time and does what it can.
pub const RATE_UNIT: &str = "ns per 1e9 operations";

/// One cell of the result: one workload under one allocator, one metric.
///
/// The serialised names are the columns of `summary.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Row id, such as `larson`.
    pub workload: String,
    /// Allocator id, such as `mi3`.
    pub allocator: String,
    /// What was measured.
    pub metric: Metric,
    /// Unit of `median`.
    pub unit: String,
    /// Passes with a usable sample of this allocator and of the reference.
    pub n: usize,
    /// Median of the absolute values; absent when nothing was measured.
    pub median: Option<f64>,
    /// Median over the passes of the ratio to the reference allocator in the same pass.
    pub ratio_to_ref: Option<f64>,
    /// Lower end of the 95 % bootstrap interval of `ratio_to_ref`.
    pub ci_low: Option<f64>,
    /// Upper end of the interval.
    pub ci_high: Option<f64>,
    /// `ok`, or what went wrong in one word: `build-failed`, `signal(SIGSEGV)`, `timeout`, …
    pub status: String,
}

/// The profile of workers that were built before.
pub const UNKNOWN_PROFILE: &str = "unknown";

/// What a reader must know to judge a run; the footer of charts and the head of reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Name of the run's folder: start in UTC and the commit.
    pub run_id: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_utc: String,
    /// Short commit hash, with `-dirty` when the tree had changes.
    pub commit: String,
    /// Passes that were completed.
    pub passes: usize,
    /// Seed of order and resampling.
    pub seed: u64,
    /// `seed2019` or `current`.
    pub preset: String,
    /// `quick`, `calibrated` or `full`.
    pub size: String,
    /// `worker` or `worker-nolto`: the build profile of the workers; or [`UNKNOWN_PROFILE`].
    pub profile: String,
    /// One line about the machine: CPU, cores, virtualisation, kernel.
    pub machine: String,
    /// Version of the compiler that built the workers.
    pub rustc: String,
    /// Warnings that belong on top of every picture of this run, such as a noisy machine.
    pub warnings: Vec<String>,
}

/// A digested run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Facts about the run.
    pub run: RunInfo,
    /// Allocators in display order.
    pub allocators: Vec<AllocatorInfo>,
    /// Id of the allocator that is 1.00 everywhere.
    pub reference: String,
    /// All cells.
    pub rows: Vec<SummaryRow>,
    /// The geometric means of every metric, over all workloads and over each group of them.
    #[serde(default)]
    pub means: Vec<Means>,
}

impl Summary {
    /// The means of `metric` over the workloads of `group`, or over all of them.
    pub fn means_of(&self, metric: Metric, group: Option<Group>) -> Option<&Means> {
        self.means.iter().find(|means| means.metric == metric && means.group == group)
    }
}

/// The geometric means of one metric over one set of workloads.
///
/// An allocator that completed less than half of the workloads that any completed has none; those of the
/// others are all over the same workloads, so that they can be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// What was measured.
    pub metric: Metric,
    /// The group of workloads; absent when it is all of the run.
    pub group: Option<Group>,
    /// Workloads that every compared allocator completed: what the means are over.
    pub over: usize,
    /// Workloads there are.
    pub of: usize,
    /// One entry per allocator, in display order.
    pub of_allocator: Vec<Mean>,
}

impl Means {
    /// The entry of one allocator.
    pub fn of_id(&self, allocator: &str) -> Option<&Mean> {
        self.of_allocator.iter().find(|mean| mean.allocator == allocator)
    }
}

/// The geometric mean of one allocator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Allocator id.
    pub allocator: String,
    /// How many of the workloads it completed.
    pub completed: usize,
    /// Mean over the workloads of the median ratios; absent for one that is not compared.
    pub ratio_to_ref: Option<f64>,
    /// Lower end of the 95 % bootstrap interval of `ratio_to_ref`.
    pub ci_low: Option<f64>,
    /// Upper end of the interval.
    pub ci_high: Option<f64>,
}

/// How an allocator is named and drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllocatorInfo {
    /// Id, such as `jx`.
    pub id: String,
    /// Name for people, with the version, such as `jemalloc 5.3.1`.
    pub label: String,
    /// `#RRGGBB`, fixed per allocator.
    pub colour: String,
    /// The second code besides colour.
    #[serde(default)]
    pub pattern: Pattern,
    /// The library that is preloaded, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<LibraryInfo>,
    /// The pace of the machine that it found, if times are corrected for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<RelativePace>,
}

/// The pace of the machine that an allocator found, compared with all that ran the same workload in the same pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RelativePace {
    /// Its time of the fixed computation over theirs, a geometric mean.
    pub ratio: f64,
    /// Of the logarithm of the ratio.
    pub standard_error: f64,
    /// Workloads times passes that it is over.
    pub blocks: usize,
}

/// Which library is preloaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LibraryInfo {
    /// Its path, links resolved; one that was built is named alone.
    pub place: String,
    /// BLAKE3 hash of the file.
    pub hash: String,
    /// Its names and size, where they were noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

impl LibraryInfo {
    /// Whether it was built as the workers were, if with another profile.
    pub fn is_built(&self) -> bool {
        !self.place.contains('/')
    }
}
