//! One metric of a run as a matrix of cells, workload by allocator: what charts and tables show.

use std::collections::HashMap;

use crate::catalogue;
use crate::config::Group;

use super::numbers;
use crate::summary::{AllocatorInfo, Means, Metric, Summary, SummaryRow};

/// A ratio that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Median ratio to the reference, or a mean of such; positive and finite.
    pub value: f64,
    /// Both ends of its interval, where known; positive, finite and around the value.
    pub interval: Option<(f64, f64)>,
    /// Passes behind it.
    pub passes: usize,
}

impl Ratio {
    /// Nothing if `value` is no ratio; no interval if its ends are none.
    fn new(value: f64, low: Option<f64>, high: Option<f64>, passes: usize) -> Option<Self> {
        let usable = |value: f64| value.is_finite() && value > 0.0;
        let interval = low.zip(high).filter(|&(low, high)| usable(low) && usable(high) && low <= high);
        usable(value).then_some(Self { value, interval, passes })
    }

    /// The same without an interval if it is that of the reference, which is 1 by definition.
    fn of_reference(self, is_reference: bool) -> Self {
        Self { interval: self.interval.filter(|_| !is_reference), ..self }
    }
}

/// What is known about one workload under one allocator.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// It ran.
    Measured(Ratio),
    /// It ran, but in no pass is there a figure above zero of both it and the reference.
    NoRatio,
    /// It did not; the word says why.
    Failed(String),
}

/// What stands where a ratio would if there were one.
pub(crate) const NO_RATIO: &str = "no ratio";

impl Cell {
    /// The ratio, if there is one.
    pub fn ratio(&self) -> Option<f64> {
        match self {
            Self::Measured(ratio) => Some(ratio.value),
            Self::NoRatio | Self::Failed(_) => None,
        }
    }

    fn new(row: Option<&SummaryRow>, is_reference: bool) -> Self {
        let Some(row) = row else { return Self::Failed("not run".to_owned()) };
        if row.status != "ok" {
            let word = if row.status.is_empty() { "failed" } else { &row.status };
            return Self::Failed(word.to_owned());
        }
        let value = row.ratio_to_ref.or((is_reference && row.median.is_some()).then_some(1.0));
        match value.and_then(|value| Ratio::new(value, row.ci_low, row.ci_high, row.n)) {
            Some(ratio) => Self::Measured(ratio.of_reference(is_reference)),
            None => Self::NoRatio,
        }
    }
}

/// A workload and its cells.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Row id, such as `larson`.
    pub id: String,
    /// The chart it belongs to.
    pub group: Group,
    /// Median of the reference in a readable unit, or why there is none.
    pub reference: String,
    /// One cell per allocator, in the order of [`Matrix::allocators`].
    pub cells: Vec<Cell>,
}

/// One metric of a run.
#[derive(Debug, Clone)]
pub struct Matrix<'a> {
    /// What was measured.
    pub metric: Metric,
    /// Columns, in display order.
    pub allocators: Vec<&'a AllocatorInfo>,
    /// Id of the allocator that is 1 everywhere.
    pub reference: &'a str,
    /// Rows, in the order of the suite; rows the suite does not know come last.
    pub workloads: Vec<Workload>,
    summary: &'a Summary,
    /// The means of exactly these workloads.
    means: Option<&'a Means>,
}

impl<'a> Matrix<'a> {
    /// The cells of `metric` for all workloads of the run.
    pub fn new(summary: &'a Summary, metric: Metric) -> Self {
        let rows: HashMap<(&str, &str), &SummaryRow> = summary
            .rows
            .iter()
            .filter(|row| row.metric == metric)
            .map(|row| ((row.workload.as_str(), row.allocator.as_str()), row))
            .collect();
        let workloads = workloads_of(summary)
            .into_iter()
            .map(|(id, group)| {
                let cells = summary.allocators.iter().map(|allocator| {
                    let row = rows.get(&(id, allocator.id.as_str())).copied();
                    Cell::new(row, allocator.id == summary.reference)
                });
                let reference = match rows.get(&(id, summary.reference.as_str())) {
                    Some(SummaryRow { median: Some(median), unit, .. }) => numbers::absolute(*median, unit),
                    Some(row) => row.status.clone(),
                    None => "not run".to_owned(),
                };
                Workload { id: id.to_owned(), group, reference, cells: cells.collect() }
            })
            .collect();
        Self {
            metric,
            allocators: summary.allocators.iter().collect(),
            reference: &summary.reference,
            workloads,
            summary,
            means: summary.means_of(metric, None),
        }
    }

