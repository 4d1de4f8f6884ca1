//! The reference-counted integer: one heap block per number, with the digits behind its header.
//!
//! Operators take their operands by value: cloning one is counting a reference, and an operand
//! that nobody else holds is freed when the operation is done with it. Every operation makes
//! the blocks that the original makes, of the same sizes and also where a smaller one would do.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Rem, Sub};
use std::ptr::NonNull;
use std::slice;

use super::digits::{self, Digit, Out};
use crate::api::{Api, Request};

/// What stands before the digits.
#[repr(C)]
struct Header {
    references: Cell<u16>,
    /// Digits there is room for.
    allocated: u16,
    /// Digits without leading zeroes, at least one.
    used: u16,
    negative: bool,
}

/// A number that is not on the heap.
#[repr(C)]
struct Constant {
    header: Header,
    digit: Digit,
}

impl Constant {
    /// The constant holds the first reference itself, so the count never gets to zero.
    const fn new(digit: Digit) -> Constant {
        let header = Header { references: Cell::new(1), allocated: 1, used: 1, negative: false };
        Constant { header, digit }
    }
}

thread_local! {
    static CONSTANTS: [Constant; 3] = const { [Constant::new(0), Constant::new(1), Constant::new(2)] };
}

/// Room for any double.
const DIGITS_OF_DOUBLE: usize = 129;

/// Digits of the decimal representation that are converted at once.
const DECIMALS: usize = 9;
const CHUNK: u32 = 1_000_000_000;

/// An integer on the heap of `A`.
pub(super) struct Big<A: Api> {
    block: NonNull<Header>,
    api: PhantomData<A>,
}

fn request(digits: usize) -> Request {
    Request::aligned(size_of::<Header>() + digits * size_of::<Digit>(), align_of::<Header>())
}

/// A number whose digits are still to be written.
struct Fresh<A> {
    block: NonNull<Header>,
    count: u16,
    api: PhantomData<A>,
}

impl<A: Api> Fresh<A> {
    #[inline]
    fn new(count: usize) -> Fresh<A> {
        let block = A::alloc(request(count)).cast();
        let count = u16::try_from(count).expect("numbers have a few dozen digits");
        Fresh { block, count, api: PhantomData }
    }

    #[inline]
    fn digits(&mut self) -> &mut Out {
        // SAFETY: the block was made for `count` digits behind the header; nothing else refers to it.
        unsafe { slice::from_raw_parts_mut(self.block.add(1).cast().as_ptr(), usize::from(self.count)) }
    }

    /// Writes the header.
    ///
    /// # Safety
    /// All digits were written.
    #[inline]
    unsafe fn finish(mut self, negative: bool) -> Big<A> {
        // SAFETY: the caller says that all digits were written.
        let digits = unsafe { self.digits().assume_init_ref() };
        // As many as there is room for, less the leading zeroes: this fits.
        let used = digits.iter().rposition(|&digit| digit != 0).unwrap_or(0) as u16 + 1;
        let header = Header { references: Cell::new(1), allocated: self.count, used, negative };
        // SAFETY: the block has room for the header, and nothing else refers to it.
        unsafe { self.block.write(header) };
        Big { block: self.block, api: PhantomData }
    }
}

impl<A: Api> Big<A> {
    /// A number of `count` digits.
    ///
    /// # Safety
    /// `fill` writes all digits.
    #[inline]
    unsafe fn build(count: usize, negative: bool, fill: impl FnOnce(&mut Out)) -> Big<A> {
        let mut number = Fresh::new(count);
        fill(number.digits());
        // SAFETY: the caller says that all digits were written.
        unsafe { number.finish(negative) }
    }

    fn constant(index: usize) -> Big<A> {
        CONSTANTS.with(|constants| {
            let constant = NonNull::from_ref(&constants[index]);
            // The constant lives as long as the thread, which no `Big` leaves.
            let number = Big { block: constant.cast(), api: PhantomData };
            number.count_reference();
            number
        })
    }

    /// 0, not on the heap.
    pub(super) fn zero() -> Big<A> {
        Big::constant(0)
    }

    /// 1, not on the heap.
    pub(super) fn one() -> Big<A> {
        Big::constant(1)
    }

    /// 2, not on the heap.
    fn two() -> Big<A> {
        Big::constant(2)
    }

    /// A small number on the heap.
    pub(super) fn from_unsigned(value: u32) -> Big<A> {
        // SAFETY: both digits are written.
        unsafe {
            Big::build(2, false, |out| {
                out[0].write(value as Digit);
                out[1].write((value >> Digit::BITS) as Digit);
            })
        }
    }

