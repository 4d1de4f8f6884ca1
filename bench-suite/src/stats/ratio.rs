//! Ratios to the reference, pass by pass, and their geometric mean over workloads.

use std::sync::Arc;

use super::bootstrap::{Interval, interval, median};

/// The measurements of one cell, one slot per pass; `None` where the pass has no usable sample.
pub type Series = Vec<Option<f64>>;

/// A ratio with what is needed to judge it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The estimate.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// Logarithms of the ratios of one cell, and how sure what they were corrected by is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogRatios {
    /// By pass.
    by_pass: Series,
    /// How much the other side of each pass was slowed more than this one, as a logarithm; none if nothing was corrected.
    slowed_less: Vec<Option<f64>>,
    /// By how much the slope of the correction differs in one resample and the other.
    slope_errors: Arc<[f64]>,
}

impl From<Series> for LogRatios {
    fn from(by_pass: Series) -> Self {
        Self { by_pass, ..Self::default() }
    }
}

impl LogRatios {
    /// Those of `values`, as they are.
    pub fn of(values: &[Option<f64>], reference: &[Option<f64>]) -> Self {
        log_ratios(values, reference).into()
    }

    /// The same where both were corrected for the pace of the machine during them, by a slope with these errors.
    #[must_use]
    pub fn corrected_for(
        self,
        paces: &[Option<f64>],
        reference: &[Option<f64>],
        slope_errors: Arc<[f64]>,
    ) -> Self {
        Self { slowed_less: log_ratios(reference, paces), slope_errors, ..self }
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.by_pass.iter().all(Option::is_none)
    }

    fn get(&self, pass: usize) -> Option<f64> {
        self.by_pass.get(pass).copied().flatten()
    }

    /// The median of all passes.
    fn median(&self) -> Option<f64> {
        median(&self.by_pass.iter().copied().flatten().collect::<Vec<_>>())
    }

    /// What it would be with the slope of a resample, if it is of one.
    fn in_resample(&self, pass: usize, number: Option<usize>) -> Option<f64> {
        let errors = &self.slope_errors;
        let error = number.and_then(|number| errors.get(number % errors.len().max(1)));
        let slowed_less = self.slowed_less.get(pass).copied().flatten();
        Some(self.get(pass)? + error.copied().unwrap_or_default() * slowed_less.unwrap_or_default())
    }
}

/// Logarithm of the ratio in each pass that has both sides; zero, less, and what is not finite
/// have no ratio.
fn log_ratios(values: &[Option<f64>], reference: &[Option<f64>]) -> Series {
    values
        .iter()
        .zip(reference)
        .map(|pair| match pair {
            (Some(value), Some(base)) if *value > 0.0 && *base > 0.0 => Some(value.ln() - base.ln()),
            _ => None,
        })
        .map(|ratio| ratio.filter(|ratio| ratio.is_finite()))
        .collect()
}

/// Median ratio of one cell.
pub fn of_cell(ratios: &LogRatios, seed: u64) -> Option<Ratio> {
    let passes: Vec<usize> = (0..ratios.by_pass.len()).filter(|pass| ratios.get(*pass).is_some()).collect();
    let value = ratios.median()?;
    let mut scratch = Vec::with_capacity(passes.len());
    let bounds = interval(passes.len(), seed, |number, picks| {
        scratch.clear();
        scratch.extend(picks.iter().filter_map(|pick| ratios.in_resample(passes[*pick], number)));
        median(&scratch)
    })?;
    Some(Ratio { value: value.exp(), interval: exp(bounds.around(value)) })
}

/// Geometric mean of the median ratios of several workloads.
///
/// Passes are drawn for all workloads together, because what disturbs a pass disturbs
/// all of it. A workload that misses a drawn pass is represented by its other drawn passes, or
/// by all it has where it misses every one of them; a pass that no workload has, such as one
/// that an unfinished run never came to, is not drawn.
pub fn geometric_mean(cells: &[&LogRatios], seed: u64) -> Option<Ratio> {
    let slots = cells.iter().map(|cell| cell.by_pass.len()).max()?;
    let measured = |pass: &usize| cells.iter().any(|cell| cell.get(*pass).is_some());
    let passes: Vec<usize> = (0..slots).filter(measured).collect();
    let medians: Vec<f64> = cells.iter().map(|cell| cell.median()).collect::<Option<_>>()?;
    let value = medians.iter().sum::<f64>() / cells.len() as f64;
    let mut scratch = Vec::with_capacity(passes.len());
    let bounds = interval(passes.len(), seed, |number, picks| {
        let mut sum = 0.0;
        for (cell, usual) in cells.iter().zip(&medians) {
            scratch.clear();
            scratch.extend(picks.iter().filter_map(|pick| cell.in_resample(passes[*pick], number)));
            sum += median(&scratch).unwrap_or(*usual);
        }
        Some(sum / cells.len() as f64)
    })?;
    // What single passes give need not surround what all of them give.
    Some(Ratio { value: value.exp(), interval: exp(bounds.around(value)) })
}

