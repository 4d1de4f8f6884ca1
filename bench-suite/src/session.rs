//! Walking a plan: every pass, every block, every cell, in the planned order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::again::Again;
use crate::exec::{Execution, Executor, Job, command_line};
use crate::files::utc_now;
use crate::journal::Sink;
use crate::plan::Plan;
use crate::sample::Sample;
use crate::status::Status;
use crate::workers::Launch;

/// Failures after which a cell is not tried again.
const GIVE_UP_AFTER: usize = 2;

/// Whether `plan` has nothing left to do with a cell that has these samples.
pub fn is_done<'s>(plan: &Plan, samples: impl Iterator<Item = &'s Sample> + Clone) -> bool {
    let failures = samples.clone().filter(|sample| sample.status != Status::Ok).count();
    samples.count() >= plan.passes || failures >= GIVE_UP_AFTER
}

/// How walking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything that can run did.
    Complete,
    /// The user stopped it.
    Interrupted,
}

/// Where a session stands, told before each sample.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Pass, counted from 0.
    pub pass: usize,
    /// Workload id.
    pub workload: &'a str,
    /// Allocator id.
    pub allocator: &'a str,
    /// Samples done or passed over, of this and earlier sessions.
    pub done: usize,
    /// Samples of the plan that can run.
    pub total: usize,
}

/// Runs what `plan` has and `done` lacks, and hands each sample to `sink`.
///
/// What `again` discards is run once more, at once.
/// A cell that failed is tried once more in a later pass and then passed over.
/// Allocators without a launch are passed over.
pub fn walk(
    plan: &Plan,
    launches: &BTreeMap<String, Launch>,
    done: &[Sample],
    executor: &mut dyn Executor,
    again: &mut Again,
    sink: &mut dyn Sink,
    tell: &mut dyn FnMut(Step<'_>),
) -> Result<End> {
    let finished: BTreeSet<_> =
        done.iter().map(|s| (s.pass, s.workload.clone(), s.allocator.clone())).collect();
    let mut failures: BTreeMap<(String, String), usize> = BTreeMap::new();
    for sample in done.iter().filter(|sample| sample.status != Status::Ok) {
        *failures.entry((sample.workload.clone(), sample.allocator.clone())).or_default() += 1;
    }
    let total = plan.passes * plan.workloads.len() * launches.len();
    let mut passed = 0;
    for pass in 0..plan.passes {
        for (block_index, block) in plan.blocks(pass).into_iter().enumerate() {
            for (position, allocator) in block.order.iter().enumerate() {
                let Some(launch) = launches.get(allocator) else { continue };
                let cell = (block.workload.clone(), allocator.clone());
                passed += 1;
                if finished.contains(&(pass, cell.0.clone(), cell.1.clone()))
                    || failures.get(&cell).is_some_and(|count| *count >= GIVE_UP_AFTER)
                {
                    continue;
                }
                let layout = launch.layout_of(pass);
                tell(Step { pass, workload: &cell.0, allocator, done: passed - 1, total });
                let job = Job {
                    launch: &launch.in_layout(layout),
                    row: &block.workload,
                    params: plan.params,
                    stats: false,
                    heap_map: None,
                    phases: None,
                    env_pad_bytes: block.env_pad_bytes,
                    timeout: plan.timeout_of(&block.workload),
                };
                let started_utc = utc_now();
                let mut discarded = Vec::new();
                let execution = loop {
                    let Some(execution) = executor.execute(&job)? else { return Ok(End::Interrupted) };
                    match again.discard(&execution, discarded.len()) {
                        Some(spoilt) => discarded.push(spoilt),
                        None => break execution,
                    }
                };
                let explanation = (execution.status != Status::Ok).then(|| explain(plan, &job, &execution));
                let sample = Sample {
                    pass,
                    block: block_index,
                    position,
                    workload: block.workload.clone(),
                    allocator: allocator.clone(),
                    env_pad_bytes: block.env_pad_bytes,
                    layout,
                    started_utc,
                    status: execution.status,
                    reason: execution.reason,
                    total_ns: execution.total_ns,
                    noise: execution.noise,
                    discarded,
                    report: execution.report,
                };
                sink.record(&sample, explanation.as_deref())?;
                if sample.status != Status::Ok {
                    *failures.entry(cell).or_default() += 1;
                }
            }
        }
    }
    Ok(End::Complete)
}

/// What is kept of an execution that failed, besides its line.
pub(crate) fn explain(plan: &Plan, job: &Job<'_>, execution: &Execution) -> String {
    format!(
        "status: {}\nreason: {}\nrepeat: {}\n\n{}",
        execution.status,
        execution.reason.as_deref().unwrap_or("none given"),
        command_line(plan, job),
        execution.stderr
    )
}
