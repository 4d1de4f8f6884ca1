//! Replaces a random one of many blocks of different sizes.

use std::mem;
use std::ptr::NonNull;

use super::{Operation, end, make};
use crate::api::{Api, Request};

/// Blocks that are alive.
const SLOTS: usize = 100_000;
/// Sizes are below this many bytes more than the least, which is 8.
const SIZES: u64 = 500;

/// A table of blocks.
#[derive(Debug)]
pub struct Replacement {
    slots: Vec<(NonNull<u8>, Request)>,
    place: usize,
    random: u64,
}

impl Replacement {
    /// A block of a random size. Its mark depends on the same number.
    #[inline]
    fn fresh<A: Api>(&mut self) -> (NonNull<u8>, Request) {
        // Marsaglia's xorshift: there are no numbers that take less time to draw.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let request = Request::aligned(8 + ((self.random >> 20) % SIZES) as usize, 8);
        (make::<A>(request, self.random as u8), request)
    }
}

impl Operation for Replacement {
    const TIMES: u64 = 2_500_000;

    fn prepare<A: Api>() -> Self {
        let mut all = Self { slots: Vec::with_capacity(SLOTS), place: 1, random: 1 };
        for _ in 0..SLOTS {
            let fresh = all.fresh::<A>();
            all.slots.push(fresh);
        }
        all
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let mut sum = 0;
        for _ in 0..times {
            // A full cycle through the slots, in an order that no hardware foresees.
            self.place = (self.place * 69_061 + 1) % SLOTS;
            let fresh = self.fresh::<A>();
            let (block, request) = mem::replace(&mut self.slots[self.place], fresh);
            // SAFETY: the block was made for this request, and the table forgot it.
            sum += unsafe { end::<A>(block, request) };
        }
        sum
    }

    fn finish<A: Api>(self) {
        for (block, request) in self.slots {
            // SAFETY: what is in the table was made for the request beside it, and was not freed.
            unsafe { A::free(block, request) };
        }
    }
}
