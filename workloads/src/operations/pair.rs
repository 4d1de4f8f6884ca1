//! A block that is freed at once.

use std::hint::black_box;

use super::{Operation, end, make};
use crate::api::{Api, Request};

/// The shortest way through malloc and free, for blocks of `SIZE` bytes at multiples of `ALIGN`.
#[derive(Debug)]
pub struct Pair<const SIZE: usize, const ALIGN: usize>;

impl<const SIZE: usize, const ALIGN: usize> Operation for Pair<SIZE, ALIGN> {
    const TIMES: u64 = 30_000_000;

    fn prepare<A: Api>() -> Self {
        Self
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let request = Request::aligned(black_box(SIZE), ALIGN);
        // SAFETY: the block was made for this request just before.
        (0..times).map(|time| unsafe { end::<A>(make::<A>(request, time as u8), request) }).sum()
    }
}
