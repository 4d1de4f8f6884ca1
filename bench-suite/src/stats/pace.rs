//! What of a difference in time is the machine's.
//!
//! The pace of the machine during a measurement is a control variate: it is known, it has nothing to do
//! with the allocator, and time depends on it. How much, is estimated for each workload: the slope of the
//! logarithm of time over that of the pace, among measurements of the same allocator. The estimate is
//! the weighted median of the slopes of all pairs (P. K. Sen, "Estimates of the Regression Coefficient Based on
//! Kendall's Tau", 1968; weights after L. A. Jaeckel, 1972), which a few measurements that went wrong do not
//! move. Differences between allocators take no part in the estimate, so correcting cannot take any away. How sure it is shows
//! when it is made again from passes that are drawn at random, as the intervals are: those are for both.

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// How often it is estimated anew to see how sure it is.
const ESTIMATES: usize = 500;
/// Fewer measurements beyond one per allocator give no slope.
const MIN_FREEDOM: usize = 8;
/// Nothing slows by a higher power of the pace: memory suffers more than computing from a busy neighbour, but not much.
const MAX_SLOPE: f64 = 1.5;

/// One measurement and the time that a fixed computation took meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paced {
    /// What was measured.
    pub value: f64,
    /// Time of the fixed computation.
    pub pace: f64,
}

/// The measurements of one allocator by pass, where there are any.
pub type PacedSeries = Vec<Option<Paced>>;

/// By which power of the pace the values grow.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope {
    /// The estimate.
    pub value: f64,
    /// What other estimates, from passes that were drawn at random, are above this one.
    pub errors: Arc<[f64]>,
}

impl Slope {
    /// Estimates it inside each of `groups`. `None` if there are too few measurements or the pace never changes.
    pub fn of(groups: &[PacedSeries], seed: u64) -> Option<Self> {
        let of_group = |group: &PacedSeries| group.iter().flatten().count();
        let measurements: usize = groups.iter().map(of_group).sum();
        let used = groups.iter().filter(|group| of_group(group) > 0).count();
        if measurements < used + MIN_FREEDOM {
            return None;
        }
        let pairs = pairs(groups);
        let value = slope(&pairs, |pair| pair.weight)?;
        let passes = groups.iter().map(Vec::len).max()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let errors = (0..ESTIMATES).filter_map(|_| {
            let mut drawn = vec![0_u32; passes];
            (0..passes).for_each(|_| drawn[rng.random_range(0..passes)] += 1);
            let times = |pair: &Pair| drawn[pair.passes[0]] * drawn[pair.passes[1]];
            Some(slope(&pairs, |pair| f64::from(times(pair)) * pair.weight)? - value)
        });
        Some(Self { value, errors: errors.collect() })
    }
}

/// Two measurements of one allocator, and the slope from one to the other.
struct Pair {
    passes: [usize; 2],
    slope: f64,
    weight: f64,
}

/// All there are, in the order of their slopes.
fn pairs(groups: &[PacedSeries]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for group in groups {
        let measured = || group.iter().enumerate().filter_map(|(pass, measured)| Some((pass, (*measured)?)));
        for (pass, one) in measured() {
            for (earlier, other) in measured().take_while(|(earlier, _)| *earlier < pass) {
                let run = (one.pace / other.pace).ln();
                let rise = (one.value / other.value).ln();
                if run != 0.0 && rise.is_finite() && run.is_finite() {
                    pairs.push(Pair { passes: [pass, earlier], slope: rise / run, weight: run.abs() });
                }
            }
        }
    }
    pairs.sort_unstable_by(|a, b| a.slope.total_cmp(&b.slope));
    pairs
}