    /// The integer part of a positive number.
    pub(super) fn from_double(value: f64) -> Big<A> {
        let range = f64::from(1_u32 << Digit::BITS);
        let mut scaled = value.trunc();
        let mut length = 0;
        while scaled >= 1.0 {
            scaled /= range;
            length += 1;
        }
        // SAFETY: digits from the top down, and zeroes above them, are written to the last.
        unsafe {
            Big::build(DIGITS_OF_DOUBLE, false, |out| {
                let (below, above) = out.split_at_mut(length);
                above.iter_mut().for_each(|place| _ = place.write(0));
                for place in below.iter_mut().rev() {
                    scaled *= range;
                    place.write(scaled as Digit);
                    scaled = scaled.fract();
                }
            })
        }
    }

    /// The nearest double, up to the rounding of the sum.
    pub(super) fn to_double(&self) -> f64 {
        let range = f64::from(1_u32 << Digit::BITS);
        self.digits().iter().rev().fold(0.0, |sum, &digit| sum * range + f64::from(digit))
    }

    /// The number with these decimal digits.
    pub(super) fn from_decimal(text: &str) -> Option<Big<A>> {
        let scale = Big::from_unsigned(CHUNK);
        let mut number = Big::zero();
        for chunk in text.as_bytes().rchunks(DECIMALS).rev() {
            let value = str::from_utf8(chunk).ok()?.parse().ok()?;
            number = number * scale.clone() + Big::from_unsigned(value);
        }
        Some(number)
    }

    /// The decimal digits, taken off nine at a time.
    ///
    /// # Panics
    /// If the number has more than 144 of them.
    pub(super) fn to_decimal(&self) -> Decimal {
        let mut decimal = Decimal { chunks: [0; 16], count: 0 };
        let scale = Big::from_unsigned(CHUNK);
        let mut rest = self.clone();
        while decimal.count == 0 || !rest.is(0) {
            let (quotient, chunk) = rest.divide(scale.clone());
            let value =
                chunk.digits().iter().rev().fold(0, |value, &digit| value << Digit::BITS | u32::from(digit));
            decimal.chunks[decimal.count] = value;
            decimal.count += 1;
            rest = quotient;
        }
        decimal
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the block lives at least as long as this reference to it, and after `build` only
        // the count of references, a cell, is written.
        unsafe { self.block.as_ref() }
    }

    #[inline]
    fn digits(&self) -> &[Digit] {
        let used = usize::from(self.header().used);
        // SAFETY: at least `used` digits follow the header, all written when it was built.
        unsafe { slice::from_raw_parts(self.block.add(1).cast::<Digit>().as_ptr(), used) }
    }

    #[inline]
    fn count_reference(&self) {
        let references = &self.header().references;
        references.set(references.get().checked_add(1).expect("a number has fewer than 65536 owners"));
    }

    /// Whether this is the small number `value`.
    #[inline]
    pub(super) fn is(&self, value: Digit) -> bool {
        self.digits() == [value]
    }

    #[inline]
    pub(super) fn is_odd(&self) -> bool {
        self.digits()[0] & 1 == 1
    }

    /// Whether this is at most the small number `value`.
    #[inline]
    pub(super) fn is_at_most(&self, value: Digit) -> bool {
        matches!(self.digits(), [digit] if *digit <= value)
    }

    /// The remainder of a division by a small number.
    #[inline]
    pub(super) fn remainder_small(&self, divisor: Digit) -> Digit {
        digits::remainder_small(self.digits(), divisor)
    }

    /// The quotient of a division by a small number.
    #[inline]
    pub(super) fn divide_small(self, divisor: Digit) -> Big<A> {
        let u = self.digits();
        // SAFETY: the division writes as many digits as `u` has.
        unsafe { Big::build(u.len(), false, |out| _ = digits::divide_small(out, u, divisor)) }
    }

    /// Half of the number, as a full division by two.
    #[inline]
    pub(super) fn halve(self) -> Big<A> {
        self.divide(Big::two()).0
    }

    /// Quotient and remainder of numbers that are not negative.
    ///
    /// # Panics
    /// If the divisor is zero.
    pub(super) fn divide(self, divisor: Big<A>) -> (Big<A>, Big<A>) {
        assert!(!divisor.is(0), "nothing is divided by zero");
        let (u, v) = (self.digits(), divisor.digits());
        if u.len() < v.len() {
            return (Big::zero(), self);
        }
        if let &[digit] = v {
            let mut rest = 0;
            // SAFETY: the division writes as many digits as `u` has, and the remainder is one.
            return unsafe {
                let quotient = Big::build(u.len(), false, |out| rest = digits::divide_small(out, u, digit));
                (quotient, Big::build(1, false, |out| _ = out[0].write(rest)))
            };
        }
        long_division(u, v)
    }

    /// The difference of the absolute values, as a number of the given sign if `u` is the larger one.
    #[inline]
    fn difference(u: &[Digit], v: &[Digit], negative: bool) -> Big<A> {
        let swap = digits::compare(u, v) == Ordering::Less;
        let (larger, smaller) = if swap { (v, u) } else { (u, v) };
        // SAFETY: the subtraction writes as many digits as the larger number has.
        unsafe { Big::build(larger.len(), negative != swap, |out| digits::subtract(out, larger, smaller)) }
    }

