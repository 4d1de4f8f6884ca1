//! cache-scratch: every thread is handed a tiny block that the main thread made, frees it, and then
//! writes to blocks of its own; blocks of different threads in one cache line cost it dearly.
//!
//! The unit of `--ops` is one write to one block, summed over the threads, for each of the
//! blocks a thread makes.

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::Size;
use crate::threads::{self, Job, MAX_THREADS};

/// Blocks each thread makes, one after the other.
const BLOCKS: u64 = 1_000;

/// Writes to each block, shared out among the threads, at every size.
const fn writes(size: Size) -> u64 {
    match size {
        Size::Check => 20_000,
        Size::Quick => 400_000,
        Size::Calibrated | Size::Full => 2_000_000,
    }
}

/// Bytes in a block.
const BLOCK_SIZE: usize = 1;
const BLOCK: Request = Request::bytes(BLOCK_SIZE);

/// What false sharing happens in.
const CACHE_LINE: usize = 64;

/// The row; with one thread it says what the work costs without any sharing.
#[derive(Debug)]
pub struct CacheScratch<const SCALED: bool>;

impl<const SCALED: bool> Workload for CacheScratch<SCALED> {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, if SCALED { params.threads } else { 1 })?;
        let writes = params.ops.unwrap_or(writes(params.size)) / threads as u64;
        let result = perform::<A>(Plan { threads, blocks: BLOCKS, writes }, meter);
        Ok(Outcome {
            operations: result.writes,
            timed: false,
            figure: format!(
                "{threads} threads, {BLOCKS} blocks each; {} of them shared a cache line at first",
                result.sharing
            ),
            checksum: Some(digest([threads as u64, result.blocks, result.writes])),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    threads: usize,
    /// Blocks per thread.
    blocks: u64,
    /// Writes per block.
    writes: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Done {
    blocks: u64,
    writes: u64,
    /// Threads whose first own block is in a cache line with that of another thread.
    sharing: usize,
}

fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Done {
    let mut scratchers = Vec::with_capacity(plan.threads);
    meter.start();
    scratchers.extend((0..plan.threads).map(|_| Scratcher::<A>::new(plan, A::alloc(BLOCK))));
    threads::run_all::<A, _>(&mut scratchers, || ());
    meter.stop::<A>();
    Done {
        blocks: scratchers.iter().map(|scratcher| scratcher.blocks).sum(),
        writes: scratchers.iter().map(|scratcher| scratcher.writes).sum(),
        sharing: sharing(&scratchers.iter().map(|scratcher| scratcher.first).collect::<Vec<_>>()),
    }
}

/// How many of the addresses are in a cache line with another one.
fn sharing(addresses: &[usize]) -> usize {
    let line = |address: &usize| address / CACHE_LINE;
    let in_line = |wanted| addresses.iter().filter(|address| line(address) == wanted).count();
    addresses.iter().filter(|address| in_line(line(address)) > 1).count()
}

struct Scratcher<A> {
    plan: Plan,
    inherited: NonNull<u8>,
    blocks: u64,
    writes: u64,
    first: usize,
    api: PhantomData<fn() -> A>,
}

// SAFETY: the inherited block belongs to the scratcher alone.
unsafe impl<A> Send for Scratcher<A> {}

impl<A> Scratcher<A> {
    fn new(plan: Plan, inherited: NonNull<u8>) -> Scratcher<A> {
        Scratcher { plan, inherited, blocks: 0, writes: 0, first: 0, api: PhantomData }
    }
}

impl<A: Api> Job for Scratcher<A> {
    fn run(&mut self) {
        // SAFETY: the main thread made the block for this request and handed it over.
        unsafe { A::free_foreign(self.inherited, BLOCK) };
        // The result is written at the end: jobs lie side by side and would share cache lines.
        let (mut blocks, mut writes, mut first) = (0, 0, 0);
        for _ in 0..self.plan.blocks {
            let block = A::alloc(BLOCK);
            if blocks == 0 {
                first = block.addr().get();
            }
            // SAFETY: the block has `BLOCK_SIZE` bytes and is freed once.
            unsafe {
                scratch(block, self.plan.writes);
                A::free(block, BLOCK);
            }
            blocks += 1;
            writes += self.plan.writes * BLOCK_SIZE as u64;
        }
        (self.blocks, self.writes, self.first) = (blocks, writes, first);
    }
}

/// Writes every byte and reads it back, `times` times.
///
/// # Safety
/// The block has `BLOCK_SIZE` bytes.
#[inline]
unsafe fn scratch(block: NonNull<u8>, times: u64) {
    for _ in 0..times {
        for index in 0..BLOCK_SIZE {
            // SAFETY: the index is inside of the block. Both accesses are volatile, so that each
            // of them goes to the cache line.
            unsafe {
                block.add(index).write_volatile(index as u8);
                block.add(index).read_volatile();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    #[test]
    fn every_block_is_allocated_and_the_first_ones_are_freed_elsewhere() {
        for threads in [1, 2, 5] {
            let mut meter = Meter::default();
            Counted::<Global>::take_counts();
            let done = perform::<Counted<Global>>(Plan { threads, blocks: 10, writes: 3 }, &mut meter);
            let threads = threads as u64;
            let calls = 10 * threads + threads;
            let expected =
                Counts { allocations: calls, frees: calls, bytes: calls, cross_thread_frees: threads };
            assert_eq!(meter.counts(), expected);
            assert_eq!((done.blocks, done.writes), (10 * threads, 30 * threads));
        }
    }

    #[test]
    fn sharing_counts_threads() {
        assert_eq!(sharing(&[0, 63, 64, 200, 210, 255]), 5);
        assert_eq!(sharing(&[0, 64, 128]), 0);
    }

    #[test]
    fn full_size_makes_a_thousand_blocks_per_thread_and_two_billion_writes() {
        assert_eq!(BLOCKS * writes(Size::Full), 2_000_000_000);
        assert_eq!(BLOCK.size(), 1);
    }
}
