//! A linear axis that begins at 0, with marks at round values.

/// Units of memory: bytes in one, and the name.
const SIZES: &[(f64, &str)] = &[(1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
/// Units of time: milliseconds in one, and the name.
const TIMES: &[(f64, &str)] = &[(1.0, "ms"), (1000.0, "s")];

/// A range from 0 to some value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear {
    top: f64,
    unit: (f64, &'static str),
}

impl Linear {
    /// An axis of bytes with a little room above `most`.
    pub(super) fn bytes(most: f64) -> Self {
        Self::new(1.06 * most, 1.5, SIZES)
    }

    /// An axis of milliseconds that ends at `most`.
    pub(super) fn milliseconds(most: f64) -> Self {
        Self::new(most, 1.0, TIMES)
    }

    /// An axis in the largest unit of which it has `least`.
    fn new(top: f64, least: f64, units: &'static [(f64, &'static str)]) -> Self {
        let top = if top.is_finite() && top > 0.0 { top } else { 1.0 };
        let unit = units.iter().rev().find(|(size, _)| top >= least * size);
        Self { top, unit: *unit.unwrap_or(&units[0]) }
    }

    /// Where it ends.
    pub(super) fn top(&self) -> f64 {
        self.top
    }

    /// How far along `value` is, 0 to 1; never outside.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value / self.top).clamp(0.0, 1.0)
    }

    /// Round values and their labels, `most` at the most besides 0.
    pub(super) fn marks(&self, most: usize) -> Vec<(f64, String)> {
        let (size, name) = self.unit;
        let least = self.top / size / most.max(1) as f64;
        let magnitude = 10_f64.powf(least.log10().floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= least * 0.9999);
        let step = magnitude * factor.unwrap_or(10.0);
        let decimals = if step < 1.0 { (-step.log10()).ceil() as usize } else { 0 };
        (0..=most)
            .map(|at| at as f64 * step)
            .take_while(|value| value * size <= self.top * 1.0001)
            .map(|value| {
                let label = if value == 0.0 { "0".to_owned() } else { format!("{value:.decimals$} {name}") };
                (value * size, label)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Linear, most: usize) -> Vec<String> {
        axis.marks(most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn marks_are_round_and_within() {
        let mebibytes = |count: f64| Linear::bytes(count * 1_048_576.0);
        assert_eq!(labels(mebibytes(81.0), 5), ["0", "20 MiB", "40 MiB", "60 MiB", "80 MiB"]);
        assert_eq!(labels(mebibytes(2.9), 4), ["0", "1 MiB", "2 MiB", "3 MiB"]);
        assert_eq!(labels(mebibytes(1.0), 3), ["0", "500 KiB", "1000 KiB"]);
        assert_eq!(labels(mebibytes(3000.0), 4), ["0", "1 GiB", "2 GiB", "3 GiB"]);
        assert_eq!(labels(Linear::milliseconds(1300.0), 3), ["0", "0.5 s", "1.0 s"]);
        assert_eq!(labels(Linear::milliseconds(900.0), 4), ["0", "500 ms"]);
        assert_eq!(labels(Linear::milliseconds(1000.0), 1), ["0", "1 s"]);
    }

    #[test]
    fn any_range_has_some_marks_and_no_value_leaves_it() {
        for most in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 1.0, 7.7e13] {
            for axis in [Linear::bytes(most), Linear::milliseconds(most)] {
                for (value, label) in axis.marks(4) {
                    assert!(value >= 0.0 && !label.contains("NaN"), "{most}: {label}");
                }
                assert!((1..=5).contains(&axis.marks(4).len()), "{most}");
                for value in [-1.0, 0.0, 1e300, f64::INFINITY] {
                    assert!((0.0..=1.0).contains(&axis.share(value)), "{most}: {value}");
                }
            }
        }
    }
}
