//! mleak: thousands of threads that live for one block each, to see whether an allocator loses memory
//! with every thread that ends. Memory is the figure of merit, and it must not grow with the work.
//!
//! The unit of `--ops` is one round of ten threads.

use std::array;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::Size;
use crate::threads::{self, Job};

/// Rounds, at every size. The full size is the original's `50`.
const fn rounds(size: Size) -> u64 {
    match size {
        Size::Check => 50,
        Size::Quick => 300,
        Size::Calibrated => 1_000,
        Size::Full => 5_000,
    }
}

/// Threads of a round. All have ended before the next begins.
const THREADS: usize = 10;

/// What every thread asks for.
const BLOCK: Request = Request::bytes(128);

/// Places for blocks of threads that have ended.
type Table = [AtomicPtr<u8>; 1_000];

/// The row.
#[derive(Debug)]
pub struct Mleak;

impl Workload for Mleak {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let done = perform::<A>(params.ops.unwrap_or(rounds(params.size)), meter);
        Ok(Outcome {
            operations: done.threads,
            timed: false,
            figure: format!("{} threads in {:.3} s", done.threads, meter.elapsed().as_secs_f64()),
            checksum: Some(digest([done.threads, done.left])),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    threads: u64,
    /// Blocks that were still in the table at the end.
    left: u64,
}

fn perform<A: Api>(rounds: u64, meter: &mut Meter) -> Done {
    let table: Table = [const { AtomicPtr::new(ptr::null_mut()) }; _];
    let mut next_place = places(table.len());
    let mut done = Done { threads: 0, left: 0 };
    meter.start();
    for _ in 0..rounds {
        let mut guests: [_; THREADS] =
            array::from_fn(|_| Guest::<A> { place: &table[next_place()], api: PhantomData });
        threads::run_all::<A, _>(&mut guests, || ());
        done.threads += THREADS as u64;
    }
    // SAFETY: all threads have ended, and blocks are put into the table by `leave` alone.
    done.left = table.iter().map(|place| u64::from(unsafe { leave::<A>(place, None) })).sum();
    meter.stop::<A>();
    done
}

/// Draws a place for each thread, from the main thread, so that they are the same in every run.
fn places(count: usize) -> impl FnMut() -> usize {
    let mut state = 0_u64;
    // SplitMix64: a counter in large steps, its bits stirred.
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = state;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        (number % count as u64) as usize
    }
}

/// A thread.
struct Guest<'a, A> {
    place: &'a AtomicPtr<u8>,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Job for Guest<'_, A> {
    fn run(&mut self) {
        let block = A::alloc_zeroed(BLOCK);
        // SAFETY: the block is this thread's own, and all others in the table came the same way.
        unsafe { leave::<A>(self.place, Some(block)) };
    }
}

/// Puts a block, or none, into a place and frees what was there, which another thread made. Tells
/// whether there was something.
///
/// # Safety
/// `block` came from `A` as a [`BLOCK`] and is not used after this, and so did what is in the table.
unsafe fn leave<A: Api>(place: &AtomicPtr<u8>, block: Option<NonNull<u8>>) -> bool {
    let block = block.map_or(ptr::null_mut(), NonNull::as_ptr);
    let Some(found) = NonNull::new(place.swap(block, Ordering::AcqRel)) else { return false };
    // SAFETY: a block in the table came from `A` for this request, and the exchange has left it to
    // this thread alone.
    unsafe { A::free_foreign(found, BLOCK) };
    true
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn counted(rounds: u64) -> (Done, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let done = perform::<Counted<Global>>(rounds, &mut meter);
        (done, meter.counts())
    }

    #[test]
    fn every_thread_makes_one_block_and_all_are_freed_elsewhere() {
        for rounds in [1, 70, 500] {
            let (done, counts) = counted(rounds);
            let threads = 10 * rounds;
            let expected = Counts {
                allocations: threads,
                frees: threads,
                bytes: 128 * threads,
                cross_thread_frees: threads,
            };
            assert_eq!((done.threads, counts), (threads, expected));
        }
    }

    #[test]
    fn threads_free_what_they_find() {
        // What is left is a block in every place that was drawn: all others were freed by threads.
        let (done, _) = counted(70);
        let mut next_place = places(1_000);
        let drawn: HashSet<usize> = (0..700).map(|_| next_place()).collect();
        assert_eq!(done.left, drawn.len() as u64);
        // Random places are hit with probability 1 - e^-0.7.
        assert!((480..530).contains(&done.left), "{}", done.left);
    }

    #[test]
    fn full_size_has_fifty_thousand_threads() {
        assert_eq!(rounds(Size::Full) * THREADS as u64, 50_000);
    }
}
