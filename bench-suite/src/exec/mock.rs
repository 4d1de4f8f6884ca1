//! An executor without processes: it remembers what it was asked and answers what it is told to.

use anyhow::Result;
use workloads::protocol::{PROTOCOL, Report};
use workloads::usage::Usage;

use super::{Execution, Executor, Job, Observer};
use crate::noise::Noise;
use crate::status::Status;

/// What was asked: workload and allocator.
pub type Asked = (String, String);

/// Decides the answer to a job from the job and how many came before it.
type Answer = Box<dyn FnMut(&Job<'_>, usize) -> Option<Execution>>;

/// An executor for tests.
pub struct MockExecutor {
    /// Everything it was asked, in order.
    pub asked: Vec<Asked>,
    answer: Answer,
}

impl MockExecutor {
    /// An executor that answers with `answer`.
    pub fn new(answer: impl FnMut(&Job<'_>, usize) -> Option<Execution> + 'static) -> Self {
        Self { asked: Vec::new(), answer: Box::new(answer) }
    }

    /// An executor whose workers all do well.
    pub fn healthy() -> Self {
        Self::new(|job, _| Some(success(job)))
    }
}

impl Executor for MockExecutor {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Execution>> {
        let before = self.asked.len();
        self.asked.push((job.row.to_owned(), job.launch.allocator.clone()));
        Ok((self.answer)(job, before))
    }

    fn observe(&mut self, job: &Job<'_>, _observer: &mut dyn Observer) -> Result<Option<Execution>> {
        self.execute(job)
    }
}

/// An execution that went well, with figures that depend on the job alone.
pub fn success(job: &Job<'_>) -> Execution {
    let score_ns = 1_000_000 + 1000 * (job.row.len() + 7 * job.launch.allocator.len()) as u64;
    let report = Report {
        protocol: PROTOCOL,
        allocator: job.launch.worker_id.clone(),
        allocator_version: "1.0".to_owned(),
        proof: "mock".to_owned(),
        row: job.row.to_owned(),
        threads: job.params.threads,
        run_ns: score_ns,
        operations: 1000,
        score_ns,
        figure: String::new(),
        checksum: Some("c0ffee".to_owned()),
        peak_rss_bytes: 4 << 20,
        run_end_rss_bytes: Some(4 << 20),
        drained_rss_bytes: Some(2 << 20),
        usage: Usage { user_us: 900, sys_us: 100, minor_faults: 250, ..Usage::default() },
        counts: None,
        memory: None,
    };
    Execution {
        status: Status::Ok,
        reason: None,
        total_ns: score_ns + 2_000_000,
        noise: Noise::default(),
        report: Some(report),
        stderr: String::new(),
    }
}

/// An execution that failed.
pub fn failure(status: Status) -> Execution {
    Execution {
        reason: Some(format!("planted {status}")),
        status,
        total_ns: 1000,
        noise: Noise::default(),
        report: None,
        stderr: "planted".to_owned(),
    }
}
