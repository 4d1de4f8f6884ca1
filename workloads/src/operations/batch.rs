//! Blocks of one size that are freed when all of them are there.

use std::hint::black_box;
use std::ptr::NonNull;

use super::{Operation, end, make};
use crate::api::{Api, Request};

/// Blocks of a batch.
const BATCH: usize = 100;
/// Bytes of each.
const SIZE: usize = 64;

/// A batch; what was made last is freed first if `LAST_FIRST`, else what was made first.
#[derive(Debug)]
pub struct Batch<const LAST_FIRST: bool> {
    blocks: [NonNull<u8>; BATCH],
}

impl<const LAST_FIRST: bool> Operation for Batch<LAST_FIRST> {
    const TIMES: u64 = 300_000;

    fn prepare<A: Api>() -> Self {
        Self { blocks: [NonNull::dangling(); BATCH] }
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let request = Request::aligned(black_box(SIZE), 8);
        // SAFETY: each block was made for this request just before, and is passed once.
        let end = |block: &NonNull<u8>| unsafe { end::<A>(*block, request) };
        let mut sum = 0;
        for time in 0..times {
            for (index, block) in self.blocks.iter_mut().enumerate() {
                *block = make::<A>(request, (time as usize + index) as u8);
            }
            sum += if LAST_FIRST {
                self.blocks.iter().rev().map(end).sum::<u64>()
            } else {
                self.blocks.iter().map(end).sum()
            };
        }
        sum
    }
}
