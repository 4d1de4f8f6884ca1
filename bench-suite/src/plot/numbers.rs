//! How numbers are written for people: ratios, durations, sizes.

use crate::summary::RATE_UNIT;

/// A ratio with about three significant digits, without a sign of multiplication.
pub fn ratio(value: f64) -> String {
    match value {
        v if !v.is_finite() || v <= 0.0 => "–".to_owned(),
        v if v < 0.005 => "<0.01".to_owned(),
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v if v < 999.5 => format!("{v:.0}"),
        _ => ">999".to_owned(),
    }
}

/// An absolute value in the unit the summary states, scaled to a readable one.
pub fn absolute(value: f64, unit: &str) -> String {
    const TIMES: &[(f64, &str)] = &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
    const SIZES: &[(f64, &str)] =
        &[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
    if !value.is_finite() || value < 0.0 {
        return "–".to_owned();
    }
    match unit {
        "ns" => scaled(value, TIMES),
        RATE_UNIT => format!("{}/op", scaled(value / 1e9, TIMES)),
        "us" => scaled(value * 1e3, TIMES),
        "bytes" | "B" => scaled(value, SIZES),
        other => format!("{} {other}", three_digits(value)).trim_end().to_owned(),
    }
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (factor, name) = units
        .iter()
        .rev()
        .find(|(factor, _)| value >= *factor)
        .or(units.first())
        .copied()
        .unwrap_or((1.0, ""));
    format!("{} {name}", three_digits(value / factor))
}

fn three_digits(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v if v < 1e6 => format!("{v:.0}"),
        v => format!("{v:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_keep_three_digits_and_survive_nonsense() {
        let cases = [
            (1.0, "1.00"),
            (0.714, "0.71"),
            (9.999, "10.0"),
            (31.55, "31.6"),
            (250.0, "250"),
            (1e300, ">999"),
            (0.001, "<0.01"),
            (0.0, "–"),
            (-1.0, "–"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ];
        for (value, expected) in cases {
            assert_eq!(ratio(value), expected, "{value}");
        }
    }

    #[test]
    fn absolutes_choose_their_unit() {
        let cases = [
            (412_300_000.0, "ns", "412 ms"),
            (1_080_000_000.0, "ns", "1.08 s"),
            (0.5, "ns", "0.50 ns"),
            (0.0, "ns", "0 ns"),
            (12_340.0, "ns", "12.3 µs"),
            (1500.0, "us", "1.50 ms"),
            (50_000_000_000.0, RATE_UNIT, "50.0 ns/op"),
            (3_250_586.0, "bytes", "3.10 MiB"),
            (12.0, "faults", "12.0 faults"),
            (f64::NAN, "ns", "–"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(absolute(value, unit), expected);
        }
    }
}
