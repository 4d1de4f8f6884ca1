//! A block of zeroes.

use std::hint::black_box;

use super::Operation;
use crate::api::{Api, Request};

/// Bytes of the block.
const SIZE: usize = 64 << 10;

/// A large block of zeroes that is freed at once, with something else in it.
#[derive(Debug)]
pub struct Zeroed;

impl Operation for Zeroed {
    const TIMES: u64 = 100_000;

    fn prepare<A: Api>() -> Self {
        Self
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let request = Request::aligned(black_box(SIZE), 8);
        let mut sum = 0;
        for time in 0..times {
            let first = A::alloc_zeroed(request);
            // SAFETY: both bytes are in the block, which is freed once.
            unsafe {
                for byte in [first, first.add(request.size() - 1)] {
                    sum += u64::from(byte.read_volatile() == 0);
                    byte.write_volatile(!(time as u8));
                }
                A::free(first, request);
            }
        }
        sum
    }
}
