//! `verify`: each cell once at the smallest size, to see that it works. Times nothing.

use anyhow::Result;
use clap::Args;
use workloads::rows::Size;

use super::options::{SelectArgs, Selected, WorkerArgs};
use super::scratch::Scratch;
use super::{Setup, print_out};
use crate::again::Again;
use crate::cancel::Cancel;
use crate::config::Field;
use crate::error::Outcome;
use crate::fingerprint::cores;
use crate::foreign::executor::executor;
use crate::plan::{Params, Plan, Profile, in_millis};
use crate::progress::Progress;
use crate::sample::{Sample, mark_wrong_checksums};
use crate::session::{End, walk};
use crate::status::Status;
use crate::tell::tell;

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
    args.select.allocators.add_preloads(&mut setup.config)?;
    let source = args.worker.source()?;
    let cancel = Cancel::on_signals()?;
    let (mut passed, mut failed) = (0, 0);
    for field in [Field::Workers, Field::Programs] {
        let Some(selected) = args.select.part(&setup.config, field)? else { continue };
        let scratch = Scratch::prepare(&selected.allocators, &source, setup.root.as_deref(), &cancel)?;
        let plan = plan(&args, &setup, field, &selected);
        let mut samples: Vec<Sample> = Vec::new();
        let mut executor = executor(&plan, &cancel)?;
        let mut progress = Progress::new(false);
        let again = &mut Again::never();
        let walked = walk(&plan, &scratch.launches, &[], &mut *executor, again, &mut samples, &mut |step| {
            progress.show(step, plan.passes)
        });
        progress.finish();
        if walked? == End::Interrupted || cancel.requested() {
            tell("bench-suite: interrupted");
            return Ok(Outcome::Interrupted);
        }
        mark_wrong_checksums(&mut samples, &plan.reference);
        let (text, good, bad) = judge(&plan, &scratch, &samples);
        print_out(&text)?;
        (passed, failed) = (passed + good, failed + bad);
    }
    print_out(&format!("{passed} passed, {failed} failed\n"))?;
    Ok(match (passed, failed) {
        (_, 1..) => Outcome::CellsFailed,
        (0, 0) => Outcome::NothingJudged,
        _ => Outcome::Done,
    })
}

fn plan(args: &VerifyArgs, setup: &Setup, field: Field, selected: &Selected) -> Plan {
    let timeout = args.worker.timeout.unwrap_or(setup.config.run.timeout(Size::Check));
    Plan {
        field,
        reference: setup.config.reference(field).to_owned(),
        allocators: selected.allocators.iter().map(|allocator| allocator.id.clone()).collect(),
        workloads: selected.workloads.clone(),
        passes: 1,
        params: Params {
            preset: args.worker.preset.unwrap_or_default(),
            size: Size::Check,
            threads: args.worker.threads.unwrap_or_else(cores),
            // Nothing is timed.
            levelled: false,
        },
        seed: setup.config.run.seed,
        timeout_ms: in_millis(timeout),
        profile: args.worker.profile.unwrap_or(Profile::Worker),
        command: None,
    }
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
    let mut skipped: Vec<&str> = Vec::new();
    let (good, bad): (Vec<_>, Vec<_>) = samples.iter().partition(|sample| sample.status == Status::Ok);
    for Sample { workload, allocator, status, reason, .. } in bad {
        let reason = reason.as_deref().unwrap_or_default();
        if *status != Status::NotInstalled {
            failed += 1;
            text += &format!("failed {workload} under {allocator}: {status}: {reason}\n");
        } else if !skipped.contains(&workload.as_str()) {
            skipped.push(workload);
            text += &format!("skipped {workload}: {reason}\n");
        }
    }
    (text, good.len(), failed)
}
