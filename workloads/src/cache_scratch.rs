//! cache-scratch and cache-thrash: threads write to tiny blocks of their own, and blocks of different
//! threads in one cache line cost them dearly. In cache-scratch each thread is first handed a block
//! that the main thread made, and frees it; in cache-thrash it starts with nothing.
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
        Size::Calibrated => 1_000_000,
        Size::Full => 2_000_000,
    }
}

/// Bytes in a block.
const BLOCK_SIZE: usize = 1;
const BLOCK: Request = Request::bytes(BLOCK_SIZE);

/// What false sharing happens in.
const CACHE_LINE: usize = 64;

/// The rows whose threads inherit a block; with one thread it says what the work costs without any
/// sharing.
#[derive(Debug)]
pub struct CacheScratch<const SCALED: bool>;

impl<const SCALED: bool> Workload for CacheScratch<SCALED> {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        run::<A>(if SCALED { params.threads } else { 1 }, true, params, meter)
    }
}

/// The rows whose threads have nothing but what they allocate.
#[derive(Debug)]
pub struct CacheThrash<const SCALED: bool>;

impl<const SCALED: bool> Workload for CacheThrash<SCALED> {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        run::<A>(if SCALED { params.threads } else { 1 }, false, params, meter)
    }
}

fn run<A: Api>(
    threads: usize,
    inherit: bool,
    params: &Params,
    meter: &mut Meter,
) -> Result<Outcome, Failure> {
    let threads = at_most(MAX_THREADS, threads)?;
    let writes = params.ops.unwrap_or(writes(params.size)) / threads as u64;
    let result = perform::<A>(Plan { threads, inherit, blocks: BLOCKS, writes }, meter);
    Ok(Outcome {
        operations: result.writes,
        timed: false,
        figure: format!(
            "{threads} threads, {BLOCKS} blocks each; {} of them shared a cache line at first",
            result.sharing
        ),
        checksum: Some(digest([threads as u64, result.blocks, result.writes, result.intact])),
    })
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    threads: usize,
    /// Whether each thread is handed a block to free.
    inherit: bool,
    /// Blocks per thread.
    blocks: u64,
    /// Writes per block.
    writes: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Done {
    blocks: u64,
    writes: u64,
    /// Blocks that held at the end what their thread had written.
    intact: u64,
    /// Threads whose first own block is in a cache line with that of another thread.
    sharing: usize,
}

fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Done {
    let mut scratchers = Vec::with_capacity(plan.threads);
    meter.start();
    scratchers.extend(
        (0..plan.threads)
            .map(|number| Scratcher::<A>::new(plan, number as u8, plan.inherit.then(|| A::alloc(BLOCK)))),
    );
    threads::run_all::<A, _>(&mut scratchers, || ());
    meter.stop::<A>();
    Done {
        blocks: scratchers.iter().map(|scratcher| scratcher.blocks).sum(),
        writes: scratchers.iter().map(|scratcher| scratcher.writes).sum(),
        intact: scratchers.iter().map(|scratcher| scratcher.intact).sum(),
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
    /// What it writes.
    number: u8,
    inherited: Option<NonNull<u8>>,
    blocks: u64,
    writes: u64,
    intact: u64,
    first: usize,
    api: PhantomData<fn() -> A>,
}

// SAFETY: the inherited block belongs to the scratcher alone.
unsafe impl<A> Send for Scratcher<A> {}

impl<A> Scratcher<A> {
    fn new(plan: Plan, number: u8, inherited: Option<NonNull<u8>>) -> Scratcher<A> {
        Scratcher { plan, number, inherited, blocks: 0, writes: 0, intact: 0, first: 0, api: PhantomData }
    }
}

impl<A: Api> Job for Scratcher<A> {
    fn run(&mut self) {
        if let Some(inherited) = self.inherited.take() {
            // SAFETY: the main thread made the block for this request and handed it over.
            unsafe { A::free_foreign(inherited, BLOCK) };
        }
        // The result is written at the end: jobs lie side by side and would share cache lines.
        let (mut blocks, mut writes, mut intact, mut first) = (0, 0, 0, 0);
        for _ in 0..self.plan.blocks {
            let block = A::alloc(BLOCK);
            if blocks == 0 {
                first = block.addr().get();
            }
            // SAFETY: the block has `BLOCK_SIZE` bytes and is freed once.
            unsafe {
                scratch(block, self.number, self.plan.writes);
                intact += u64::from(block.read_volatile() == self.number);
                A::free(block, BLOCK);
            }
            blocks += 1;
            writes += self.plan.writes * BLOCK_SIZE as u64;
        }
        (self.blocks, self.writes, self.intact, self.first) = (blocks, writes, intact, first);
    }
}

/// Writes `number` to every byte and reads it back, `times` times.
///
/// # Safety
/// The block has `BLOCK_SIZE` bytes.
#[inline]
unsafe fn scratch(block: NonNull<u8>, number: u8, times: u64) {
    for _ in 0..times {
        for index in 0..BLOCK_SIZE {
            // SAFETY: the index is inside of the block. Both accesses are volatile, so that each
            // of them goes to the cache line.
            unsafe {
                block.add(index).write_volatile(number);
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
    use crate::rows::Preset;

    fn counted(plan: Plan) -> (Done, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let done = perform::<Counted<Global>>(plan, &mut meter);
        (done, meter.counts())
    }

    #[test]
    fn every_block_is_allocated_and_only_inherited_ones_are_freed_elsewhere() {
        for (threads, inherit) in [(1, true), (2, true), (5, true), (1, false), (2, false), (5, false)] {
            let (done, counts) = counted(Plan { threads, inherit, blocks: 10, writes: 3 });
            let threads = threads as u64;
            let handed_over = if inherit { threads } else { 0 };
            let calls = 10 * threads + handed_over;
            let expected =
                Counts { allocations: calls, frees: calls, bytes: calls, cross_thread_frees: handed_over };
            assert_eq!(counts, expected);
            assert_eq!((done.blocks, done.writes, done.intact), (10 * threads, 30 * threads, 10 * threads));
        }
    }

    #[test]
    fn the_rows_differ_in_what_threads_inherit() {
        fn handed_over<W: Workload>() -> u64 {
            let params = Params { preset: Preset::Current, size: Size::Check, threads: 3, ops: Some(3) };
            let mut meter = Meter::default();
            Counted::<Global>::take_counts();
            W::run::<Counted<Global>>(&params, &mut meter).expect("three threads are not too many");
            let Counts { allocations, cross_thread_frees, .. } = meter.counts();
            assert_eq!((allocations - cross_thread_frees) % BLOCKS, 0);
            cross_thread_frees
        }
        assert_eq!((handed_over::<CacheScratch<false>>(), handed_over::<CacheScratch<true>>()), (1, 3));
        assert_eq!((handed_over::<CacheThrash<false>>(), handed_over::<CacheThrash<true>>()), (0, 0));
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
