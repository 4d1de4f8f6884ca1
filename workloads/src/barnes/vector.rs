//! Points and directions in space.

use std::array::from_fn;

pub(super) type Vector = [f64; 3];

#[inline]
pub(super) fn plus(a: Vector, b: Vector) -> Vector {
    from_fn(|k| a[k] + b[k])
}

#[inline]
pub(super) fn minus(a: Vector, b: Vector) -> Vector {
    from_fn(|k| a[k] - b[k])
}

#[inline]
pub(super) fn times(a: Vector, factor: f64) -> Vector {
    a.map(|coordinate| coordinate * factor)
}

#[inline]
pub(super) fn squared(a: Vector) -> f64 {
    a[0] * a[0] + a[1] * a[1] + a[2] * a[2]
}
