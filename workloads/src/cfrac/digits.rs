//! Arithmetic on plain rows of digits, base 65536, least significant first. Nothing here
//! allocates; every function that has an `out` writes all of it.

use std::cmp::Ordering;
use std::mem::MaybeUninit;

/// One digit.
pub(super) type Digit = u16;

/// Room for a result.
pub(super) type Out = [MaybeUninit<Digit>];

const BITS: u32 = Digit::BITS;

/// The lower digit of a wider number.
#[inline]
fn low(wide: u32) -> Digit {
    wide as Digit
}

/// Compares numbers without leading zeroes.
#[inline]
pub(super) fn compare(u: &[Digit], v: &[Digit]) -> Ordering {
    u.len().cmp(&v.len()).then_with(|| u.iter().rev().cmp(v.iter().rev()))
}

/// `out = u + v`, where `u` is at least as long as `v` and `out` one digit longer.
#[inline]
pub(super) fn add(out: &mut Out, u: &[Digit], v: &[Digit]) {
    let mut carry = 0;
    let (sums, top) = out.split_at_mut(u.len());
    for (index, (sum, &digit)) in sums.iter_mut().zip(u).enumerate() {
        carry += u32::from(digit) + v.get(index).map_or(0, |&digit| u32::from(digit));
        sum.write(low(carry));
        carry >>= BITS;
    }
    top[0].write(low(carry));
}

/// `out = u - v`, where `u` is not smaller than `v` and `out` as long as `u`.
#[inline]
pub(super) fn subtract(out: &mut Out, u: &[Digit], v: &[Digit]) {
    let mut borrow = 0;
    for (index, (difference, &digit)) in out.iter_mut().zip(u).enumerate() {
        let taken = v.get(index).map_or(0, |&digit| i32::from(digit)) + borrow;
        let left = i32::from(digit) - taken;
        difference.write(left as Digit);
        borrow = i32::from(left < 0);
    }
}

/// `out = u * v`, as long as both together.
#[inline]
pub(super) fn multiply(out: &mut Out, u: &[Digit], v: &[Digit]) {
    // The first row of the schoolbook scheme fills the lower part, every later row one more digit.
    let factor = u32::from(v[0]);
    let mut carry = 0;
    for (product, &digit) in out.iter_mut().zip(u) {
        carry += u32::from(digit) * factor;
        product.write(low(carry));
        carry >>= BITS;
    }
    out[u.len()].write(low(carry));
    for (row, &factor) in v.iter().enumerate().skip(1) {
        let mut carry = 0;
        for (product, &digit) in out[row..].iter_mut().zip(u) {
            // SAFETY: the rows before wrote everything below `row + u.len()`.
            let before = unsafe { product.assume_init() };
            // At most (2^16 - 1)^2 + 2 * (2^16 - 1), which is 2^32 - 1.
            carry += u32::from(digit) * u32::from(factor) + u32::from(before);
            product.write(low(carry));
            carry >>= BITS;
        }
        out[row + u.len()].write(low(carry));
    }
}

/// `out = u / divisor`, as long as `u`; returns the remainder.
#[inline]
pub(super) fn divide_small(out: &mut Out, u: &[Digit], divisor: Digit) -> Digit {
    let divisor = u32::from(divisor);
    let mut remainder = 0;
    for (quotient, &digit) in out.iter_mut().zip(u).rev() {
        let dividend = remainder << BITS | u32::from(digit);
        quotient.write(low(dividend / divisor));
        remainder = dividend % divisor;
    }
    low(remainder)
}

/// `u` modulo a small number.
#[inline]
pub(super) fn remainder_small(u: &[Digit], divisor: Digit) -> Digit {
    let divisor = u32::from(divisor);
    low(u.iter().rev().fold(0, |remainder, &digit| (remainder << BITS | u32::from(digit)) % divisor))
}

/// `out = u << shift` for a shift of less than a digit; `out` is as long as `u` or one digit
/// longer, and what is shifted out of it must be zero.
#[inline]
pub(super) fn shift_left(out: &mut Out, u: &[Digit], shift: u32) {
    let mut carry = 0;
    let (shifted, top) = out.split_at_mut(u.len());
    for (place, &digit) in shifted.iter_mut().zip(u) {
        carry |= u32::from(digit) << shift;
        place.write(low(carry));
        carry >>= BITS;
    }
    for place in top {
        place.write(low(carry));
    }
}

/// `out = u >> shift` for a shift of less than a digit.
#[inline]
pub(super) fn shift_right(out: &mut Out, u: &[Digit], shift: u32) {
    for (index, place) in out.iter_mut().enumerate() {
        let above = u.get(index + 1).map_or(0, |&digit| u32::from(digit));
        place.write(low((above << BITS | u32::from(u[index])) >> shift));
    }
}

/// Long division after Knuth, algorithm D. `v` has at least two digits and its top bit is set; `u` is
/// longer than `v` and below `v` times the range of the quotient. Leaves the remainder in the
/// lower digits of `u`.
#[inline]
pub(super) fn divide(quotient: &mut Out, u: &mut [Digit], v: &[Digit]) {
    let n = v.len();
    for (position, place) in quotient.iter_mut().enumerate().rev() {
        let part = &mut u[position..=position + n];
        let mut digit = estimate(part, v);
        if subtract_multiple(part, v, digit) {
            digit -= 1;
            add_back(part, v);
        }
        place.write(low(digit));
    }
}