    #[inline]
    fn sum(u: &[Digit], v: &[Digit], negative: bool) -> Big<A> {
        let (longer, shorter) = if u.len() < v.len() { (v, u) } else { (u, v) };
        // SAFETY: the addition writes one digit more than the longer number has.
        unsafe { Big::build(longer.len() + 1, negative, |out| digits::add(out, longer, shorter)) }
    }
}

/// Division by at least two digits: four blocks, two of which are gone at the end.
fn long_division<A: Api>(u: &[Digit], v: &[Digit]) -> (Big<A>, Big<A>) {
    let n = v.len();
    let mut quotient = Fresh::new(u.len() - n + 1);
    let mut remainder = Fresh::new(n);
    let mut divisor = Fresh::<A>::new(n);
    let mut dividend = Fresh::<A>::new(u.len() + 1);
    let shift = v[n - 1].leading_zeros();
    digits::shift_left(divisor.digits(), v, shift);
    digits::shift_left(dividend.digits(), u, shift);
    // SAFETY: the shifts wrote all of both.
    let (v, u) = unsafe { (divisor.digits().assume_init_mut(), dividend.digits().assume_init_mut()) };
    digits::divide(quotient.digits(), u, v);
    digits::shift_right(remainder.digits(), &u[..=n], shift);
    // SAFETY: division and shifts wrote all of the four numbers.
    unsafe {
        drop((divisor.finish(false), dividend.finish(false)));
        (quotient.finish(false), remainder.finish(false))
    }
}

/// The decimal digits of a number, nine in each chunk, the lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    chunks: [u32; 16],
    count: usize,
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.chunks[..self.count].split_last().expect("a number has a digit");
        write!(out, "{first}")?;
        rest.iter().rev().try_for_each(|chunk| write!(out, "{chunk:0DECIMALS$}"))
    }
}

impl<A: Api> Clone for Big<A> {
    #[inline]
    fn clone(&self) -> Big<A> {
        self.count_reference();
        Big { block: self.block, api: PhantomData }
    }
}

impl<A: Api> Drop for Big<A> {
    #[inline]
    fn drop(&mut self) {
        let Header { references, allocated, .. } = self.header();
        references.set(references.get() - 1);
        if references.get() == 0 {
            let request = request(usize::from(*allocated));
            // SAFETY: this was the last reference, and constants, which are not on the heap, hold one
            // to themselves; `build` asked for the block with the same request.
            unsafe { A::free(self.block.cast(), request) };
        }
    }
}

impl<A: Api> PartialEq for Big<A> {
    #[inline]
    fn eq(&self, other: &Big<A>) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<A: Api> Eq for Big<A> {}

impl<A: Api> PartialOrd for Big<A> {
    #[inline]
    fn partial_cmp(&self, other: &Big<A>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A: Api> Ord for Big<A> {
    #[inline]
    fn cmp(&self, other: &Big<A>) -> Ordering {
        match (self.header().negative, other.header().negative) {
            (false, false) => digits::compare(self.digits(), other.digits()),
            (true, true) => digits::compare(other.digits(), self.digits()),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl<A: Api> Add for Big<A> {
    type Output = Big<A>;

    #[inline]
    fn add(self, other: Big<A>) -> Big<A> {
        let (sign, other_sign) = (self.header().negative, other.header().negative);
        if sign == other_sign {
            Big::sum(self.digits(), other.digits(), sign)
        } else {
            Big::difference(self.digits(), other.digits(), sign)
        }
    }
}

impl<A: Api> Sub for Big<A> {
    type Output = Big<A>;

    #[inline]
    fn sub(self, other: Big<A>) -> Big<A> {
        let (sign, other_sign) = (self.header().negative, other.header().negative);
        if sign == other_sign {
            Big::difference(self.digits(), other.digits(), sign)
        } else {
            Big::sum(self.digits(), other.digits(), sign)
        }
    }
}

impl<A: Api> Mul for Big<A> {
    type Output = Big<A>;

    #[inline]
    fn mul(self, other: Big<A>) -> Big<A> {
        let negative = self.header().negative != other.header().negative;
        let (u, v) = (self.digits(), other.digits());
        if self.is(0) || other.is(0) {
            // SAFETY: the one digit is written.
            return unsafe { Big::build(1, false, |out| _ = out[0].write(0)) };
        }
        // SAFETY: the multiplication writes as many digits as both factors have.
        unsafe { Big::build(u.len() + v.len(), negative, |out| digits::multiply(out, u, v)) }
    }
}

impl<A: Api> Div for Big<A> {
    type Output = Big<A>;

    #[inline]
    fn div(self, other: Big<A>) -> Big<A> {
        self.divide(other).0
    }
}

impl<A: Api> Rem for Big<A> {
    type Output = Big<A>;

    #[inline]
    fn rem(self, other: Big<A>) -> Big<A> {
        self.divide(other).1
    }
}
