//! Running one cell once. The trait is the seam between walking a plan and processes, so
//! that order, resuming and failures can be tested without any worker.

mod capture;
pub(crate) mod ended;
pub(crate) mod environment;
pub(crate) mod ground;
pub mod mock;
pub(crate) mod preload;
pub(crate) mod process;
mod real;
mod repeat;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use workloads::protocol::Report;

pub use process::Observer;
pub use real::RealExecutor;
pub(crate) use repeat::command_line;

use crate::noise::Noise;
use crate::plan::Params;
use crate::status::Status;
use crate::workers::Launch;

/// One execution that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The worker.
    pub launch: &'a Launch,
    /// The workload.
    pub row: &'a str,
    /// What the worker is asked for besides.
    pub params: Params,
    /// Whether the worker also counts what it allocates.
    pub stats: bool,
    /// Where the worker also writes what its heap holds.
    pub heap_map: Option<&'a Path>,
    /// Where the worker also writes when its phases begin, and is idle for a second at its end.
    pub phases: Option<&'a Path>,
    /// Bytes of padding in its environment.
    pub env_pad_bytes: usize,
    /// Longest time before it is killed.
    pub timeout: Duration,
}

/// How one execution went.
#[derive(Debug, Clone)]
pub struct Execution {
    /// How it ended.
    pub status: Status,
    /// Why it failed, in one line.
    pub reason: Option<String>,
    /// Wall time from spawning to the end.
    pub total_ns: u64,
    /// What else happened on the machine.
    pub noise: Noise,
    /// What the worker reported, if it could be read.
    pub report: Option<Report>,
    /// The end of what it wrote to standard error.
    pub stderr: String,
}

impl Execution {
    /// That of something that never ran, and why.
    pub fn not_run(status: Status, reason: String) -> Self {
        Self {
            status,
            reason: Some(reason),
            total_ns: 0,
            noise: Noise::default(),
            report: None,
            stderr: String::new(),
        }
    }
}

/// Runs jobs. An error is a failure of the harness, never of a worker.
pub trait Executor {
    /// Runs one job to its end; `None` when the user stopped it, so that it does not count.
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Execution>>;

    /// The same while `observer` looks at the process, which is no measurement of time.
    fn observe(&mut self, job: &Job<'_>, observer: &mut dyn Observer) -> Result<Option<Execution>>;
}
