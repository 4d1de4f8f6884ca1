//! How a run ended: the table, what failed, where everything is, the exit code.

use anyhow::Result;

use super::print_out;
use crate::campaign::Finish;
use crate::catalogue::find;
use crate::conclusion::{Digests, PROGRAMS};
use crate::config::{Group, Workload};
use crate::digest::{Digest, FailedCell};
use crate::error::Outcome;
use crate::results::{Results, RunFolder};
use crate::status::Status;
use crate::table::{self, Style};
use crate::tell::tell;

/// Shows how a run ended.
pub(super) fn show(finish: Finish, results: &Results, quiet: bool) -> Result<Outcome> {
    match finish {
        Finish::Interrupted(folder) => {
            let advice = match folder {
                Some(folder) => format!("go on with: {}", results.command("run --resume", &folder)),
                None => "nothing was measured yet".to_owned(),
            };
            tell(format_args!("bench-suite: interrupted; {advice}"));
            Ok(Outcome::Interrupted)
        }
        Finish::Complete(folder, digests) => {
            for digest in digests.iter() {
                print_out(&table::render(&digest.summary, Style::detect()))?;
            }
            if !quiet {
                tell(closing(&folder, &digests).trim_end());
            }
            Ok(outcome(&digests))
        }
    }
}

fn closing(folder: &RunFolder, digests: &Digests) -> String {
    let mut lines: Vec<String> = Vec::new();
    for digest in digests.iter() {
        let warnings = digest.summary.run.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        for line in warnings.chain(digest.failures.iter().map(|cell| failure_line(cell, &digest.failures))) {
            // What keeps an allocator from running at all is the same for all of its cells.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let real = match &digests.programs {
        Some(_) => format!("; those of real programs in its folder {PROGRAMS}"),
        None => String::new(),
    };
    lines.concat() + &format!("results: {}{real}\n", folder.path().display())
}

/// A line for a cell that has no figures; for what is not there, the line is the same for all cells it concerns.
fn failure_line(cell: &FailedCell, all: &[FailedCell]) -> String {
    let FailedCell { workload, allocator, status, reason } = cell;
    // An allocator that is missing is so for every workload, a program for every allocator.
    let elsewhere = |other: &FailedCell| other.workload != *workload && other.reason == *reason;
    match status {
        Status::BuildFailed => format!("{allocator}: {status}: {reason}\n"),
        Status::NotInstalled if all.iter().any(elsewhere) || find(workload).is_none_or(is_port) => {
            format!("{allocator}: {status}: {reason}\n")
        }
        Status::NotInstalled => format!("{workload}: {status}: {reason}\n"),
        _ => format!("{workload} under {allocator}: {status}: {reason}\n"),
    }
}

fn is_port(workload: &Workload) -> bool {
    workload.group != Group::Real
}

fn outcome(digests: &Digests) -> Outcome {
    if digests.any_failed() {
        Outcome::CellsFailed
    } else if !digests.iter().any(Digest::has_figures) {
        Outcome::NothingJudged
    } else {
        Outcome::Done
    }
}
