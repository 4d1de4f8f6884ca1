//! What is fixed before the search: the multiplier, the primes that are tried, and where a
//! hopeless trial division is broken off.

use std::ptr::NonNull;
use std::slice;
use std::sync::OnceLock;

use super::big::Big;
use super::digits::Digit;
use super::functions::power_modulo;
use crate::api::{Api, Request};

/// How many times a trial division may be broken off.
const ABORTS: u32 = 3;

/// Multipliers below this one are considered.
const MULTIPLIERS: u32 = 5;

/// Primes that fit in a digit.
const PRIMES: usize = 6_542;

/// The largest of them.
const LARGEST_PRIME: Digit = 65_521;

/// All primes of one digit. The table is static, as in the original; call this once before the
/// clock runs.
pub(super) fn primes() -> &'static [Digit; PRIMES] {
    static TABLE: OnceLock<[Digit; PRIMES]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut composite = [false; 1 << Digit::BITS];
        let mut table = [0; PRIMES];
        let mut count = 0;
        for number in 2..composite.len() {
            if !composite[number] {
                table[count] = number as Digit;
                count += 1;
                (number * number..composite.len())
                    .step_by(number)
                    .for_each(|multiple| composite[multiple] = true);
            }
        }
        table
    })
}

/// `exp(y * sqrt(ln k * ln ln k))`, the measure in which all bounds are expressed.
fn bound(number: f64, y: f64) -> f64 {
    let log = number.ln();
    (y * (log * log.ln()).sqrt()).exp()
}

/// The primes `number` is a square modulo, and 2; a heap array of 32-bit integers.
pub(super) struct FactorBase<A: Api> {
    array: NonNull<u32>,
    capacity: usize,
    length: usize,
    api: std::marker::PhantomData<A>,
}

impl<A: Api> FactorBase<A> {
    /// The first `length` primes, or all up to the best bound for the size of `multiplier * n`.
    pub(super) fn new(n: &Big<A>, multiplier: u32, length: Option<usize>) -> FactorBase<A> {
        let number = Big::from_unsigned(multiplier) * n.clone();
        let largest = match length {
            Some(_) => LARGEST_PRIME,
            None => {
                let y = 1.0 / (6.0 + 2.0 / f64::from(ABORTS + 1)).sqrt();
                // A bound beyond all primes is cut to what the table has.
                bound(number.to_double(), y).round() as Digit
            }
        };
        let capacity = primes().partition_point(|&prime| prime <= largest).max(1);
        let array = A::alloc(Request::array::<u32>(capacity)).cast();
        let mut base = FactorBase { array, capacity, length: 0, api: std::marker::PhantomData };
        base.push(2);
        for &prime in &primes()[1..] {
            if length == Some(base.length) || base.last() >= largest {
                break;
            }
            let exponent = Big::from_unsigned(u32::from(prime - 1) / 2);
            let residue = power_modulo(number.clone(), exponent, Big::from_unsigned(prime.into()));
            if residue.is_at_most(1) {
                base.push(prime);
            }
        }
        base
    }

    fn push(&mut self, prime: Digit) {
        assert!(self.length < self.capacity, "the array has room for all primes up to the bound");
        // SAFETY: the index is inside of the array.
        unsafe { self.array.add(self.length).write(prime.into()) };
        self.length += 1;
    }

    /// The primes, ascending.
    #[inline]
    pub(super) fn primes(&self) -> &[u32] {
        // SAFETY: `push` wrote the first `length` elements.
        unsafe { slice::from_raw_parts(self.array.as_ptr(), self.length) }
    }

    fn last(&self) -> Digit {
        // Only digits are pushed.
        self.primes()[self.length - 1] as Digit
    }
}

impl<A: Api> Drop for FactorBase<A> {
    fn drop(&mut self) {
        // SAFETY: `new` made the array for this request, and it is freed only here.
        unsafe { A::free(self.array.cast(), Request::array::<u32>(self.capacity)) };
    }
}