    /// The same with the workloads of one group only.
    pub fn of_group(&self, group: Group) -> Self {
        let workloads = self.workloads.iter().filter(|workload| workload.group == group).cloned().collect();
        let means = self.summary.means_of(self.metric, Some(group));
        Self { workloads, means, ..self.clone() }
    }

    /// Position of the reference among the allocators.
    pub fn reference_at(&self) -> Option<usize> {
        self.allocators.iter().position(|allocator| allocator.id == self.reference)
    }

    /// The reference's name for people.
    pub fn reference_label(&self) -> &str {
        self.reference_at().map_or(self.reference, |at| &self.allocators[at].label)
    }

    /// The geometric mean of the allocator at this place; nothing if it is not compared.
    pub fn mean(&self, at: usize) -> Option<Ratio> {
        let mean = self.means?.of_id(&self.allocators[at].id)?;
        let ratio = Ratio::new(mean.ratio_to_ref?, mean.ci_low, mean.ci_high, self.summary.run.passes)?;
        Some(ratio.of_reference(Some(at) == self.reference_at()))
    }

    /// How many workloads the means are over.
    pub fn mean_over(&self) -> usize {
        self.means.map_or(0, |means| means.over)
    }

    /// How many workloads the allocator at this place completed.
    pub fn completed(&self, at: usize) -> usize {
        self.workloads.iter().filter(|workload| !matches!(workload.cells[at], Cell::Failed(_))).count()
    }

    /// All measured ratios to the reference, the reference's own left out.
    pub fn ratios(&self) -> impl Iterator<Item = Ratio> + '_ {
        let reference = self.reference_at();
        self.workloads.iter().flat_map(move |workload| {
            workload.cells.iter().enumerate().filter_map(move |(at, cell)| match cell {
                Cell::Measured(ratio) if Some(at) != reference => Some(*ratio),
                _ => None,
            })
        })
    }

    /// Fewest and most passes behind a ratio.
    pub fn passes(&self) -> Option<(usize, usize)> {
        let passes = || self.ratios().map(|ratio| ratio.passes);
        passes().min().zip(passes().max())
    }
}

/// Cells of one allocator that failed for the same reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure<'a> {
    /// Label of the allocator.
    pub allocator: &'a str,
    /// What went wrong, in a word.
    pub reason: &'a str,
    /// Where, in the order of the suite.
    pub workloads: Vec<&'a str>,
}

/// What failed in any of `matrices`, each cell once, by allocator.
pub fn failures<'a>(matrices: &[&'a Matrix<'a>]) -> Vec<Failure<'a>> {
    let mut failures: Vec<Failure> = Vec::new();
    for matrix in matrices {
        for (at, allocator) in matrix.allocators.iter().enumerate() {
            for workload in &matrix.workloads {
                let Cell::Failed(reason) = &workload.cells[at] else { continue };
                let (allocator, id) = (allocator.label.as_str(), workload.id.as_str());
                let mut known = failures.iter_mut().filter(|failure| failure.allocator == allocator);
                if known.any(|failure| failure.workloads.contains(&id)) {
                    continue;
                }
                let mut known = failures.iter_mut().filter(|failure| failure.allocator == allocator);
                match known.find(|failure| failure.reason == reason) {
                    Some(failure) => failure.workloads.push(id),
                    None => failures.push(Failure { allocator, reason, workloads: vec![id] }),
                }
            }
        }
    }
    failures
}

