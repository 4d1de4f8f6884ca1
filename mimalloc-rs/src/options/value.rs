//! What the text of an environment variable says.

use super::opt::Unit;

/// Characters of a value that are looked at.
const LOOKED_AT: usize = 64;
/// The largest size in KiB whose bytes a signed word holds.
pub(super) const KIBIBYTES_MAX: i64 = i64::MAX / 1024;

/// The number that `text` gives to an option counted in `unit`; `None` if it gives none.
///
/// Nothing and the words for yes mean 1, the words for no mean 0; everything else is a decimal number. A size
/// may have a suffix; one that is counted in KiB is rounded up to whole ones. What does not fit becomes the nearest number
/// that does.
pub(super) fn parse(text: &[u8], unit: Unit) -> Option<i64> {
    let text = &text[..text.len().min(LOOKED_AT)];
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is_one_of(&["", "1", "true", "yes", "on"]) {
        return Some(1);
    }
    if is_one_of(&["0", "false", "no", "off"]) {
        return Some(0);
    }
    let (number, rest) = leading_number(text)?;
    let is_size = matches!(unit, Unit::Kibibytes | Unit::Bytes);
    let rest = if is_size && rest.eq_ignore_ascii_case(b"B") { &[] } else { rest };
    match unit {
        Unit::Kibibytes => kibibytes(number, rest),
        Unit::Bytes if !rest.is_empty() => Some(1024 * kibibytes(number, rest)?),
        _ => rest.is_empty().then_some(number),
    }
}

/// The decimal number that `text` begins with, clamped, and what follows it.
fn leading_number(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let number = digits[..end].iter().fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let number = number.saturating_mul(10);
        if negative { number.saturating_sub(digit) } else { number.saturating_add(digit) }
    });
    Some((number, &digits[end..]))
}

/// A size in KiB from a number and its suffix. A negative size is none.
fn kibibytes(number: i64, suffix: &[u8]) -> Option<i64> {
    let number = number.max(0);
    let size = match suffix {
        [] => number / 1024 + i64::from(number % 1024 != 0),
        [letter, rest @ ..] => {
            let is_complete = ["", "B", "iB"].iter().any(|end| rest.eq_ignore_ascii_case(end.as_bytes()));
            number.saturating_mul(multiplier(*letter).filter(|_| is_complete)?)
        }
    };
    Some(size.min(KIBIBYTES_MAX))
}

/// KiB in one of what the letter stands for.
fn multiplier(letter: u8) -> Option<i64> {
    match letter.to_ascii_uppercase() {
        b'K' => Some(1),
        b'M' => Some(1 << 10),
        b'G' => Some(1 << 20),
        b'T' => Some(1 << 30),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> Option<i64> {
        parse(text.as_bytes(), Unit::Count)
    }

    fn size(text: &str) -> Option<i64> {
        parse(text.as_bytes(), Unit::Kibibytes)
    }

    #[test]
    fn words_are_read_in_any_case() {
        for yes in ["", "1", "TRUE", "yes", "On"] {
            assert_eq!((count(yes), size(yes)), (Some(1), Some(1)), "{yes:?}");
        }
        for no in ["0", "False", "NO", "off"] {
            assert_eq!((count(no), size(no)), (Some(0), Some(0)), "{no:?}");
        }
        for part in ["T", "O", "ES", "RUE;", "1;", "true "] {
            assert_eq!((count(part), size(part)), (None, None), "{part:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_clamped() {
        assert_eq!(count("42"), Some(42));
        assert_eq!(count("-1"), Some(-1));
        assert_eq!(count("+7"), Some(7));
        assert_eq!(count("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(count("9223372036854775808"), Some(i64::MAX));
        assert_eq!(count("-99999999999999999999"), Some(i64::MIN));
        for wrong in ["-", "+", "--1", "1.5", "0x10", "10K", " 1", "1 ", "zwei", "\u{661}"] {
            assert_eq!(count(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_have_suffixes_and_are_bytes_without() {
        assert_eq!(size("1024"), Some(1));
        assert_eq!(size("1025"), Some(2));
        assert_eq!(size("2"), Some(1));
        assert_eq!((size("2048B"), size("2049b")), (Some(2), Some(3)));
        assert_eq!(size("64K"), Some(64));
        assert_eq!(size("64kB"), Some(64));
        assert_eq!(size("64KiB"), Some(64));
        assert_eq!(size("3m"), Some(3 << 10));
        assert_eq!(size("2GIB"), Some(2 << 20));
        assert_eq!(size("1T"), Some(1 << 30));
        assert_eq!(size("-5M"), Some(0));
        for wrong in ["64X", "64KX", "64Ki", "64KiBs", "64 K", "K", "1P"] {
            assert_eq!(size(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_that_are_counted_in_bytes_have_suffixes_too() {
        let bytes = |text: &str| parse(text.as_bytes(), Unit::Bytes);
        assert_eq!((bytes("1025"), bytes("64K"), bytes("2GiB")), (Some(1025), Some(64 << 10), Some(2 << 30)));
        assert_eq!((bytes("1025B"), count("10B")), (Some(1025), None));
        assert_eq!((bytes("64X"), bytes("9T9")), (None, None));
        assert_eq!(bytes("99999999999999999999G"), Some(1024 * KIBIBYTES_MAX));
    }

    #[test]
    fn sizes_too_large_become_the_largest() {
        for large in [
            "9223372036854775807K",
            "99999999999999999999G",
            "9007199254740992K",
            "8589934592T",
            "9223372036854775807",
        ] {
            assert_eq!(size(large), Some(KIBIBYTES_MAX), "{large}");
        }
        assert!(KIBIBYTES_MAX.checked_mul(1024).is_some());
    }

    #[test]
    fn only_the_first_64_characters_count() {
        let mut long = std::string::String::from("0").repeat(62);
        long.push_str("17ignored");
        assert_eq!(count(&long), Some(17));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            for unit in [Unit::Count, Unit::Kibibytes] {
                let _ = parse(&text, unit);
            }
        }

        #[test]
        fn what_looks_like_a_size_is_within_bounds(text in "[+-]?[0-9]{1,40}[KMGTkmgt]?(B|iB)?") {
            if let Some(value) = parse(text.as_bytes(), Unit::Kibibytes) {
                prop_assert!((0..=KIBIBYTES_MAX).contains(&value));
            }
        }

        #[test]
        fn a_printed_number_is_read_back(value: i64) {
            prop_assert_eq!(count(&std::format!("{value}")), Some(value));
        }

        #[test]
        fn a_printed_size_is_read_back(value in 0..=KIBIBYTES_MAX) {
            prop_assert_eq!(size(&std::format!("{value}KiB")), Some(value));
            if let Some(bytes) = value.checked_mul(1024).filter(|&bytes| bytes > 1) {
                prop_assert_eq!(size(&std::format!("{bytes}")), Some(value));
            }
        }
    }
}