/// The weighted median of their slopes.
fn slope(pairs: &[Pair], weight: impl Fn(&Pair) -> f64) -> Option<f64> {
    let half = pairs.iter().map(&weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    let median = pairs.iter().find(|pair| {
        sum += weight(pair);
        sum > 0.0 && sum >= half
    })?;
    // No machine computes faster while it is slowed down. What lies outside is the noise of a pace that hardly changed.
    Some(median.slope.clamp(0.0, MAX_SLOPE))
}

/// What `measurement` would have been at the pace `base`.
pub fn at_pace(measurement: Paced, base: f64, slope: f64) -> f64 {
    measurement.value * (base / measurement.pace).powf(slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bootstrap::Interval;
    use crate::stats::ratio::{LogRatios, of_cell};

    /// Measurements of a made-up allocator on a machine that is up to twice as slow as at its best.
    fn simulated(rng: &mut ChaCha8Rng, truth: f64, power: f64) -> PacedSeries {
        (0..9)
            .map(|_| {
                let slowness = 1.0 + rng.random::<f64>();
                let rest = 1.0 + 0.04 * (rng.random::<f64>() - 0.5);
                Some(Paced { value: truth * slowness.powf(power) * rest, pace: 30e3 * slowness })
            })
            .collect()
    }

    #[test]
    fn known_slope_is_found_despite_wrong_measurements() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for power in [0.0, 0.9, 1.3] {
            let mut groups: Vec<_> =
                [1.0, 1.2, 7.0].iter().map(|truth| simulated(&mut rng, *truth, power)).collect();
            groups[1][3].as_mut().unwrap().value *= 4.0;
            let found = Slope::of(&groups, 1).unwrap().value;
            assert!((found - power).abs() < 0.05, "{found} instead of {power}");
        }
    }

    /// The interval of the ratio of the second of `groups` to the first, as measured, corrected, and corrected by a slope that
    /// is taken for certain.
    fn intervals(groups: &[PacedSeries], seed: u64) -> [Interval; 3] {
        let slope = Slope::of(groups, seed).unwrap();
        let of =
            |at: usize, of: &dyn Fn(Paced) -> f64| groups[at].iter().map(|m| m.map(of)).collect::<Vec<_>>();
        let ratios = |value: &dyn Fn(Paced) -> f64| LogRatios::of(&of(1, value), &of(0, value));
        let corrected = || ratios(&|measured| at_pace(measured, 30e3, slope.value));
        let [own, base] = [1, 0].map(|at| of(at, &|measured| measured.pace));
        let all = [
            ratios(&|measured| measured.value),
            corrected().corrected_for(&own, &base, slope.errors.clone()),
            corrected(),
        ];
        all.map(|ratios| of_cell(&ratios, seed).unwrap().interval)
    }

    #[test]
    fn correcting_keeps_the_ratio_and_narrows_its_interval() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let (mut covered, mut narrower) = (0, 0);
        for seed in 0..100 {
            let groups: Vec<_> =
                [1.0, 1.05, 2.0].iter().map(|truth| simulated(&mut rng, *truth, 1.1)).collect();
            let [raw, corrected, _] = intervals(&groups, seed);
            covered += usize::from(corrected.low <= 1.05 && 1.05 <= corrected.high);
            narrower += usize::from(corrected.high / corrected.low < (raw.high / raw.low).sqrt());
        }
        assert!(covered >= 93, "{covered} of 100 intervals cover the truth");
        assert!(narrower >= 99, "{narrower} of 100 intervals became narrower");
    }

    #[test]
    fn intervals_are_wide_enough_for_a_slope_that_is_not_sure() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let [mut covered, mut covered_by_certain] = [0, 0];
        for seed in 0..200 {
            // One of two allocators always had the worse pace, so the ratio depends on the slope.
            let groups = [(1.0, 1.0), (1.05, 1.3)].map(|(truth, worse)| {
                let mut spread = || (0.2 * (rng.random::<f64>() - 0.5)).exp();
                let measured = |_| {
                    let slowness: f64 = worse * spread();
                    Some(Paced { value: truth * slowness * spread(), pace: 30e3 * slowness })
                };
                (0..9).map(measured).collect::<PacedSeries>()
            });
            let [_, corrected, certain] = intervals(&groups, seed);
            let covers = |interval: Interval| usize::from(interval.low <= 1.05 && 1.05 <= interval.high);
            covered += covers(corrected);
            covered_by_certain += covers(certain);
        }
        assert!(covered >= 186, "{covered} of 200 intervals cover the truth");
        assert!(covered_by_certain < 186, "{covered_by_certain} of 200 would if the slope were sure");
    }

    #[test]
    fn no_slope_is_steeper_than_a_machine_can_be() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (power, expected) in [(-2.0, 0.0), (17.0, MAX_SLOPE)] {
            let groups: Vec<_> = [1.0, 2.0].iter().map(|truth| simulated(&mut rng, *truth, power)).collect();
            assert_eq!(Slope::of(&groups, 1).unwrap().value, expected);
        }
    }

    #[test]
    fn a_pace_that_hardly_changed_does_not_outvote_one_that_did() {
        // Twice as slow, twice the time; what little the pace differs otherwise goes with less time.
        let at = |base: f64, number: u32| {
            let number = f64::from(number);
            Some(Paced { value: base * (1.0 - 0.01 * number), pace: 30e3 * base * (1.0 + 1e-5 * number) })
        };
        let group: PacedSeries =
            (0..8).map(|number| at(1.0, number)).chain((0..4).map(|number| at(2.0, number))).collect();
        let slope = Slope::of(&[group], 1).unwrap();
        assert!((slope.value - 1.0).abs() < 0.15, "{slope:?}");
    }

    #[test]
    fn each_allocator_takes_one_measurement_away_from_what_gives_a_slope() {
        let unsteady = |count: u32| -> PacedSeries {
            let slowness = |number: u32| 1.0 + f64::from(number * 7 % 10) / 10.0;
            (0..count).map(|n| Some(Paced { value: slowness(n), pace: 30e3 * slowness(n) })).collect()
        };
        assert_eq!(Slope::of(&[unsteady(5), unsteady(4)], 1), None);
        assert!(Slope::of(&[unsteady(5), unsteady(5)], 1).is_some());
        assert!(Slope::of(&[unsteady(5), unsteady(5), vec![None; 5]], 1).is_some());
    }

    #[test]
    fn too_few_measurements_and_a_steady_machine_have_no_slope() {
        let steady = |count| vec![Some(Paced { value: 1.0, pace: 30e3 }); count];
        assert_eq!(Slope::of(&[], 1), None);
        assert_eq!(Slope::of(&[steady(5), steady(4)], 1), None);
        assert_eq!(Slope::of(&[steady(9), steady(9)], 1), None);
    }
}