/// A quotient digit that is right or one too large, from the leading digits.
#[inline]
fn estimate(part: &[Digit], v: &[Digit]) -> u32 {
    let n = v.len();
    let top = u32::from(part[n]) << BITS | u32::from(part[n - 1]);
    let (first, second) = (u32::from(v[n - 1]), u32::from(v[n - 2]));
    let mut digit = top / first;
    let mut remainder = top % first;
    let range = 1 << BITS;
    while digit >= range || digit * second > (remainder << BITS | u32::from(part[n - 2])) {
        digit -= 1;
        remainder += first;
        if remainder >= range {
            break;
        }
    }
    digit
}

/// `part -= v * digit`; tells whether the result would be negative, and then wraps.
#[inline]
fn subtract_multiple(part: &mut [Digit], v: &[Digit], digit: u32) -> bool {
    let (lower, top) = part.split_at_mut(v.len());
    let mut carry = 0;
    for (place, &factor) in lower.iter_mut().zip(v) {
        carry += u32::from(factor) * digit;
        let (difference, borrow) = place.overflowing_sub(low(carry));
        *place = difference;
        carry = (carry >> BITS) + u32::from(borrow);
    }
    let negative = u32::from(top[0]) < carry;
    top[0] = top[0].wrapping_sub(low(carry));
    negative
}

#[inline]
fn add_back(part: &mut [Digit], v: &[Digit]) {
    let (lower, top) = part.split_at_mut(v.len());
    let mut carry = 0;
    for (place, &digit) in lower.iter_mut().zip(v) {
        carry += u32::from(*place) + u32::from(digit);
        *place = low(carry);
        carry >>= BITS;
    }
    top[0] = top[0].wrapping_add(low(carry));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digits(mut value: u128, length: usize) -> Vec<Digit> {
        let mut row = vec![];
        for _ in 0..length {
            row.push(value as Digit);
            value >>= BITS;
        }
        assert_eq!(value, 0, "{length} digits are enough");
        row
    }

    fn trimmed(value: u128) -> Vec<Digit> {
        digits(value, (128 - value.leading_zeros()).div_ceil(BITS).max(1) as usize)
    }

    fn value(row: &[Digit]) -> u128 {
        row.iter().rev().fold(0, |value, &digit| value << BITS | u128::from(digit))
    }

    fn filled(length: usize, fill: impl FnOnce(&mut Out)) -> Vec<Digit> {
        let mut out = vec![MaybeUninit::new(0xdead); length];
        fill(&mut out);
        // SAFETY: every element was initialised above.
        out.into_iter().map(|digit| unsafe { digit.assume_init() }).collect()
    }

    /// Division as `Big` does it: normalise, divide, shift the remainder back.
    fn long_division(u: u128, v: u128) -> (u128, u128) {
        let (u, v) = (trimmed(u), trimmed(v));
        let shift = v[v.len() - 1].leading_zeros();
        let normal = filled(v.len(), |out| shift_left(out, &v, shift));
        let mut dividend = filled(u.len() + 1, |out| shift_left(out, &u, shift));
        let quotient = filled(u.len() - v.len() + 1, |out| divide(out, &mut dividend, &normal));
        let remainder = filled(v.len(), |out| shift_right(out, &dividend[..v.len() + 1], shift));
        (value(&quotient), value(&remainder))
    }

    #[test]
    fn division_where_the_estimate_is_too_large() {
        // The classic cases: an estimate that is corrected twice, and one that is added back.
        for (u, v) in [
            (0x7fff_8000_0000_0000_u128, 0x8000_0000_0001_u128),
            (0x8000_0000_0000_0003, 0x2000_0000_0001),
            (0x8000_0000_fffe_0000, 0x8000_0000_ffff),
            (u128::MAX, 0xffff_ffff_ffff),
            (u128::MAX, 0x1_0000),
        ] {
            assert_eq!(long_division(u, v), (u / v, u % v), "{u:#x} / {v:#x}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_wide_integers(u: u128, v: u128, small in 1..=Digit::MAX, cut in 0..112_u32) {
            let (u, v) = (u >> 1, v >> 1 >> cut);
            let (larger, smaller) = (u.max(v), u.min(v));
            let (long, short) = (trimmed(larger), trimmed(smaller));
            prop_assert_eq!(value(&filled(long.len() + 1, |out| add(out, &long, &short))), larger + smaller);
            prop_assert_eq!(value(&filled(long.len(), |out| subtract(out, &long, &short))), larger - smaller);
            prop_assert_eq!(compare(&trimmed(u), &trimmed(v)), u.cmp(&v));
            let mut remainder = 0;
            let quotient = filled(long.len(), |out| remainder = divide_small(out, &long, small));
            prop_assert_eq!(value(&quotient), larger / u128::from(small));
            prop_assert_eq!(u128::from(remainder), larger % u128::from(small));
            prop_assert_eq!(remainder_small(&long, small), remainder);
            if smaller > u128::from(Digit::MAX) {
                prop_assert_eq!(long_division(larger, smaller), (larger / smaller, larger % smaller));
            }
        }

        #[test]
        fn products_agree_with_wide_integers(u: u64, v: u64) {
            let (a, b) = (trimmed(u.into()), trimmed(v.into()));
            let product = filled(a.len() + b.len(), |out| multiply(out, &a, &b));
            prop_assert_eq!(value(&product), u128::from(u) * u128::from(v));
        }
    }
}
