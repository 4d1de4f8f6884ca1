//! What a worker process is asked and what it answers: flags in, one JSON line out.
//!
//! A worker is started as `worker-ID run --row ROW --preset PRESET --size SIZE
//! --threads N [--ops N] [--expect-library PATH] [--stats] [--heapmap FILE]
//! [--phases FILE]`, where `--check` is short for `--size check`. It prints exactly one line on standard output, a [`Report`], and exits with 0;
//! anything else is a failure whose reason is the last line of standard error. Sizes are bytes,
//! times are in the unit their name ends in.

use serde::{Deserialize, Deserializer, Serialize};

use crate::usage::Usage;

/// Bumped whenever a worker and a harness of different versions would misread each other.
pub const PROTOCOL: u32 = 1;

/// One measured execution of one row in a fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`PROTOCOL`] of the worker.
    pub protocol: u32,
    /// The id the worker was built for, such as `mi` or `jx`.
    pub allocator: String,
    /// The version the allocator states of itself, where it can be asked.
    pub allocator_version: String,
    /// What the worker asked to be sure that this allocator served it, and the answer.
    pub proof: String,
    /// The row that ran, such as `cache-scratch1`.
    pub row: String,
    /// Threads the row was asked to scale to (the classic suites' `N`).
    pub threads: usize,
    /// Wall time of the measured part.
    pub run_ns: u64,
    /// Units of work done in the measured part; equal for all allocators of one plan,
    /// except for rows that run for a fixed time.
    pub operations: u64,
    /// The time-like figure that is compared, lower is better: `run_ns` for rows of fixed work,
    /// nanoseconds per 10^9 operations for rows that run for a fixed time.
    pub score_ns: u64,
    /// The line the original program would have printed.
    pub figure: String,
    /// A value that depends on all the work done; absent when the amount of work depends on speed.
    pub checksum: Option<String>,
    /// VmHWM of the worker at the end of the measured part.
    pub peak_rss_bytes: u64,
    /// VmRSS at the end of the measured part, where it is known.
    #[serde(default, deserialize_with = "unless_zero")]
    pub run_end_rss_bytes: Option<u64>,
    /// VmRSS after the row freed everything it can, where it is known.
    #[serde(default, deserialize_with = "unless_zero")]
    pub drained_rss_bytes: Option<u64>,
    /// What the process had used at the end of the measured part.
    #[serde(flatten)]
    pub usage: Usage,
    /// Allocation counts, with `--stats` only.
    pub counts: Option<Counts>,
    /// What was resident in each phase, with `--phases` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<PhaseMemory>,
}

/// No process has no memory: earlier versions wrote zero where it is unknown.
fn unless_zero<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::deserialize(from)?.filter(|bytes| *bytes > 0))
}

/// VmRSS at the marks of a row, in bytes; see [`crate::phases`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseMemory {
    /// Before the row set anything up.
    pub begin: u64,
    /// At the end of the measured part.
    pub run_end: u64,
    /// VmHWM at the end of the measured part.
    pub peak: u64,
    /// When everything was freed that can be.
    pub drained: u64,
    /// After another tenth of a second in which the process did nothing.
    pub settled_100ms: u64,
    /// After a second in which the process did nothing.
    pub settled_1s: u64,
}

/// What a row asked of the allocator, counted in the port itself; or what the whole process asked for, counted in the
/// allocator of `worker-count`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Blocks allocated.
    pub allocations: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Bytes requested in all.
    pub bytes: u64,
    /// Frees by another thread than the one that allocated.
    pub cross_thread_frees: u64,
}
