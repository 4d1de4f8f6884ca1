//! `verify`: each cell once at the smallest size, to see that it works. Times nothing.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use workloads::rows::Size;

use super::options::{SelectArgs, WorkerArgs};
use super::scratch::Scratch;
use super::{Setup, print_out};
use crate::error::Outcome;
use crate::exec::{Cancel, RealExecutor};
use crate::fingerprint::cores;
use crate::plan::{Params, Plan, Profile, default_timeout};
use crate::progress::Progress;
use crate::sample::{Sample, mark_wrong_checksums};
use crate::session::{End, walk};
use crate::status::Status;

/// Flags of `verify`.
#[derive(Debug, Clone, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// Does what `verify` was asked for.
pub(super) fn verify(args: VerifyArgs, mut setup: Setup) -> Result<Outcome> {
    let allocators = args.select.allocators(&mut setup.config)?;
    let workloads = args.select.workloads()?;
    let source = args.worker.source()?;
    let cancel = Cancel::on_signals()?;
    let scratch = Scratch::prepare(&allocators, &source, setup.root.as_deref(), &cancel)?;
    let timeout = args.worker.timeout.unwrap_or(default_timeout(Size::Check));
    let plan = Plan {
        reference: setup.reference(),
        allocators: allocators.iter().map(|allocator| allocator.id.clone()).collect(),
        workloads,
        passes: 1,
        params: Params {
            preset: args.worker.preset.unwrap_or_default(),
            size: Size::Check,
            threads: args.worker.threads.unwrap_or_else(cores),
        },
        seed: setup.config.run.seed,
        timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        profile: args.worker.profile.unwrap_or(Profile::Worker),
    };
    let mut samples: Vec<Sample> = Vec::new();
    let mut executor = RealExecutor::new(cancel.clone());
    let mut progress = Progress::new(false);
    let walked = walk(&plan, &scratch.launches, &[], &mut executor, &mut samples, &mut |step| {
        progress.show(step, plan.passes)
    });
    progress.finish();
    if walked? == End::Interrupted || cancel.requested() {
        writeln!(std::io::stderr(), "bench-suite: interrupted")?;
        return Ok(Outcome::Interrupted);
    }
    mark_wrong_checksums(&mut samples, &plan.reference);
    let (text, passed, failed) = judge(&plan, &scratch, &samples);
    print_out(&format!("{text}{passed} passed, {failed} failed\n"))?;
    Ok(match (passed, failed) {
        (_, 1..) => Outcome::CellsFailed,
        (0, 0) => Outcome::NothingJudged,
        _ => Outcome::Done,
    })
}

/// A line per problem, and how many cells passed and failed.
fn judge(plan: &Plan, scratch: &Scratch, samples: &[Sample]) -> (String, usize, usize) {
    let mut text = String::new();
    let mut failed = 0;
    for record in &scratch.records {
        let (id, reason) = (&record.config.id, record.reason.as_deref().unwrap_or_default());
        match record.status {
            Status::Ok => {}
            Status::NotInstalled => text += &format!("skipped {id}: {reason}\n"),
            _ => {
                failed += plan.workloads.len();
                text += &format!("failed {id}, all workloads: {}: {reason}\n", record.status);
            }
        }
    }
    let (good, bad): (Vec<_>, Vec<_>) = samples.iter().partition(|sample| sample.status == Status::Ok);
    for sample in &bad {
        let Sample { workload, allocator, status, .. } = sample;
        let reason = sample.reason.as_deref().unwrap_or_default();
        text += &format!("failed {workload} under {allocator}: {status}: {reason}\n");
    }
    (text, good.len(), failed + bad.len())
}
