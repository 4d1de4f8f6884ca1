//! What of a difference in time is the machine's.
//!
//! The pace of the machine during a measurement is a control variate: it is known, it has nothing to do
//! with the allocator, and time depends on it. How much, is estimated for each workload: the slope of the
//! logarithm of time over that of the pace, among measurements of the same allocator. The estimate is
//! the weighted median of the slopes of all pairs (P. K. Sen, "Estimates of the Regression Coefficient Based on
//! Kendall's Tau", 1968; weights after L. A. Jaeckel, 1972), which a few measurements that went wrong do not
//! move. Differences between allocators take no part in the estimate, so correcting cannot take any away.

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

/// By which power of the pace the values grow, estimated inside each of `groups`. `None` if there are too
/// few measurements or the pace never changes.
pub fn slope(groups: &[Vec<Paced>]) -> Option<f64> {
    let measurements: usize = groups.iter().map(Vec::len).sum();
    let used = groups.iter().filter(|group| !group.is_empty()).count();
    if measurements < used + MIN_FREEDOM {
        return None;
    }
    let mut slopes = Vec::new();
    for group in groups {
        for (index, one) in group.iter().enumerate() {
            for other in &group[..index] {
                let run = (one.pace / other.pace).ln();
                let rise = (one.value / other.value).ln();
                if run != 0.0 && rise.is_finite() && run.is_finite() {
                    slopes.push((rise / run, run.abs()));
                }
            }
        }
    }
    // No machine computes faster while it is slowed down. What lies outside is the noise of a pace that hardly changed.
    Some(weighted_median(slopes)?.clamp(0.0, MAX_SLOPE))
}

/// What `measurement` would have been at the pace `base`.
pub fn at_pace(measurement: Paced, base: f64, slope: f64) -> f64 {
    measurement.value * (base / measurement.pace).powf(slope)
}

fn weighted_median(mut values: Vec<(f64, f64)>) -> Option<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    values
        .iter()
        .find(|(_, weight)| {
            sum += weight;
            sum >= half
        })
        .map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::stats::ratio::{log_ratios, of_cell};

    /// Measurements of a made-up allocator on a machine that is up to twice as slow as at its best.
    fn simulated(rng: &mut ChaCha8Rng, truth: f64, power: f64) -> Vec<Paced> {
        (0..9)
            .map(|_| {
                let slowness = 1.0 + rng.random::<f64>();
                let rest = 1.0 + 0.04 * (rng.random::<f64>() - 0.5);
                Paced { value: truth * slowness.powf(power) * rest, pace: 30e3 * slowness }
            })
            .collect()
    }

    #[test]
    fn known_slope_is_found_despite_wrong_measurements() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for power in [0.0, 0.9, 1.3] {
            let mut groups: Vec<_> =
                [1.0, 1.2, 7.0].iter().map(|truth| simulated(&mut rng, *truth, power)).collect();
            groups[1][3].value *= 4.0;
            let found = slope(&groups).unwrap();
            assert!((found - power).abs() < 0.05, "{found} instead of {power}");
        }
    }

    #[test]
    fn correcting_keeps_the_ratio_and_narrows_its_interval() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let (mut covered, mut narrower) = (0, 0);
        for seed in 0..100 {
            let groups: Vec<_> =
                [1.0, 1.05, 2.0].iter().map(|truth| simulated(&mut rng, *truth, 1.1)).collect();
            let slope = slope(&groups).unwrap();
            let ratio = |of: &dyn Fn(&Paced) -> f64| {
                let [base, own] =
                    [0, 1].map(|at: usize| groups[at].iter().map(|m| Some(of(m))).collect::<Vec<_>>());
                of_cell(&log_ratios(&own, &base), seed).unwrap().interval
            };
            let raw = ratio(&|m| m.value);
            let corrected = ratio(&|m| at_pace(*m, 30e3, slope));
            covered += usize::from(corrected.low <= 1.05 && 1.05 <= corrected.high);
            narrower += usize::from(corrected.high / corrected.low < (raw.high / raw.low).sqrt());
        }
        assert!(covered >= 93, "{covered} of 100 intervals cover the truth");
        assert!(narrower >= 99, "{narrower} of 100 intervals became narrower");
    }

    #[test]
    fn no_slope_is_steeper_than_a_machine_can_be() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (power, expected) in [(-2.0, 0.0), (17.0, MAX_SLOPE)] {
            let groups: Vec<_> = [1.0, 2.0].iter().map(|truth| simulated(&mut rng, *truth, power)).collect();
            assert_eq!(slope(&groups), Some(expected));
        }
    }

    #[test]
    fn too_few_measurements_and_a_steady_machine_have_no_slope() {
        let steady = |count| vec![Paced { value: 1.0, pace: 30e3 }; count];
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[steady(5), steady(4)]), None);
        assert_eq!(slope(&[steady(9), steady(9)]), None);
    }
}