/// The multiplier that promises most small factors, and the length of its factor base.
pub(super) fn best_multiplier<A: Api>(n: &Big<A>) -> (u32, usize) {
    let mut best = (0, 0);
    let mut most = f32::MIN;
    for multiplier in 1..MULTIPLIERS {
        let number = Big::from_unsigned(multiplier) * n.clone();
        let base = FactorBase::new(n, multiplier, None);
        let last = base.last();
        let mut sum = 0.0_f32;
        for &prime in primes().iter().take_while(|&&prime| prime <= last) {
            sum = (f64::from(sum) + f64::from(promise(prime, number.clone())) * f64::from(prime).ln()) as f32;
        }
        sum = (f64::from(sum) - 0.5 * f64::from(multiplier).ln()) as f32;
        if sum > most {
            most = sum;
            best = (multiplier, base.length);
        }
    }
    best
}

/// How often a prime is expected to divide: Knuth, section 4.5.4, exercise 28.
fn promise<A: Api>(prime: Digit, number: Big<A>) -> f32 {
    if prime > 2 {
        let exponent = Big::from_unsigned(u32::from(prime - 1) / 2);
        let p = f32::from(prime);
        let residue = power_modulo(number, exponent, Big::from_unsigned(prime.into()));
        // The original's 1 is on the heap here.
        return if residue == Big::from_unsigned(1) { 2.0 * p / (p * p - 1.0) } else { 0.0 };
    }
    if number.is_odd() {
        let residue = number % Big::from_unsigned(8);
        return if residue.is(1) {
            4.0 / 3.0
        } else if residue.is(5) {
            2.0 / 3.0
        } else {
            1.0 / 3.0
        };
    }
    let half = number.halve();
    if half.is_odd() { 1.0 / 3.0 } else { 2.0 / 3.0 + promise(2, half) / 2.0 }
}

/// Where a trial division is broken off: before `prime`, if more than `bound` is left.
pub(super) struct EarlyAbort<A: Api> {
    pub(super) prime: u32,
    pub(super) bound: Big<A>,
}

/// The places for early aborts, in the order of their primes.
pub(super) fn early_aborts<A: Api>(
    number: &Big<A>,
    base: &FactorBase<A>,
) -> [Option<EarlyAbort<A>>; ABORTS as usize] {
    let mut places = [const { None }; ABORTS as usize];
    let value = number.to_double();
    let x = 1.0 / f64::from(ABORTS + 1);
    let step = x / (6.0 + 2.0 * x).sqrt();
    let (mut t, mut c) = (0.0, 1.0);
    for (place, nth) in places.iter_mut().zip(1_u32..) {
        t += step;
        c -= 4.0 * t * t / f64::from(nth);
        let least = bound(value, t).round();
        let Some(&prime) = base.primes().iter().find(|&&prime| f64::from(prime) >= least) else { break };
        *place = Some(EarlyAbort { prime, bound: Big::from_double(value.powf(c / 2.0)) });
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;

    type Number = Big<Global>;

    fn number(text: &str) -> Number {
        Number::from_decimal(text).expect("a decimal number")
    }

    #[test]
    fn all_primes_of_a_digit() {
        assert_eq!((primes()[0], primes()[PRIMES - 1]), (2, LARGEST_PRIME));
        assert!(primes().is_sorted());
    }

    #[test]
    fn early_abort_primes_of_the_42_digit_number() {
        let n = number("175451865205073170563711388363274837927895");
        let (multiplier, length) = best_multiplier(&n);
        assert_eq!((multiplier, length), (3, 270));
        let base = FactorBase::new(&n, multiplier, Some(length));
        let k = Big::from_unsigned(multiplier) * n;
        assert_eq!(base.primes().len(), 270);
        let primes = early_aborts(&k, &base).map(|place| place.map(|place| place.prime));
        assert_eq!(primes, [Some(11), Some(67), Some(479)]);
    }
}
