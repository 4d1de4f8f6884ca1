//! Numbers as people read them.

use core::fmt;

/// Bytes, in the largest unit of which there is at least one.
///
/// With a width, the units of several amounts stand below each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) i64);

/// Room for a blank and a unit.
const UNIT_WIDTH: usize = 4;

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = "B";
        for larger in ["KiB", "MiB", "GiB", "TiB"] {
            if value.abs() < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = larger;
        }
        let decimals = usize::from(unit != "B");
        match f.width() {
            Some(width) => write!(f, "{value:>0$.decimals$} {unit:<3}", width.saturating_sub(UNIT_WIDTH)),
            None => write!(f, "{value:.decimals$} {unit}"),
        }
    }
}

/// A number of things, aligned like bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces(pub(super) i64);

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.width() {
            Some(width) => write!(f, "{:>1$}    ", self.0, width.saturating_sub(UNIT_WIDTH)),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn bytes_have_a_fitting_unit() {
        let shown =
            [0, 1023, 1024, 1536, 5 << 20, -(3 << 30), 7 << 40, i64::MAX].map(|n| format!("{}", Bytes(n)));
        let expected =
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "-3.0 GiB", "7.0 TiB", "8388608.0 TiB"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn amounts_stand_below_each_other() {
        assert_eq!(format!("{:12}|", Bytes(1536)), "     1.5 KiB|");
        assert_eq!(format!("{:12}|", Bytes(8)), "       8 B  |");
        assert_eq!(format!("{:12}|", Pieces(8)), "       8    |");
    }
}
