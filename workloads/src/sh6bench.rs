//! sh6bench: independent threads allocate bursts of small blocks and free them in batches, partly
//! in the order of allocation and partly in reverse.
//!
//! The unit of `--ops` is one pass over the schedule of sizes, summed over all threads.

use std::marker::PhantomData;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::{Preset, Size};
use crate::tagged::Tagged;
use crate::threads::{self, Job, MAX_THREADS};
use crate::window::Window;

/// Array cells, and passes at full size; both are shared out among the threads.
const CALLS: u64 = 10_000;

/// Passes of all threads together, at every size. The array keeps its full size.
const fn passes(size: Size) -> u64 {
    match size {
        Size::Check => 100,
        Size::Quick => 1_600,
        Size::Calibrated => 3_500,
        Size::Full => CALLS,
    }
}

/// Sizes grow by half up to here.
const LARGEST: usize = 1_000;

/// The row.
#[derive(Debug)]
pub struct Sh6bench;

impl Workload for Sh6bench {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = thread_count(params)?;
        let share = |all: u64| (all / threads as u64).max(1);
        let cells = usize::try_from(share(CALLS)).expect("the calls fit in memory");
        let plan = Plan { threads, cells, passes: share(params.ops.unwrap_or(passes(params.size))) };
        let tallies = perform::<A>(plan, meter);
        Ok(Outcome {
            operations: tallies.iter().map(|tally| tally.allocations).sum(),
            timed: false,
            figure: elapsed_line(threads, meter),
            checksum: Some(digest(tallies.iter().flat_map(Tally::numbers))),
        })
    }
}

/// The presets differ in the number of threads.
pub(crate) fn thread_count(params: &Params) -> Result<usize, Failure> {
    let threads = match params.preset {
        Preset::Seed2019 => params.threads,
        Preset::Current => params.threads.saturating_mul(2),
    };
    at_most(MAX_THREADS, threads)
}

/// What both SmartHeap programs print at the end.
pub(crate) fn elapsed_line(threads: usize, meter: &Meter) -> String {
    let (elapsed, cpu) = (meter.elapsed().as_secs(), meter.cpu_time().as_secs_f64());
    format!("Total elapsed time for {threads} threads: {elapsed} ({cpu:.4} CPU)")
}

/// How much each thread does.
#[derive(Debug, Clone, Copy)]
struct Plan {
    threads: usize,
    cells: usize,
    passes: u64,
}

/// What a thread did with its blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) allocations: u64,
    pub(crate) bytes: u64,
    pub(crate) frees: u64,
    pub(crate) recycles: u64,
}

impl Tally {
    /// The tally as input of a digest.
    pub(crate) fn numbers(&self) -> [u64; 4] {
        [self.allocations, self.bytes, self.frees, self.recycles]
    }
}

fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Vec<Tally> {
    let mut workers: Vec<_> = (0..plan.threads).map(|_| Worker::<A>::new(plan)).collect();
    meter.start();
    match workers.as_mut_slice() {
        [only] => only.run(),
        several => threads::run_all::<A, _>(several, || ()),
    }
    meter.stop::<A>();
    workers.iter().map(|worker| worker.tally).collect()
}

struct Worker<A> {
    plan: Plan,
    tally: Tally,
    api: PhantomData<fn() -> A>,
}

impl<A> Worker<A> {
    fn new(plan: Plan) -> Worker<A> {
        Worker { plan, tally: Tally::default(), api: PhantomData }
    }
}

impl<A: Api> Job for Worker<A> {
    fn run(&mut self) {
        let mut window = Window::new::<A>(self.plan.cells);
        let mut tally = Tally::default();
        for _ in 0..self.plan.passes {
            one_pass::<A>(&mut window, &mut tally);
        }
        // SAFETY: all blocks in the array, and the array, came from `A`; a block's tag is its size.
        tally.frees += unsafe { window.free_filled::<A>(usize::from) };
        // SAFETY: `A` made the array. The few blocks still in the window are lost, as in the original.
        unsafe { window.free_array::<A>() };
        self.tally = tally;
    }
}

/// Allocates the whole schedule of sizes once.
fn one_pass<A: Api>(window: &mut Window, tally: &mut Tally) {
    for base in std::iter::successors(Some(1), |base| Some(base * 3 / 2 + 1)).take_while(|&b| b < LARGEST) {
        let mut size = base;
        while size > 0 {
            let count = if size < 100 { 250 } else { 50 };
            for _ in 0..count {
                allocate::<A>(size, window, tally);
            }
            tally.allocations += count;
            tally.bytes += count * size as u64;
            size /= 2;
        }
    }
}

/// The test for the protected window comes after the store, as in the original: a window that
/// starts at the first cell is overwritten and its blocks are lost.
#[inline]
fn allocate<A: Api>(size: usize, window: &mut Window, tally: &mut Tally) {
    let block = A::alloc(Request::bytes(size));
    let tag = u16::try_from(size).expect("sizes stay below LARGEST");
    window.store(Tagged::new(block, tag));
    // SAFETY: the block has `size` bytes, and `size` is not zero.
    unsafe {
        block.write_volatile(0);
        block.add(size - 1).write_volatile(0);
    }
    window.skip_protected();
    if window.is_full() {
        tally.recycles += 1;
        // SAFETY: the array is full of blocks from `A` whose tags are their sizes.
        tally.frees += unsafe { window.recycle::<A>(usize::from) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn counted(plan: Plan) -> (Vec<Tally>, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let tallies = perform::<Counted<Global>>(plan, &mut meter);
        (tallies, meter.counts())
    }

    #[test]
    fn a_schedule_has_the_original_number_of_blocks_and_bytes() {
        let (tallies, counts) = counted(Plan { threads: 1, cells: 100_000, passes: 1 });
        assert_eq!((tallies[0].allocations, tallies[0].bytes), (19_300, 442_200));
        // Nothing is recycled in an array that large; all is freed at the end, with the array.
        assert_eq!(
            counts,
            Counts { allocations: 19_301, frees: 19_301, bytes: 442_200 + 800_000, cross_thread_frees: 0 }
        );
    }

    #[test]
    fn quick_check_of_a_thousand_calls_on_two_threads() {
        let (_, counts) = counted(Plan { threads: 2, cells: 500, passes: 500 });
        assert_eq!(counts.allocations, 19_300_000 + 2);
        assert_eq!(counts.frees, 18_380_800 + 2);
        assert_eq!(counts.cross_thread_frees, 0);
    }

    #[test]
    fn one_of_four_threads_at_full_size() {
        let (tallies, _) = counted(Plan { threads: 1, cells: 2_500, passes: 2_500 });
        let Tally { allocations, bytes, frees, recycles } = tallies[0];
        assert_eq!((allocations, frees, recycles), (48_250_000, 45_952_000, 22_976));
        assert_eq!(bytes, 442_200 * 2_500);
        let never_freed = allocations - frees;
        assert_eq!(never_freed, 2_297_500 + 500);
    }

    #[test]
    fn presets_differ_in_threads() {
        let params = |preset| Params { preset, size: Size::Check, threads: 3, ops: None };
        assert_eq!(thread_count(&params(Preset::Seed2019)), Ok(3));
        assert_eq!(thread_count(&params(Preset::Current)), Ok(6));
        assert!(thread_count(&Params { threads: 300, ..params(Preset::Current) }).is_err());
    }
}