/// The workloads of a run, each once.
pub(super) fn workloads_of(summary: &Summary) -> Vec<(&str, Group)> {
    let ran = |id: &str| summary.rows.iter().any(|row| row.workload == id);
    let mut workloads: Vec<(&str, Group)> = catalogue::workloads()
        .iter()
        .map(|row| (row.id.as_str(), row.group))
        .filter(|row| ran(row.0))
        .collect();
    for row in &summary.rows {
        if workloads.iter().all(|(id, _)| *id != row.workload) {
            workloads.push((&row.workload, catalogue::group_of(&row.workload)));
        }
    }
    workloads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::sample;

    fn cell_of(change: impl FnOnce(&mut SummaryRow)) -> Cell {
        let mut summary = sample::summary();
        let row = summary
            .rows
            .iter_mut()
            .find(|row| row.workload == "larson" && row.allocator == "jx" && row.metric == Metric::Time)
            .expect("the sample has this cell");
        change(row);
        let matrix = Matrix::new(&summary, Metric::Time);
        let at = matrix.allocators.iter().position(|allocator| allocator.id == "jx").expect("jx is there");
        let workload =
            matrix.workloads.iter().find(|workload| workload.id == "larson").expect("larson is there");
        workload.cells[at].clone()
    }

    #[test]
    fn workloads_keep_the_order_of_the_suite_whatever_the_order_of_rows() {
        let mut summary = sample::summary();
        summary.rows.reverse();
        let ids: Vec<String> =
            Matrix::new(&summary, Metric::Time).workloads.into_iter().map(|workload| workload.id).collect();
        assert_eq!(ids, sample::ROWS);
    }

    #[test]
    fn a_row_the_suite_does_not_know_is_still_shown() {
        let mut summary = sample::summary();
        let mut own = summary.rows[0].clone();
        own.workload = "my-program".to_owned();
        summary.rows.push(own);
        let matrix = Matrix::new(&summary, Metric::Time).of_group(Group::Real);
        assert_eq!(matrix.workloads.last().map(|workload| workload.id.as_str()), Some("my-program"));
    }

    #[test]
    fn unusable_numbers_are_no_ratio_and_failures_have_a_reason() {
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(cell_of(|row| row.ratio_to_ref = Some(nonsense)), Cell::NoRatio);
        }
        assert_eq!(cell_of(|row| row.ratio_to_ref = None), Cell::NoRatio);
        assert_eq!(cell_of(|row| row.status = "timeout".into()), Cell::Failed("timeout".into()));
        assert_eq!(cell_of(|row| row.status.clear()), Cell::Failed("failed".into()));
        assert_eq!(cell_of(|row| row.workload = "cfrac".into()), Cell::Failed("not run".into()));
    }

    #[test]
    fn failures_are_told_once_per_allocator_and_reason() {
        let summary = sample::rough_summary();
        let (time, rss) = (Matrix::new(&summary, Metric::Time), Matrix::new(&summary, Metric::PeakRss));
        let told: Vec<(&str, &str, usize)> = failures(&[&time, &rss])
            .into_iter()
            .map(|failure| (failure.allocator, failure.reason, failure.workloads.len()))
            .collect();
        let expected = [
            ("snmalloc-rs 0.7.6", "build-failed", 9),
            ("rpmalloc-rs 0.2.2", "timeout", 1),
            ("rusty_alloc 0.3.0", "signal(SIGSEGV)", 2),
            ("jemalloc (preload)", "wrong-output", 1),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn who_runs_where_the_reference_fails_has_completed_it() {
        let mut summary = sample::summary();
        for row in summary.rows.iter_mut().filter(|row| row.workload == "larson") {
            (row.ratio_to_ref, row.ci_low, row.ci_high) = (None, None, None);
            if row.allocator == "mi" {
                (row.status, row.median) = ("timeout".into(), None);
            }
        }
        let matrix = Matrix::new(&summary, Metric::Time);
        let completed: Vec<usize> = (0..matrix.allocators.len()).map(|at| matrix.completed(at)).collect();
        assert_eq!((completed[0], completed[1..].iter().min()), (8, Some(&9)));
        let failures = failures(&[&matrix]);
        assert_eq!((failures.len(), failures[0].allocator), (1, "mimalloc-rs 0.1.0"));
    }

    #[test]
    fn an_unusable_interval_leaves_the_ratio() {
        let cell = cell_of(|row| row.ci_low = Some(f64::NAN));
        assert!(matches!(cell, Cell::Measured(Ratio { interval: None, .. })));
    }

    #[test]
    fn the_reference_is_one_even_when_nobody_wrote_its_ratio_down() {
        let mut summary = sample::summary();
        summary.rows.iter_mut().filter(|row| row.allocator == "mi").for_each(|row| row.ratio_to_ref = None);
        let matrix = Matrix::new(&summary, Metric::PeakRss);
        let at = matrix.reference_at().expect("mi is the reference of the sample");
        assert!(matrix.workloads.iter().all(|workload| workload.cells[at].ratio() == Some(1.0)));
    }
}
