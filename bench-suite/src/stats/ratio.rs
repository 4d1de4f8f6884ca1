//! Ratios to the reference, pass by pass, and their geometric mean over workloads.

use super::bootstrap::{Interval, interval, median};

/// The measurements of one cell, one slot per pass; `None` where the pass has no usable sample.
pub type Series = Vec<Option<f64>>;

/// A ratio with what is needed to judge it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Passes (or, for a mean over workloads, workloads) it rests on.
    pub n: usize,
    /// The estimate.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// Logarithm of the ratio in each pass that has both sides; zero, less, and what is not finite
/// have no ratio.
pub fn log_ratios(values: &[Option<f64>], reference: &[Option<f64>]) -> Series {
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
pub fn of_cell(log_ratios: &[Option<f64>], seed: u64) -> Option<Ratio> {
    let paired: Vec<f64> = log_ratios.iter().copied().flatten().collect();
    let mut scratch = Vec::with_capacity(paired.len());
    let bounds = interval(paired.len(), seed, |picks| {
        scratch.clear();
        scratch.extend(picks.iter().map(|index| paired[*index]));
        median(&scratch)
    })?;
    Some(Ratio { n: paired.len(), value: median(&paired)?.exp(), interval: exp(bounds) })
}

/// Geometric mean of the median ratios of several workloads.
///
/// Passes are drawn for all workloads together, because what disturbs a pass disturbs
/// all of it. A workload that misses a drawn pass is represented by its other drawn passes, or
/// by all it has where it misses every one of them; a pass that no workload has, such as one
/// that an unfinished run never came to, is not drawn.
pub fn geometric_mean(cells: &[&Series], seed: u64) -> Option<Ratio> {
    let value_in = |cell: &Series, pass: usize| cell.get(pass).copied().flatten();
    let slots = cells.iter().map(|cell| cell.len()).max()?;
    let measured = |pass: &usize| cells.iter().any(|cell| value_in(cell, *pass).is_some());
    let passes: Vec<usize> = (0..slots).filter(measured).collect();
    let all = |cell: &&Series| median(&cell.iter().copied().flatten().collect::<Vec<_>>());
    let medians: Vec<f64> = cells.iter().map(all).collect::<Option<_>>()?;
    let value = medians.iter().sum::<f64>() / cells.len() as f64;
    let mut scratch = Vec::with_capacity(passes.len());
    let bounds = interval(passes.len(), seed, |picks| {
        let mut sum = 0.0;
        for (cell, usual) in cells.iter().zip(&medians) {
            scratch.clear();
            scratch.extend(picks.iter().filter_map(|pick| value_in(cell, passes[*pick])));
            sum += median(&scratch).unwrap_or(*usual);
        }
        Some(sum / cells.len() as f64)
    })?;
    // What single passes give need not surround what all of them give.
    let bounds = Interval { low: bounds.low.min(value), high: bounds.high.max(value) };
    Some(Ratio { n: cells.len(), value: value.exp(), interval: exp(bounds) })
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
    fn simulated(rng: &mut ChaCha8Rng, passes: usize, truth: f64, noise: f64) -> Series {
        (0..passes)
            .map(|_| {
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                Some(truth + noise * radius * (std::f64::consts::TAU * rng.random::<f64>()).cos())
            })
            .collect()
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
    fn known_ratio_and_range() {
        let reference = vec![Some(100.0), Some(200.0), Some(100.0), None];
        let values = vec![Some(110.0), Some(240.0), Some(130.0), Some(1.0)];
        let ratio = of_cell(&log_ratios(&values, &reference), 1).unwrap();
        assert_eq!(ratio.n, 3);
        assert!((ratio.value - 1.2).abs() < 1e-12);
        assert!((ratio.interval.low - 1.1).abs() < 1e-12 && (ratio.interval.high - 1.3).abs() < 1e-12);
    }

    #[test]
    fn zeros_and_gaps_have_no_ratio() {
        let logs = log_ratios(&[Some(0.0), Some(5.0), None], &[Some(5.0), Some(0.0), Some(5.0)]);
        assert_eq!(logs, [None, None, None]);
        assert_eq!(log_ratios(&[Some(f64::NAN), Some(f64::INFINITY)], &[Some(5.0); 2]), [None, None]);
        assert_eq!(of_cell(&logs, 1), None);
        assert_eq!(of_cell(&[], 1), None);
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
        let double = vec![Some(2f64.ln()); 7];
        let half = vec![Some(0.5f64.ln()); 7];
        let eight = vec![Some(8f64.ln()); 7];
        let mean = geometric_mean(&[&double, &half, &eight], 1).unwrap();
        assert_eq!(mean.n, 3);
        assert!((mean.value - 2.0).abs() < 1e-12);
        assert!((mean.interval.low - 2.0).abs() < 1e-9 && (mean.interval.high - 2.0).abs() < 1e-9);
        assert_eq!(geometric_mean(&[], 1), None);
        assert_eq!(geometric_mean(&[&vec![None; 7]], 1), None);
    }

    #[test]
    fn geometric_mean_survives_a_missing_pass_and_shares_its_disturbance() {
        let mut gap = vec![Some(0.0); 8];
        gap[3] = None;
        let mut disturbed = vec![Some(0.0); 8];
        disturbed[5] = Some(1.0);
        let mean = geometric_mean(&[&gap, &disturbed], 1).unwrap();
        assert!((mean.value - 1.0).abs() < 1e-12);
        assert!(mean.interval.low <= 1.0 && mean.interval.high >= 1.0);
    }

    #[test]
    fn interval_of_few_passes_holds_the_mean_whatever_they_lack() {
        let pass_missing = [vec![Some(0.0), Some(1.0)], vec![Some(0.0), None]];
        let each_lacks_another: [Series; 3] =
            std::array::from_fn(|lacks| (0..3).map(|pass| (pass != lacks).then_some(pass as f64)).collect());
        for cells in [pass_missing.each_ref().as_slice(), each_lacks_another.each_ref().as_slice()] {
            let mean = geometric_mean(cells, 1).expect("every workload has been completed");
            let Interval { low, high } = mean.interval;
            assert!(low <= mean.value && mean.value <= high && low < high, "{mean:?}");
        }
    }

    #[test]
    fn geometric_mean_is_over_the_passes_that_were_measured() {
        let of_three = |ratios: [f64; 3]| ratios.map(Some).into_iter().chain([None; 4]).collect::<Series>();
        let cells = [[0.0, 3.0, 5.0], [3.0, 5.0, 0.0], [5.0, 0.0, 3.0]].map(of_three);
        let mean = geometric_mean(&cells.each_ref(), 1).unwrap();
        // Of three passes the interval is the range; each of these has the same mean, which is less than that of the medians.
        assert!((mean.interval.low.ln() - 8.0 / 3.0).abs() < 1e-12, "{mean:?}");
        assert!((mean.interval.high.ln() - 3.0).abs() < 1e-12, "{mean:?}");
    }
}
