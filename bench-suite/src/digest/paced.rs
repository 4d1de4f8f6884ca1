//! Times as they would have been at one pace of the machine.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::cell::Cell;
use crate::stats::pace::{self, Paced, PacedSeries, Slope};
use crate::stats::ratio::{LogRatios, Series};
use crate::summary::Metric;

/// How much the pace of samples must vary for it to matter: the ninth tenth over the first.
const UNSTEADY: f64 = 1.05;

/// What is known of the machine's pace during a run.
#[derive(Debug, Default)]
pub(super) struct Paces<'a> {
    /// The best pace of all samples, to which times are corrected.
    base: f64,
    /// By workload and metric, the power with which values grow with the pace.
    slopes: BTreeMap<(&'a str, Metric), Slope>,
    /// How much the pace varied, if it matters.
    variation: Option<f64>,
}

impl<'a> Paces<'a> {
    /// Looks at all samples of a run. A machine that holds its pace leaves nothing to correct.
    pub(super) fn of(cells: &[Cell<'a>], seed: u64) -> Self {
        let mut all: Vec<f64> = cells.iter().flat_map(|cell| cell.paces.iter().copied().flatten()).collect();
        all.sort_unstable_by(f64::total_cmp);
        let (Some(base), Some(slow)) = (all.first(), all.get(all.len() * 9 / 10)) else {
            return Self::default();
        };
        let variation = slow / all[all.len() / 10];
        if variation < UNSTEADY {
            return Self::default();
        }
        let mut groups: BTreeMap<(&str, Metric), Vec<Option<PacedSeries>>> = BTreeMap::new();
        for cell in cells {
            for metric in [Metric::Time, Metric::CpuTime] {
                groups.entry((cell.workload, metric)).or_default().push(cell.paced(metric));
            }
        }
        let slopes = groups.into_par_iter().filter_map(|(key, groups)| {
            let groups: Option<Vec<_>> = groups.into_iter().collect();
            Some((key, Slope::of(&groups?, seed)?))
        });
        Self { base: *base, slopes: slopes.collect(), variation: Some(variation) }
    }

    /// The values of one metric by pass, corrected where there is something to correct. A workload is
    /// corrected as a whole: not at all if any of its samples has no pace.
    pub(super) fn series(&self, cell: &Cell<'_>, metric: Metric) -> Series {
        match self.slopes.get(&(cell.workload, metric)) {
            None => cell.series(metric),
            Some(slope) => {
                let corrected = |(value, pace): (Option<f64>, &Option<f64>)| {
                    Some(pace::at_pace(Paced { value: value?, pace: (*pace)? }, self.base, slope.value))
                };
                cell.series(metric).into_iter().zip(&cell.paces).map(corrected).collect()
            }
        }
    }

    /// The ratios of a cell to that of the reference, by pass.
    pub(super) fn log_ratios(&self, cell: &Cell<'_>, reference: &Cell<'_>, metric: Metric) -> LogRatios {
        let ratios = LogRatios::of(&self.series(cell, metric), &self.series(reference, metric));
        match self.slopes.get(&(cell.workload, metric)) {
            None => ratios,
            Some(slope) => ratios.corrected_for(&cell.paces, &reference.paces, slope.errors.clone()),
        }
    }

    /// What readers are told.
    pub(super) fn warning(&self) -> Option<String> {
        let variation = self.variation.filter(|_| !self.slopes.is_empty())?;
        Some(format!(
            "unsteady machine: its pace varied by a factor of {variation:.1}; times are corrected for it"
        ))
    }
}
