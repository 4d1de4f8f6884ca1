//! From samples to a summary: a pure function, so that a summary can be redone at any time.

use std::collections::BTreeMap;

use rayon::prelude::*;
use workloads::protocol::Report;

use crate::config::Kind;
use crate::plan::{preset_name, size_name};
use crate::record::RunRecord;
use crate::sample::{Sample, mark_wrong_checksums};
use crate::stats::bootstrap::MIN_OBSERVATIONS;
use crate::stats::median;
use crate::stats::ratio::{self, Ratio, Series};
use crate::status::Status;
use crate::summary::{AllocatorInfo, Metric, RunInfo, Summary, SummaryRow};
use crate::workers::AllocatorRecord;

/// The metrics of a summary with their units.
pub const METRICS: [(Metric, &str); 5] = [
    (Metric::Time, "ns"),
    (Metric::PeakRss, "bytes"),
    (Metric::DrainedRss, "bytes"),
    (Metric::CpuTime, "us"),
    (Metric::MinorFaults, "faults"),
];

/// Share of disturbed samples from which on a run is called noisy.
const NOISY_SHARE: f64 = 0.2;

/// Everything that is made from the samples of a run.
#[derive(Debug, Clone)]
pub struct Digest {
    /// One row per cell and metric.
    pub summary: Summary,
    /// Geometric means over the workloads that all allocators completed.
    pub means: Vec<Mean>,
    /// Cells that have no numbers, with the reason.
    pub failures: Vec<FailedCell>,
    /// The samples with wrong checksums marked.
    pub samples: Vec<Sample>,
}

/// One allocator's geometric mean of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// What was measured.
    pub metric: Metric,
    /// Allocator id.
    pub allocator: String,
    /// The mean; absent when there is no workload that all completed.
    pub ratio: Option<Ratio>,
}

/// A cell without numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCell {
    /// Workload id.
    pub workload: String,
    /// Allocator id.
    pub allocator: String,
    /// How it ended.
    pub status: Status,
    /// Why, in one line.
    pub reason: String,
}

/// The judged samples of one workload under one allocator.
struct Cell<'a> {
    workload: &'a str,
    allocator: &'a str,
    status: Status,
    reason: Option<&'a str>,
    /// The reports by pass.
    reports: Vec<Option<&'a Report>>,
}

impl Cell<'_> {
    fn series(&self, metric: Metric) -> Series {
        self.reports.iter().map(|report| report.map(|report| value(report, metric))).collect()
    }
}

/// Digests the samples of a run.
pub fn digest(record: &RunRecord, samples: Vec<Sample>) -> Digest {
    let mut samples = samples;
    let plan = &record.plan;
    mark_wrong_checksums(&mut samples, &plan.reference);
    let cells: Vec<Cell<'_>> = plan
        .workloads
        .iter()
        .flat_map(|workload| record.allocators.iter().map(move |allocator| (workload, allocator)))
        .map(|(workload, allocator)| cell(record, workload, allocator, &samples))
        .collect();
    let rows = rows(&cells, &plan.reference, plan.seed);
    let means = means(&cells, record);
    let failures = cells
        .iter()
        .filter(|cell| cell.status != Status::Ok)
        .map(|cell| FailedCell {
            workload: cell.workload.to_owned(),
            allocator: cell.allocator.to_owned(),
            status: cell.status.clone(),
            reason: cell.reason.unwrap_or_default().to_owned(),
        })
        .collect();
    let allocators = record.allocators.iter().map(|allocator| info(allocator, &cells)).collect();
    let run = run_info(record, &samples, &cells);
    let summary = Summary { run, allocators, reference: plan.reference.clone(), rows };
    Digest { summary, means, failures, samples }
}

fn cell<'a>(
    record: &RunRecord,
    workload: &'a str,
    allocator: &'a AllocatorRecord,
    samples: &'a [Sample],
) -> Cell<'a> {
    let id = allocator.config.id.as_str();
    let own: Vec<&Sample> = samples.iter().filter(|s| s.workload == workload && s.allocator == id).collect();
    let (status, reason) = if allocator.status == Status::Ok {
        verdict(&own)
    } else {
        (allocator.status.clone(), allocator.reason.as_deref())
    };
    let mut reports = vec![None; record.plan.passes];
    if status == Status::Ok {
        for sample in own {
            if let Some(slot) = reports.get_mut(sample.pass) {
                *slot = sample.usable();
            }
        }
    }
    Cell { workload, allocator: id, status, reason, reports }
}

