//! From samples to a summary: a pure function, so that a summary can be redone at any time.

mod about;
mod cell;
mod even;
pub(crate) mod means;
mod paced;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::cell::Cell;
use self::means::Entry;
use self::paced::Paces;
use crate::curve::Curve;
use crate::record::RunRecord;
use crate::sample::{Sample, mark_wrong_checksums};
use crate::stats::median;
use crate::stats::ratio;
use crate::status::Status;
use crate::summary::{AllocatorInfo, Means, Metric, RATE_UNIT, Summary, SummaryRow};

/// The metrics of a summary with their units.
pub const METRICS: [(Metric, &str); 6] = [
    (Metric::Time, "ns"),
    (Metric::RawTime, "ns"),
    (Metric::PeakRss, "bytes"),
    (Metric::DrainedRss, "bytes"),
    (Metric::CpuTime, "us"),
    (Metric::MinorFaults, "faults"),
];

/// When a cell failed that fails in no sample.
pub(crate) const LOOKED_AT: &str = "while its memory was looked at";

/// Everything that is made from the samples of a run.
#[derive(Debug, Clone)]
pub struct Digest {
    /// Figures and circumstances.
    pub summary: Summary,
    /// Cells that have no numbers or failed without costing any, with the reason.
    pub failures: Vec<FailedCell>,
    /// The samples with wrong checksums marked.
    pub samples: Vec<Sample>,
}

impl Digest {
    /// The same with the cells that did well until their memory was looked at. What they took before that stays.
    #[must_use]
    pub fn with_failures_of(mut self, curves: &[Curve]) -> Self {
        for curve in curves.iter().filter(|curve| curve.status != Status::Ok) {
            let Curve { workload, allocator, status, .. } = curve;
            let is_known = |cell: &FailedCell| cell.workload == *workload && cell.allocator == *allocator;
            if self.failures.iter().any(is_known) {
                continue;
            }
            if !curve.is_finding() {
                let warning = format!("{workload} under {allocator}: {status} {LOOKED_AT}, well otherwise");
                self.summary.run.warnings.push(warning);
                continue;
            }
            let last_words = curve.reason.as_deref().unwrap_or("no message");
            self.failures.push(FailedCell {
                workload: workload.clone(),
                allocator: allocator.clone(),
                status: status.clone(),
                reason: format!("{LOOKED_AT}: {last_words}"),
            });
        }
        self
    }

    /// Whether there is anything to show besides failures.
    pub fn has_figures(&self) -> bool {
        self.summary.rows.iter().any(|row| row.median.is_some())
    }
}

/// A cell that failed.
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

/// Digests the samples of a run, those of the workloads in its plan.
pub fn digest(record: &RunRecord, samples: Vec<Sample>) -> Digest {
    let plan = &record.plan;
    let mut samples = samples;
    samples.retain(|sample| plan.workloads.contains(&sample.workload));
    mark_wrong_checksums(&mut samples, &plan.reference);
    let cells: Vec<Cell<'_>> = plan
        .workloads
        .iter()
        .flat_map(|workload| record.allocators.iter().map(move |allocator| (workload, allocator)))
        .map(|(workload, allocator)| Cell::new(record, workload, allocator, &samples))
        .collect();
    let paces = Paces::of(&cells, plan.seed);
    let rows = rows(&cells, &paces, &plan.reference, plan.seed);
    let means = means(&cells, &paces, record);
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
    let warning = paces.warning();
    let mut relative = warning.as_ref().map(|_| even::relative_paces(&cells)).unwrap_or_default();
    let info = |allocator| {
        let info = about::allocator_info(allocator, &cells);
        AllocatorInfo { pace: relative.remove(&*info.id), ..info }
    };
    let allocators = record.allocators.iter().map(info).collect();
    let run = about::run_info(record, &samples, &cells, warning);
    let summary = Summary { run, allocators, reference: plan.reference.clone(), rows, means };
    Digest { summary, failures, samples }
}

fn rows(cells: &[Cell<'_>], paces: &Paces<'_>, reference: &str, seed: u64) -> Vec<SummaryRow> {
    let references: BTreeMap<&str, &Cell<'_>> =
        cells.iter().filter(|cell| cell.allocator == reference).map(|cell| (cell.workload, cell)).collect();
    let rates: BTreeSet<&str> =
        cells.iter().filter(|cell| cell.is_rate()).map(|cell| cell.workload).collect();
    let jobs: Vec<_> =
        cells.iter().flat_map(|cell| METRICS.iter().map(move |metric| (cell, metric))).collect();
    jobs.into_par_iter()
        .enumerate()
        .map(|(index, (cell, (metric, unit)))| {
            let series = paces.series(cell, *metric);
            let values: Vec<f64> = series.iter().copied().flatten().collect();
            let reference = references.get(cell.workload);
            let base = reference.map(|base| paces.series(base, *metric)).unwrap_or_default();
            let n = series.iter().zip(&base).filter(|(own, base)| own.is_some() && base.is_some()).count();
            let ratios = reference.map(|base| paces.log_ratios(cell, base, *metric));
            let ratio = ratio::of_cell(&ratios.unwrap_or_default(), seed.wrapping_add(index as u64));
            let is_rate = matches!(metric, Metric::Time | Metric::RawTime) && rates.contains(cell.workload);
            SummaryRow {
                workload: cell.workload.to_owned(),
                allocator: cell.allocator.to_owned(),
                metric: *metric,
                unit: if is_rate { RATE_UNIT } else { unit }.to_owned(),
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

fn means(cells: &[Cell<'_>], paces: &Paces<'_>, record: &RunRecord) -> Vec<Means> {
    let plan = &record.plan;
    let cells: BTreeMap<(&str, &str), &Cell<'_>> =
        cells.iter().map(|cell| ((cell.workload, cell.allocator), cell)).collect();
    let workloads: Vec<&str> = plan.workloads.iter().map(String::as_str).collect();
    let allocators: Vec<&str> = record.allocators.iter().map(|one| one.config.id.as_str()).collect();
    means::means(&workloads, &allocators, plan.seed, |metric, workload, allocator| {
        let both = cells.get(&(workload, allocator)).zip(cells.get(&(workload, plan.reference.as_str())));
        let log_ratios = both.map(|(own, base)| paces.log_ratios(own, base, metric)).unwrap_or_default();
        let completed = cells.get(&(workload, allocator)).is_some_and(|cell| cell.status == Status::Ok);
        Entry { completed, log_ratios }
    })
}
