//! Blocks that change their size.

use std::hint::black_box;
use std::ptr::NonNull;

use super::{Operation, end, make};
use crate::api::{Api, Request};

/// What a growing vector asks for: from 64 bytes to 1 MiB, each time twice as much. Only its first byte is ever written.
#[derive(Debug)]
pub struct Grow;

impl Operation for Grow {
    const TIMES: u64 = 20_000;

    fn prepare<A: Api>() -> Self {
        Self
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let mut sum = 0;
        for time in 0..times {
            let mut request = Request::aligned(64, 8);
            let mut block = make::<A>(request, time as u8);
            while request.size() < 1 << 20 {
                let size = 2 * request.size();
                // SAFETY: the block was made, or made as large as this, for the request that is passed on.
                block = unsafe { A::realloc(block, request, size) };
                request = Request::aligned(size, 8);
            }
            // SAFETY: the block has that size now, and its first byte went with it.
            sum += unsafe { end::<A>(block, request) };
        }
        sum
    }
}

/// A block that becomes a little larger and as small again. Both sizes need a block of the same size, in every allocator
/// that has blocks of certain sizes only.
#[derive(Debug)]
pub struct Resize {
    block: NonNull<u8>,
}

const SMALL: usize = 900;
const LARGE: usize = 1_000;

impl Operation for Resize {
    const TIMES: u64 = 15_000_000;

    fn prepare<A: Api>() -> Self {
        Self { block: make::<A>(Request::aligned(SMALL, 8), 0) }
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let (small, large) = (black_box(SMALL), black_box(LARGE));
        let mut sum = 0;
        for time in 0..times {
            // SAFETY: the block is as large as its request says each time, and the last one is kept.
            unsafe {
                let larger = A::realloc(self.block, Request::aligned(small, 8), large);
                larger.write_volatile(time as u8);
                self.block = A::realloc(larger, Request::aligned(large, 8), small);
                sum += u64::from(self.block.read_volatile());
            }
        }
        sum
    }

    fn finish<A: Api>(self) {
        // SAFETY: the block is the last one that was made, and has this size again.
        unsafe { A::free(self.block, Request::aligned(SMALL, 8)) };
    }
}