fn exp(interval: Interval) -> Interval {
    Interval { low: interval.low.exp(), high: interval.high.exp() }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const RUNS: usize = 300;

    /// Log ratios of a made-up cell: the true log ratio plus normally distributed noise.
    fn simulated(rng: &mut ChaCha8Rng, passes: usize, truth: f64, noise: f64) -> LogRatios {
        (0..passes)
            .map(|_| {
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                Some(truth + noise * radius * (std::f64::consts::TAU * rng.random::<f64>()).cos())
            })
            .collect::<Series>()
            .into()
    }

    /// Share of made-up cells for which `found` holds.
    fn share(passes: usize, truth: f64, found: impl Fn(Ratio) -> bool) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let hits = (0..RUNS)
            .filter(|run| found(of_cell(&simulated(&mut rng, passes, truth, 0.03), *run as u64).unwrap()))
            .count();
        hits as f64 / RUNS as f64
    }

    #[test]
    fn a_cell_that_a_resample_has_nothing_of_is_as_usual() {
        let always: LogRatios = vec![Some(2.0_f64.ln()); 8].into();
        let once: LogRatios = [vec![Some(4.0_f64.ln())], vec![None; 7]].concat().into();
        let mean = geometric_mean(&[&always, &once], 1).unwrap();
        for value in [mean.value, mean.interval.low, mean.interval.high] {
            assert!((value - 8.0_f64.sqrt()).abs() < 1e-9, "{mean:?}");
        }
    }

    #[test]
    fn known_ratio_and_range() {
        let reference = vec![Some(100.0), Some(200.0), Some(100.0), None];
        let values = vec![Some(110.0), Some(240.0), Some(130.0), Some(1.0)];
        let ratio = of_cell(&LogRatios::of(&values, &reference), 1).unwrap();
        assert!((ratio.value - 1.2).abs() < 1e-12);
        assert!((ratio.interval.low - 1.1).abs() < 1e-12 && (ratio.interval.high - 1.3).abs() < 1e-12);
    }

    #[test]
    fn zeros_and_gaps_have_no_ratio() {
        let logs = log_ratios(&[Some(0.0), Some(5.0), None], &[Some(5.0), Some(0.0), Some(5.0)]);
        assert_eq!(logs, [None, None, None]);
        assert_eq!(log_ratios(&[Some(f64::NAN), Some(f64::INFINITY)], &[Some(5.0); 2]), [None, None]);
        assert_eq!(of_cell(&logs.into(), 1), None);
        assert_eq!(of_cell(&LogRatios::default(), 1), None);
    }

    #[test]
    fn interval_covers_the_truth_as_often_as_it_says() {
        for (passes, at_most) in [(7, 1.0), (10, 1.0), (20, 0.995)] {
            let covered = share(passes, 0.1, |r| r.interval.low.ln() <= 0.1 && 0.1 <= r.interval.high.ln());
            // An interval that always covers is too wide to say anything.
            assert!((0.93..=at_most).contains(&covered), "{passes} passes cover {covered}");
        }
    }

    #[test]
    fn planted_ten_percent_is_found_and_nothing_is_rarely_found() {
        let found = share(7, 1.1f64.ln(), |r| r.interval.low > 1.0);
        assert!(found > 0.95, "planted difference found in {found}");
        let false_alarms = share(7, 0.0, |r| r.interval.low > 1.0 || r.interval.high < 1.0);
        assert!(false_alarms < 0.06, "same allocator differs from itself in {false_alarms}");
    }

    #[test]
    fn geometric_mean_of_known_ratios() {
        let double = vec![Some(2f64.ln()); 7].into();
        let half = vec![Some(0.5f64.ln()); 7].into();
        let eight = vec![Some(8f64.ln()); 7].into();
        let mean = geometric_mean(&[&double, &half, &eight], 1).unwrap();
        assert!((mean.value - 2.0).abs() < 1e-12);
        assert!((mean.interval.low - 2.0).abs() < 1e-9 && (mean.interval.high - 2.0).abs() < 1e-9);
        assert_eq!(geometric_mean(&[], 1), None);
        assert_eq!(geometric_mean(&[&vec![None; 7].into()], 1), None);
    }

    #[test]
    fn geometric_mean_survives_a_missing_pass_and_shares_its_disturbance() {
        let mut gap = vec![Some(0.0); 8];
        gap[3] = None;
        let mut disturbed = vec![Some(0.0); 8];
        disturbed[5] = Some(1.0);
        let mean = geometric_mean(&[&gap.into(), &disturbed.into()], 1).unwrap();
        assert!((mean.value - 1.0).abs() < 1e-12);
        assert!(mean.interval.low <= 1.0 && mean.interval.high >= 1.0);
    }

    #[test]
    fn interval_of_few_passes_holds_the_mean_whatever_they_lack() {
        let pass_missing = [vec![Some(0.0), Some(1.0)], vec![Some(0.0), None]];
        let each_lacks_another: [Series; 3] =
            std::array::from_fn(|lacks| (0..3).map(|pass| (pass != lacks).then_some(pass as f64)).collect());
        for cells in [pass_missing.each_ref().as_slice(), each_lacks_another.each_ref().as_slice()] {
            let cells: Vec<LogRatios> = cells.iter().map(|cell| (*cell).clone().into()).collect();
            let mean = geometric_mean(&cells.iter().collect::<Vec<_>>(), 1)
                .expect("every workload has been completed");
            let Interval { low, high } = mean.interval;
            assert!(low <= mean.value && mean.value <= high && low < high, "{mean:?}");
        }
    }

    #[test]
    fn geometric_mean_is_over_the_passes_that_were_measured() {
        let of_three = |ratios: [f64; 3]| ratios.map(Some).into_iter().chain([None; 4]).collect::<Series>();
        let cells = [[0.0, 3.0, 5.0], [3.0, 5.0, 0.0], [5.0, 0.0, 3.0]].map(|ratios| of_three(ratios).into());
        let mean = geometric_mean(&cells.each_ref(), 1).unwrap();
        // Of three passes the interval is the range; each of these has the same mean, which is less than that of the medians.
        assert!((mean.interval.low.ln() - 8.0 / 3.0).abs() < 1e-12, "{mean:?}");
        assert!((mean.interval.high.ln() - 3.0).abs() < 1e-12, "{mean:?}");
    }
}
