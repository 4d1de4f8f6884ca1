//! malloc-large: one thread replaces random buffers of 5 to 25 MiB and fills each new one before it
//! frees the old one.
//!
//! The unit of `--ops` is one buffer.

use std::hint::black_box;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::Size;
use crate::uniform::Uniform;

/// Buffers made, at every size. Both presets are the same.
const fn replacements(size: Size) -> u64 {
    match size {
        Size::Check => 5,
        Size::Quick => 40,
        Size::Calibrated => 100,
        Size::Full => 2_000,
    }
}

/// Buffers there are at a time.
const BUFFERS: usize = 20;

const MEBIBYTE: u32 = 1 << 20;
const SMALLEST: u32 = 5 * MEBIBYTE;
const LARGEST: u32 = 25 * MEBIBYTE;

const SEED: u32 = 42;

/// The row.
#[derive(Debug)]
pub struct MallocLarge;

impl Workload for MallocLarge {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let replacements = params.ops.unwrap_or(replacements(params.size));
        let done = perform::<A>(replacements, meter);
        let Tally { made, bytes, live, most_live, intact } = done;
        Ok(Outcome {
            operations: made,
            timed: false,
            figure: format!("{made} buffers of {bytes} bytes in all, {most_live} bytes at most at a time"),
            checksum: Some(digest([made, bytes, live, most_live, intact])),
        })
    }
}

/// Where the next buffer goes and how large it is.
struct Choices(Uniform);

impl Choices {
    fn new() -> Choices {
        Choices(Uniform::new(SEED))
    }

    fn draw(&mut self) -> (usize, usize) {
        let index = self.0.below(BUFFERS as u32);
        let size = SMALLEST + self.0.below(LARGEST - SMALLEST + 1);
        (index as usize, size as usize)
    }
}

/// What the buffers add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    made: u64,
    bytes: u64,
    live: u64,
    most_live: u64,
    /// Buffers that held what was written into them when they were given up.
    intact: u64,
}

impl Tally {
    fn add(&mut self, size: usize) {
        self.made += 1;
        self.bytes += size as u64;
        self.live += size as u64;
        self.most_live = self.most_live.max(self.live);
    }

    fn remove(&mut self, size: usize, intact: bool) {
        self.live -= size as u64;
        self.intact += u64::from(intact);
    }
}

fn perform<A: Api>(replacements: u64, meter: &mut Meter) -> Tally {
    let mut choices = Choices::new();
    let mut buffers = [const { None::<Buffer<A>> }; BUFFERS];
    let mut tally = Tally::default();
    meter.start();
    for _ in 0..replacements {
        let (index, size) = choices.draw();
        let new = Buffer::<A>::filled(size, !(tally.made as u8));
        tally.add(size);
        if let Some(old) = buffers[index].replace(new) {
            tally.remove(old.size, old.is_intact(old.size / 2));
        }
    }
    meter.stop::<A>();
    tally.intact += buffers.iter().flatten().map(|buffer| u64::from(buffer.is_intact(1 << 10))).sum::<u64>();
    drop(buffers);
    tally
}

/// One block from `A`, its size, and what is in each of its bytes.
struct Buffer<A: Api> {
    block: NonNull<u8>,
    size: usize,
    filling: u8,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Buffer<A> {
    /// A buffer whose every byte was written.
    fn filled(size: usize, filling: u8) -> Buffer<A> {
        let block = A::alloc(Request::bytes(size));
        // SAFETY: the block has `size` bytes.
        unsafe { block.write_bytes(filling, size) };
        // Hardly anybody reads the buffer, and the compiler must not know.
        Buffer { block: black_box(block), size, filling, api: PhantomData }
    }

    /// Whether it holds what was written, as far as one byte in `step` and the last one tell.
    fn is_intact(&self, step: usize) -> bool {
        let mut looked_at = (0..self.size).step_by(step).chain([self.size - 1]);
        // SAFETY: these bytes are in the block, all of which was written.
        looked_at.all(|index| unsafe { self.block.add(index).read() } == self.filling)
    }
}

impl<A: Api> Drop for Buffer<A> {
    fn drop(&mut self) {
        // SAFETY: the block came from `A` for this size, and the buffer was all that refers to it.
        unsafe { A::free(self.block, Request::bytes(self.size)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Global, Libc};
    use crate::counted::Counted;
    use crate::protocol::Counts;
    use crate::strict::Strict;

    /// The tally of a run, without the buffers.
    fn expected(replacements: u64) -> Tally {
        let mut choices = Choices::new();
        let mut sizes = [0; BUFFERS];
        let mut tally = Tally::default();
        for _ in 0..replacements {
            let (index, size) = choices.draw();
            tally.add(size);
            let old = std::mem::replace(&mut sizes[index], size);
            tally.remove(old, old > 0);
        }
        tally.intact = replacements;
        tally
    }

    #[test]
    fn full_size_makes_two_thousand_buffers_of_the_known_sizes() {
        // The same program in C++ gets these from its standard library's generator and distributions.
        let known = Tally {
            made: 2_000,
            bytes: 31_879_034_246,
            live: 295_589_406,
            most_live: 416_442_509,
            intact: 2_000,
        };
        assert_eq!(expected(replacements(Size::Full)), known);
    }

    #[test]
    fn sizes_are_within_their_bounds_and_reach_them() {
        let mut choices = Choices::new();
        let drawn: Vec<_> = (0..10_000).map(|_| choices.draw()).collect();
        let of = |megabyte: usize| move |&(_, size): &(usize, usize)| size >> 20 == megabyte;
        assert!(drawn.iter().all(|&(index, size)| index < BUFFERS && (5 << 20..=25 << 20).contains(&size)));
        assert!((0..BUFFERS).all(|index| drawn.iter().any(|choice| choice.0 == index)));
        assert!(drawn.iter().any(of(5)) && drawn.iter().any(of(24)));
    }

    #[test]
    fn a_buffer_is_replaced_after_the_new_one_was_filled() {
        type A = Counted<Global>;
        const REPLACEMENTS: u64 = 45;
        let mut meter = Meter::default();
        A::take_counts();
        let tally = perform::<A>(REPLACEMENTS, &mut meter);
        let mut choices = Choices::new();
        let mut used = [false; BUFFERS];
        (0..REPLACEMENTS).for_each(|_| used[choices.draw().0] = true);
        let kept = used.into_iter().filter(|&used| used).count() as u64;
        let frees = REPLACEMENTS - kept;
        let counts = Counts { allocations: REPLACEMENTS, frees, bytes: tally.bytes, cross_thread_frees: 0 };
        assert_eq!(meter.counts(), counts);
        assert_eq!(A::take_counts().frees, kept, "the rest is freed when nothing is measured any more");
        assert_eq!(tally, expected(REPLACEMENTS));
    }

    #[test]
    fn the_work_does_not_depend_on_the_allocator() {
        let meter = &mut Meter::default();
        assert_eq!(perform::<Libc>(12, meter), perform::<Strict>(12, meter));
    }
}
