//! A logarithmic axis of ratios on which half and double are equally far from 1.

use std::cmp::Ordering;

/// Values that may get a mark, each with its reciprocal: the ratio, its label, and how early it
/// is chosen when there is no room for all.
const MARKS: &[(f64, &str, u8)] = &[
    (0.25, "0.25×", 1),
    (1.0 / 3.0, "0.33×", 2),
    (0.5, "0.5×", 1),
    (1.0 / 1.5, "0.67×", 2),
    (0.8, "0.8×", 3),
    (1.0, "1×", 0),
    (1.25, "1.25×", 3),
    (1.5, "1.5×", 2),
    (2.0, "2×", 1),
    (3.0, "3×", 2),
    (4.0, "4×", 1),
];

/// The range every axis shows at least.
const LEAST: (f64, f64) = (0.8, 1.25);
/// The range no axis exceeds; bars beyond are cut.
const MOST: (f64, f64) = (0.25, 4.0);

/// A range of ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Ratio at the lower end.
    pub low: f64,
    /// Ratio at the upper end.
    pub high: f64,
}

impl Scale {
    /// Limits for all pictures of one metric: wide enough for most of the ratios, not for outliers.
    pub fn limits(ratios: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = ratios.collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(at).copied().unwrap_or(1.0)
        };
        Self {
            low: (quantile(0.05) / 1.15).clamp(MOST.0, 0.5),
            high: (quantile(0.95) * 1.15).clamp(2.0, MOST.1),
        }
    }

    /// The part of these limits that `values` need.
    pub fn narrowed_to(self, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        Self {
            low: (low / 1.04).clamp(self.low, LEAST.0.max(self.low)),
            high: (high * 1.04).clamp(LEAST.1.min(self.high), self.high),
        }
    }

    /// These limits moved outwards until `values` are inside, as far as axes go.
    pub fn widened_to(self, values: impl Iterator<Item = f64>) -> Self {
        values.fold(self, |scale, value| Self {
            low: scale.low.min((value / 1.04).max(MOST.0)),
            high: scale.high.max((value * 1.04).min(MOST.1)),
        })
    }

    /// Whether `ratio` is beyond the upper end (`Greater`), the lower end (`Less`) or neither.
    pub fn beyond(&self, ratio: f64) -> Ordering {
        if ratio > self.high {
            Ordering::Greater
        } else if ratio < self.low {
            Ordering::Less
        } else {
            Ordering::Equal
        }
    }

    /// How far up `ratio` is, 0 at the lower end and 1 at the upper one; never outside.
    pub fn share(&self, ratio: f64) -> f64 {
        let share = (ratio / self.low).log2() / (self.high / self.low).log2();
        if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else if ratio > 1.0 {
            1.0
        } else {
            0.0
        }
    }

    /// Marks within the range and their labels, as many as leave `least` between each two, as a
    /// share of the axis.
    pub fn marks(&self, least: f64) -> Vec<(f64, &'static str)> {
        let mut wanted: Vec<_> = MARKS
            .iter()
            .filter(|(ratio, ..)| (self.low * 0.999..=self.high * 1.001).contains(ratio))
            .collect();
        wanted.sort_by_key(|(.., rank)| *rank);
        let mut kept: Vec<(f64, &str)> = Vec::new();
        for &(ratio, label, _) in wanted {
            if kept.iter().all(|(other, _)| (self.share(*other) - self.share(ratio)).abs() >= least) {
                kept.push((ratio, label));
            }
        }
        kept.sort_by(|a, b| a.0.total_cmp(&b.0));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_double_are_equally_far() {
        let scale = Scale { low: 0.25, high: 4.0 };
        assert!((scale.share(1.0) - 0.5).abs() < 1e-12);
        assert!((scale.share(2.0) + scale.share(0.5) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_leaves_the_axis() {
        let scale = Scale { low: 0.5, high: 2.0 };
        for ratio in [0.0, -1.0, 1e-300, 1e300, f64::INFINITY, f64::NAN] {
            assert!((0.0..=1.0).contains(&scale.share(ratio)), "{ratio}");
        }
    }

    #[test]
    fn outliers_do_not_set_the_limits() {
        let many = std::iter::repeat_n(1.1, 50);
        assert_eq!(Scale::limits(many.clone().chain([900.0])), Scale { low: 0.5, high: 2.0 });
        assert_eq!(Scale::limits(std::iter::repeat_n(50.0, 9)).high, 4.0);
        assert_eq!(Scale::limits(std::iter::repeat_n(0.01, 9)).low, 0.25);
        assert_eq!(Scale::limits(std::iter::empty()), Scale { low: 0.5, high: 2.0 });
    }

    #[test]
    fn the_range_follows_the_data_within_the_limits() {
        let limits = Scale { low: 0.5, high: 3.0 };
        assert_eq!(limits.narrowed_to([1.01, 0.99].into_iter()), Scale { low: LEAST.0, high: LEAST.1 });
        assert_eq!(limits.narrowed_to([0.1, 77.0].into_iter()), limits);
        let none = limits.narrowed_to(std::iter::empty());
        assert!(none.low < 1.0 && none.high > 1.0);
    }

    #[test]
    fn marks_include_one_and_keep_their_distance() {
        let scale = Scale { low: 0.5, high: 4.0 };
        let labels = |least| scale.marks(least).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(0.3), ["0.5×", "1×", "2×", "4×"]);
        assert!(labels(0.0).len() > 7);
    }
}
