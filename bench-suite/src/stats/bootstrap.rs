//! Percentile bootstrap over passes: how sure a median is.
//!
//! With as few observations as a run has passes, the plain 2.5 % and 97.5 % percentiles
//! of the resampled statistic are too narrow: resamples vary less than new samples would.
//! The percentiles are therefore moved outwards by the factor between the normal and
//! Student's distribution and by √(n/(n−1)), the "expanded percentile" interval of
//! T. Hesterberg, "What Teachers Should Know About the Bootstrap" (2015), section 4.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::statistics::{Data, OrderStatistics};

/// Resamples per interval.
pub const RESAMPLES: usize = 10_000;
/// Below this many observations a resample says nothing; the interval is the range.
pub const MIN_OBSERVATIONS: usize = 6;
/// What the interval leaves out, both sides together.
const ALPHA: f64 = 0.05;

/// Two ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The same, extended to hold `value`.
    pub(super) fn around(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }
}

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| Data::new(values.to_vec()).median())
}

/// A 95 % interval of `statistic` over `observations` passes.
///
/// `statistic` is given the number of the resample, if it is one, and the indices of the passes to use, with repetitions. With fewer
/// than [`MIN_OBSERVATIONS`] it is given one pass at a time and the range is returned.
/// Values that are not finite are left out. `None` if nothing is left.
pub fn interval(
    observations: usize,
    seed: u64,
    mut statistic: impl FnMut(Option<usize>, &[usize]) -> Option<f64>,
) -> Option<Interval> {
    let mut values: Vec<f64> = if observations < MIN_OBSERVATIONS {
        (0..observations).filter_map(|index| statistic(None, &[index])).collect()
    } else {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut picks = vec![0; observations];
        (0..RESAMPLES)
            .filter_map(|number| {
                picks.fill_with(|| rng.random_range(0..observations));
                statistic(Some(number), &picks)
            })
            .collect()
    };
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    let tail = if observations < MIN_OBSERVATIONS { 0.0 } else { tail_probability(observations) };
    let outer = (tail * values.len() as f64) as usize;
    Some(Interval { low: *values.get(outer)?, high: *values.get(values.len() - 1 - outer)? })
}

/// The share of resamples cut off on each side.
fn tail_probability(observations: usize) -> f64 {
    let n = observations as f64;
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("more than one observation");
    Normal::standard().cdf(student.inverse_cdf(ALPHA / 2.0) * (n / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn median_interval(values: &[f64], seed: u64) -> Option<Interval> {
        interval(values.len(), seed, |_, picks| median(&picks.iter().map(|i| values[*i]).collect::<Vec<_>>()))
    }

    #[test]
    fn known_medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn few_observations_give_their_range() {
        assert_eq!(median_interval(&[], 1), None);
        assert_eq!(median_interval(&[2.0], 1), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(median_interval(&[2.0, 9.0, 4.0, 3.0, 5.0], 1), Some(Interval { low: 2.0, high: 9.0 }));
    }

    #[test]
    fn tails_shrink_with_few_observations_and_approach_the_nominal_ones() {
        // n = 7: Student's quantile is −2.447, times √(7/6) −2.643, of which Φ is 0.0041.
        assert!((tail_probability(7) - 0.0041).abs() < 0.0001);
        assert!((tail_probability(100_000) - 0.025).abs() < 0.0001);
    }

    #[test]
    fn same_seed_gives_the_same_interval() {
        let values: Vec<f64> = (0..12).map(|i| f64::from(i * i % 7)).collect();
        assert_eq!(median_interval(&values, 3), median_interval(&values, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn interval_holds_the_median_and_stays_inside_the_data(
            values in proptest::collection::vec(-1e3..1e3f64, 1..25), seed: u64
        ) {
            let interval = median_interval(&values, seed).unwrap();
            let middle = median(&values).unwrap();
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            prop_assert!(low <= interval.low && interval.low <= middle);
            prop_assert!(middle <= interval.high && interval.high <= high);
        }
    }
}
