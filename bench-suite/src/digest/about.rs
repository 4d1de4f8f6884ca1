//! What a reader must know about a run besides its figures: names, circumstances, warnings.

use super::cell::Cell;
use crate::config::Kind;
use crate::plan::{preset_name, size_name};
use crate::record::RunRecord;
use crate::sample::Sample;
use crate::stats::bootstrap::MIN_OBSERVATIONS;
use crate::status::Status;
use crate::summary::{AllocatorInfo, RunInfo};
use crate::workers::AllocatorRecord;

/// Share of disturbed samples from which on a run is called noisy.
const NOISY_SHARE: f64 = 0.2;

/// Name, with the version where it is known, and colour of an allocator.
pub(super) fn allocator_info(allocator: &AllocatorRecord, cells: &[Cell<'_>]) -> AllocatorInfo {
    let config = &allocator.config;
    let version = match (config.kind, &allocator.library) {
        (Kind::Preload, Some(library)) => {
            library.to_string_lossy().split_once(".so.").map(|(_, version)| version.to_owned())
        }
        _ => cells
            .iter()
            .filter(|cell| cell.allocator == config.id)
            .find_map(|cell| cell.reports.iter().flatten().next())
            .map(|report| report.allocator_version.clone()),
    };
    let label = match version.filter(|version| !version.is_empty()) {
        Some(version) => format!("{} {version}", config.label),
        None => config.label.clone(),
    };
    AllocatorInfo { id: config.id.clone(), label, colour: config.colour.clone(), pattern: config.pattern }
}

/// The circumstances of a run.
pub(super) fn run_info(record: &RunRecord, samples: &[Sample], cells: &[Cell<'_>]) -> RunInfo {
    let plan = &record.plan;
    let finished = record.finished_utc.is_some();
    let begun = samples.iter().map(|sample| sample.pass + 1).max().unwrap_or(0);
    let passes = if finished { plan.passes } else { begun.saturating_sub(1) };
    RunInfo {
        run_id: record.run_id.clone(),
        started_utc: record.started_utc.clone(),
        commit: record.commit.name(),
        passes,
        seed: plan.seed,
        preset: preset_name(plan.params.preset).to_owned(),
        size: size_name(plan.params.size).to_owned(),
        profile: plan.profile.name().to_owned(),
        machine: record.machine.line(),
        rustc: record.toolchain.rustc.clone(),
        warnings: warnings(record, samples, cells),
    }
}

fn warnings(record: &RunRecord, samples: &[Sample], cells: &[Cell<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    if record.finished_utc.is_none() {
        warnings.push("the run is not finished".to_owned());
    }
    let disturbed = samples.iter().filter(|sample| sample.noise.disturbed(sample.total_ns)).count();
    if disturbed as f64 > NOISY_SHARE * samples.len() as f64 {
        let percent = 100 * disturbed / samples.len();
        warnings.push(format!("noisy machine: {percent} % of the samples waited for others"));
    }
    if record.plan.passes < MIN_OBSERVATIONS {
        warnings
            .push(format!("{} passes only: intervals are ranges from least to greatest", record.plan.passes));
    }
    let reference = &record.plan.reference;
    for cell in cells.iter().filter(|cell| cell.allocator == reference && cell.status != Status::Ok) {
        warnings.push(format!("{}: no ratios, because {reference} has {}", cell.workload, cell.status));
    }
    for sample in samples.iter().filter(|sample| sample.status != Status::Ok) {
        let forgiven = cells.iter().any(|cell| {
            cell.workload == sample.workload
                && cell.allocator == sample.allocator
                && cell.status == Status::Ok
        });
        if forgiven {
            let Sample { workload, allocator, status, pass, .. } = sample;
            warnings
                .push(format!("{workload} under {allocator}: {status} in pass {}, well otherwise", pass + 1));
        }
    }
    warnings
}
