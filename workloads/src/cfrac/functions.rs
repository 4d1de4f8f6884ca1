//! Number theory on the integers of the heap.

use super::big::Big;
use crate::api::Api;

/// The integer part of the square root, by Newton's method from above.
pub(super) fn square_root<A: Api>(y: Big<A>) -> Big<A> {
    let mut x = y.clone();
    loop {
        let next = (x.clone() + y.clone() / x.clone()).halve();
        if next >= x {
            return x;
        }
        x = next;
    }
}

/// `base ^ exponent mod modulus`, from the exponent's lowest bit up. The base is squared once
/// more than needed, as in the original.
pub(super) fn power_modulo<A: Api>(base: Big<A>, exponent: Big<A>, modulus: Big<A>) -> Big<A> {
    let mut result = Big::one();
    let mut square = base;
    let mut left = exponent;
    while !left.is(0) {
        if left.is_odd() {
            result = result * square.clone() % modulus.clone();
        }
        left = left.halve();
        square = square.clone() * square % modulus.clone();
    }
    result
}

/// `base ^ exponent`.
pub(super) fn power<A: Api>(base: Big<A>, exponent: Big<A>) -> Big<A> {
    let mut result = Big::one();
    let mut square = base;
    let mut left = exponent;
    loop {
        if left.is_odd() {
            result = result * square.clone();
        }
        left = left.halve();
        if left.is(0) {
            return result;
        }
        square = square.clone() * square;
    }
}

/// The greatest common divisor.
pub(super) fn common_divisor<A: Api>(u: Big<A>, v: Big<A>) -> Big<A> {
    let (mut u, mut v) = (u, v);
    while !v.is(0) {
        (u, v) = (v.clone(), u % v);
    }
    u
}