/// What the samples of one cell amount to. One failure that the machine may be to blame
/// for is forgiven if the cell did well otherwise; any other failure is a finding.
fn verdict<'a>(samples: &[&'a Sample]) -> (Status, Option<&'a str>) {
    let failed: Vec<&Sample> = samples.iter().copied().filter(|s| s.status != Status::Ok).collect();
    let finding = failed.iter().find(|s| !s.status.may_be_the_machine());
    let unforgiven = || failed.first().filter(|_| failed.len() > 1 || failed.len() == samples.len());
    match finding.or_else(unforgiven) {
        Some(sample) => (sample.status.clone(), sample.reason.as_deref()),
        None if samples.is_empty() => (Status::NotRun, Some("the run ended before")),
        None => (Status::Ok, None),
    }
}

fn value(report: &Report, metric: Metric) -> f64 {
    let value = match metric {
        Metric::Time => report.score_ns,
        Metric::PeakRss => report.peak_rss_bytes,
        Metric::DrainedRss => report.drained_rss_bytes,
        Metric::CpuTime => report.user_us + report.sys_us,
        Metric::MinorFaults => report.minor_faults,
    };
    value as f64
}

fn rows(cells: &[Cell<'_>], reference: &str, seed: u64) -> Vec<SummaryRow> {
    let references: BTreeMap<&str, &Cell<'_>> =
        cells.iter().filter(|cell| cell.allocator == reference).map(|cell| (cell.workload, cell)).collect();
    let jobs: Vec<_> =
        cells.iter().flat_map(|cell| METRICS.iter().map(move |metric| (cell, metric))).collect();
    jobs.into_par_iter()
        .enumerate()
        .map(|(index, (cell, (metric, unit)))| {
            let series = cell.series(*metric);
            let values: Vec<f64> = series.iter().copied().flatten().collect();
            let base = references.get(cell.workload).map(|base| base.series(*metric)).unwrap_or_default();
            let n = series.iter().zip(&base).filter(|(own, base)| own.is_some() && base.is_some()).count();
            let ratio = ratio::of_cell(&ratio::log_ratios(&series, &base), seed.wrapping_add(index as u64));
            SummaryRow {
                workload: cell.workload.to_owned(),
                allocator: cell.allocator.to_owned(),
                metric: *metric,
                unit: (*unit).to_owned(),
                n,
                median: median(&values),
                ratio_to_ref: ratio.map(|ratio| ratio.value),
                ci_low: ratio.map(|ratio| ratio.interval.low),
                ci_high: ratio.map(|ratio| ratio.interval.high),
                status: cell.status.to_string(),
            }
        })
        .collect()
}

/// The means of every allocator that completed anything, over the workloads that all of
/// these completed.
fn means(cells: &[Cell<'_>], record: &RunRecord) -> Vec<Mean> {
    let plan = &record.plan;
    let compared: Vec<&str> = record
        .allocators
        .iter()
        .map(|allocator| allocator.config.id.as_str())
        .filter(|id| cells.iter().any(|cell| cell.allocator == *id && cell.status == Status::Ok))
        .collect();
    let find = |workload: &str, allocator: &str| {
        cells.iter().find(|cell| cell.workload == workload && cell.allocator == allocator)
    };
    METRICS
        .par_iter()
        .flat_map_iter(|(metric, _)| {
            let mut by_allocator: BTreeMap<&str, Vec<Series>> = BTreeMap::new();
            for workload in &plan.workloads {
                let Some(base) = find(workload, &plan.reference).map(|cell| cell.series(*metric)) else {
                    continue;
                };
                let logs: Vec<Series> = compared
                    .iter()
                    .filter_map(|id| find(workload, id))
                    .map(|cell| ratio::log_ratios(&cell.series(*metric), &base))
                    .collect();
                if logs.iter().all(|series| series.iter().any(Option::is_some)) {
                    for (id, series) in compared.iter().zip(logs) {
                        by_allocator.entry(id).or_default().push(series);
                    }
                }
            }
            compared
                .iter()
                .map(move |id| Mean {
                    metric: *metric,
                    allocator: (*id).to_owned(),
                    ratio: by_allocator.get(id).and_then(|series| ratio::geometric_mean(series, plan.seed)),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn info(allocator: &AllocatorRecord, cells: &[Cell<'_>]) -> AllocatorInfo {
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
    AllocatorInfo { id: config.id.clone(), label, colour: config.colour.clone() }
}

fn run_info(record: &RunRecord, samples: &[Sample], cells: &[Cell<'_>]) -> RunInfo {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::Config;
    use crate::fingerprint::{Commit, Machine, Toolchain};
    use crate::plan::tests::plan;
    use crate::record::SCHEMA_VERSION;
    use crate::sample::tests::sample;

    const ALLOCATORS: [&str; 3] = ["mi", "jx", "sn"];
    const WORKLOADS: [&str; 2] = ["cfrac", "larson"];

    pub(crate) fn record(passes: usize) -> RunRecord {
        let configured = Config::embedded().unwrap().allocators;
        let allocators = ALLOCATORS.iter().map(|id| AllocatorRecord {
            config: configured.iter().find(|allocator| allocator.id == *id).unwrap().clone(),
            status: Status::Ok,
            reason: None,
            binary_hash: None,
            library: None,
            library_hash: None,
        });
        RunRecord {
            schema_version: SCHEMA_VERSION,
            tool_version: String::new(),
            run_id: "test".to_owned(),
            started_utc: String::new(),
            finished_utc: Some(String::new()),
            commit: Commit { sha: "abc".to_owned(), dirty: true },
            plan: plan(&ALLOCATORS, &WORKLOADS, passes),
            machine: Machine::read(),
            toolchain: Toolchain { rustc: String::new(), rustflags: String::new() },
            allocators: allocators.collect(),
        }
    }

    /// Samples where jx takes twice and sn four times as long as mi, whatever the pass does.
    pub(crate) fn samples(passes: usize) -> Vec<Sample> {
        let mut samples = Vec::new();
        for pass in 0..passes {
            for workload in WORKLOADS {
                for (index, allocator) in ALLOCATORS.iter().enumerate() {
                    samples.push(sample(pass, workload, allocator, (1000 + 100 * pass as u64) << index));
                }
            }
        }
        samples
    }

    fn time<'d>(digest: &'d Digest, workload: &str, allocator: &str) -> &'d SummaryRow {
        let rows = &digest.summary.rows;
        rows.iter()
            .find(|r| r.metric == Metric::Time && r.workload == workload && r.allocator == allocator)
            .unwrap()
    }

    fn mean(digest: &Digest, allocator: &str) -> Ratio {
        let mean = digest.means.iter().find(|m| m.metric == Metric::Time && m.allocator == allocator);
        mean.unwrap().ratio.unwrap()
    }

    #[test]
    fn ratios_are_paired_by_pass() {
        let digest = digest(&record(7), samples(7));
        let row = time(&digest, "cfrac", "sn");
        assert_eq!((row.n, row.median, row.status.as_str()), (7, Some(5200.0), "ok"));
        // The passes differ widely, the ratio inside each does not.
        assert!((row.ratio_to_ref.unwrap() - 4.0).abs() < 1e-9);
        assert!((row.ci_high.unwrap() - row.ci_low.unwrap()).abs() < 1e-9);
        assert_eq!(time(&digest, "cfrac", "mi").ratio_to_ref, Some(1.0));
        assert!((mean(&digest, "jx").value - 2.0).abs() < 1e-9);
        assert_eq!(digest.summary.rows.len(), 2 * 3 * METRICS.len());
        assert!(digest.failures.is_empty());
    }

    #[test]
    fn failed_cell_has_a_row_without_numbers_and_leaves_the_mean_of_all() {
        let mut samples = samples(3);
        for sample in samples.iter_mut().filter(|s| s.workload == "cfrac" && s.allocator == "sn") {
            sample.report.as_mut().unwrap().checksum = Some("bad".to_owned());
        }
        let digest = digest(&record(3), samples);
        let row = time(&digest, "cfrac", "sn");
        assert_eq!((row.n, row.median, row.ratio_to_ref, row.ci_low), (0, None, None, None));
        assert_eq!(row.status, "wrong-output");
        assert_eq!(digest.failures.len(), 1);
        assert_eq!(mean(&digest, "jx").n, 1);
        assert_eq!(mean(&digest, "sn").n, 1);
    }

    #[test]
    fn allocator_that_is_not_there_does_not_spoil_the_mean_of_the_others() {
        let mut record = record(3);
        record.allocators[2].status = Status::BuildFailed;
        let samples = samples(3).into_iter().filter(|sample| sample.allocator != "sn").collect();
        let digest = digest(&record, samples);
        assert_eq!(time(&digest, "larson", "sn").status, "build-failed");
        assert_eq!(mean(&digest, "jx").n, 2);
        assert!(digest.means.iter().all(|mean| mean.allocator != "sn"));
    }

    #[test]
    fn failing_reference_leaves_medians_and_a_warning() {
        let mut samples = samples(3);
        for sample in samples.iter_mut().filter(|s| s.workload == "cfrac" && s.allocator == "mi") {
            sample.status = Status::Exit(1);
            sample.report = None;
        }
        let digest = digest(&record(3), samples);
        let row = time(&digest, "cfrac", "jx");
        assert_eq!((row.median, row.ratio_to_ref, row.n), (Some(2200.0), None, 0));
        let warnings = &digest.summary.run.warnings;
        assert!(warnings.contains(&"cfrac: no ratios, because mi has exit(1)".to_owned()), "{warnings:?}");
    }

    #[test]
    fn one_timeout_is_forgiven_and_two_are_not() {
        let with_timeouts = |count: usize| {
            let mut samples = samples(4);
            for sample in samples.iter_mut().filter(|s| s.allocator == "sn").take(2 * count) {
                sample.status = Status::Timeout;
                sample.report = None;
            }
            digest(&record(4), samples)
        };
        let forgiven = with_timeouts(1);
        assert_eq!(
            (time(&forgiven, "cfrac", "sn").status.as_str(), time(&forgiven, "cfrac", "sn").n),
            ("ok", 3)
        );
        assert!(forgiven.summary.run.warnings.iter().any(|w| w.contains("timeout in pass 1")));
        assert_eq!(time(&with_timeouts(2), "cfrac", "sn").status, "timeout");
    }

    #[test]
    fn unfinished_run_says_so() {
        let mut record = record(3);
        record.finished_utc = None;
        let digest = digest(&record, samples(2).into_iter().filter(|s| s.workload == "cfrac").collect());
        assert_eq!(digest.summary.run.passes, 1);
        assert_eq!(time(&digest, "larson", "mi").status, "not-run");
        assert!(digest.summary.run.warnings.contains(&"the run is not finished".to_owned()));
    }

    #[test]
    fn waiting_samples_make_a_noisy_run() {
        let mut samples = samples(3);
        for sample in samples.iter_mut().take(4) {
            sample.noise.queue_wait_ns = Some(sample.total_ns);
        }
        let noisy = digest(&record(3), samples.clone()).summary.run.warnings;
        assert!(noisy.iter().any(|warning| warning.contains("noisy machine: 22 %")), "{noisy:?}");
        samples[0].noise.queue_wait_ns = None;
        let calm = digest(&record(3), samples).summary.run.warnings;
        assert!(!calm.iter().any(|warning| warning.contains("noisy")), "{calm:?}");
    }

    #[test]
    fn labels_have_the_version_that_the_allocator_stated() {
        let digest = digest(&record(1), samples(1));
        assert_eq!(digest.summary.allocators[1].label, "jemalloc 1.0");
        assert_eq!(digest.summary.allocators[1].colour, "#0072B2");
    }
}
