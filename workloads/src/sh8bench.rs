//! sh8bench: the batches of sh6bench with a fixed mix of sizes up to 165 KiB, while the main thread
//! makes small blocks that the workers free.
//!
//! The unit of `--ops` is one iteration of a worker, summed over all workers.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::api::{Api, Request};
use crate::fatal::fatal;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::Size;
use crate::sh6bench::{Tally, elapsed_line, thread_count};
use crate::tagged::Tagged;
use crate::threads::{self, Job};
use crate::window::Window;

/// The work of all workers together; each gets its share.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Iterations.
    iterations: u64,
    /// Array cells.
    cells: usize,
    /// Blocks made by the main thread; the ratio to the iterations is that of the full size.
    foreign: usize,
}

/// The amounts of work, at every size.
const fn work(size: Size) -> Work {
    match size {
        Size::Check => Work { iterations: 4_000, cells: 100_000, foreign: 57_000 },
        Size::Quick => Work { iterations: 40_000, cells: 1_000_000, foreign: 570_000 },
        Size::Calibrated => Work { iterations: 50_000, cells: 1_000_000, foreign: 714_000 },
        Size::Full => Work { iterations: 700_000, cells: 1_000_000, foreign: 10_000_000 },
    }
}

/// Block sizes and how many of each in turn. The first iteration takes the second line.
const MIX: [(usize, u64); 12] = [
    (8, 1_000),
    (16, 5_000),
    (48, 1_000),
    (72, 100),
    (148, 100),
    (200, 100),
    (520, 10),
    (1_056, 5),
    (4_096, 3),
    (9_162, 1),
    (34_562, 1),
    (168_524, 1),
];

/// The row.
#[derive(Debug)]
pub struct Sh8bench;

impl Workload for Sh8bench {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = thread_count(params)?;
        let mut work = work(params.size);
        work.iterations = params.ops.unwrap_or(work.iterations);
        let tallies = perform::<A>(Plan::new(threads, work), meter);
        Ok(Outcome {
            operations: tallies.iter().map(|tally| tally.allocations).sum(),
            timed: false,
            figure: elapsed_line(threads, meter),
            checksum: Some(digest(tallies.iter().flat_map(Tally::numbers))),
        })
    }
}

/// What each worker does, and what the main thread does meanwhile.
#[derive(Debug, Clone, Copy)]
struct Plan {
    workers: usize,
    iterations: u64,
    cells: usize,
    foreign: usize,
}

impl Plan {
    fn new(workers: usize, work: Work) -> Plan {
        let tiles = workers * workers;
        Plan {
            workers,
            iterations: work.iterations / workers as u64,
            cells: work.cells / workers,
            foreign: (work.foreign / tiles).max(1) * tiles,
        }
    }
}

/// A slot of the array between main thread and workers. The block in it is one [`SMALL`].
type Slot = AtomicPtr<u8>;

/// What the main thread makes: room for one pointer.
const SMALL: Request = Request::array::<*mut u8>(1);

/// Returns what each worker did with its own blocks.
fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Vec<Tally> {
    let mut workers = Vec::with_capacity(plan.workers);
    meter.start();
    let request = Request::array::<Slot>(plan.foreign);
    let array = A::alloc_zeroed(request);
    // SAFETY: the block has room for the slots, and all zeroes is an empty slot.
    let slots = unsafe { NonNull::slice_from_raw_parts(array.cast::<Slot>(), plan.foreign).as_ref() };
    workers.extend((0..plan.workers).map(|index| Worker::<A>::new(plan, slots, index)));
    threads::run_all::<A, _>(&mut workers, || produce::<A>(slots));
    meter.stop::<A>();
    let tallies = workers.iter().map(|worker| worker.tally).collect();
    workers.into_iter().for_each(Worker::drain);
    // SAFETY: the array came from `A` for this request; the workers that used it are gone.
    unsafe { A::free(array, request) };
    tallies
}

/// Fills every slot with a block that holds the slot's address.
fn produce<A: Api>(slots: &[Slot]) {
    for slot in slots {
        let block = A::alloc(SMALL);
        // SAFETY: the block has room for one pointer.
        unsafe { block.cast::<*const Slot>().write(slot) };
        slot.store(block.as_ptr(), Ordering::Release);
    }
}

/// A worker's part of the slots: of every section of slots one tile.
#[derive(Debug, Clone, Copy)]
struct Foreign<'a> {
    slots: &'a [Slot],
    cursor: usize,
    left: usize,
    left_in_tile: usize,
    tile: usize,
    section: usize,
}

impl<'a> Foreign<'a> {
    fn new(slots: &'a [Slot], workers: usize, index: usize) -> Foreign<'a> {
        let section = slots.len() / workers;
        let tile = section / workers;
        Foreign { slots, cursor: index * tile, left: section, left_in_tile: tile, tile, section }
    }

    /// Frees what has arrived.
    fn free_arrived<A: Api>(&mut self) {
        while self.left > 0 {
            let slot = &self.slots[self.cursor];
            let Some(block) = NonNull::new(slot.load(Ordering::Acquire)) else { return };
            // SAFETY: `produce` wrote a pointer into the block before it published it.
            let origin = unsafe { block.cast::<*const Slot>().read() };
            if !ptr::eq(origin, slot) {
                fatal(format_args!("memory is corrupted: a block another thread made lost its contents"));
            }
            // SAFETY: the main thread made the block for this request, and this worker alone owns
            // the slot and visits it once.
            unsafe { A::free_foreign(block, SMALL) };
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.cursor += 1;
        self.left -= 1;
        self.left_in_tile -= 1;
        if self.left_in_tile == 0 {
            self.left_in_tile = self.tile;
            self.cursor += self.section - self.tile;
        }
    }
}

struct Worker<'a, A> {
    iterations: u64,
    cells: usize,
    foreign: Foreign<'a>,
    /// Left over by the run: the original never frees it.
    window: Option<Window>,
    tally: Tally,
    api: PhantomData<fn() -> A>,
}

// SAFETY: the window, the only part that is not `Send` by itself, is owned by the worker alone.
unsafe impl<A> Send for Worker<'_, A> {}

impl<'a, A: Api> Worker<'a, A> {
    fn new(plan: Plan, slots: &'a [Slot], index: usize) -> Worker<'a, A> {
        Worker {
            iterations: plan.iterations,
            cells: plan.cells,
            foreign: Foreign::new(slots, plan.workers, index),
            window: None,
            tally: Tally::default(),
            api: PhantomData,
        }
    }

    /// Frees what the run left over, from the main thread.
    fn drain(mut self) {
        self.foreign.free_arrived::<A>();
        if let Some(mut window) = self.window {
            // SAFETY: all blocks, and the array, came from `A`; tags index `MIX`; and blocks are
            // only ever stored outside of the window.
            unsafe {
                window.free_filled::<A>(size_of_class);
                window.free_protected::<A>(size_of_class);
                window.free_array::<A>();
            }
        }
    }
}

impl<A: Api> Job for Worker<'_, A> {
    fn run(&mut self) {
        let mut window = Window::new::<A>(self.cells);
        // What changes all the time stays on the stack: jobs lie side by side and share cache lines.
        let mut tally = Tally::default();
        let mut foreign = self.foreign;
        let classes = (0..MIX.len()).cycle().skip(1);
        for (_, class) in (0..self.iterations).zip(classes) {
            foreign.free_arrived::<A>();
            allocate::<A>(class, &mut window, &mut tally);
        }
        self.foreign = foreign;
        self.tally = tally;
        self.window = Some(window);
    }
}

fn size_of_class(class: u16) -> usize {
    MIX[usize::from(class)].0
}

/// Allocates one line of the mix. A step that finds the array full frees instead.
fn allocate<A: Api>(class: usize, window: &mut Window, tally: &mut Tally) {
    let (size, count) = MIX[class];
    let tag = u16::try_from(class).expect("the mix has few lines");
    for _ in 0..count {
        window.skip_protected();
        if window.is_full() {
            tally.recycles += 1;
            // SAFETY: the array is full of blocks from `A` whose tags index `MIX`.
            tally.frees += unsafe { window.recycle::<A>(size_of_class) };
            continue;
        }
        let block = A::alloc(Request::bytes(size));
        window.store(Tagged::new(block, tag));
        // SAFETY: the block has `size` bytes, and `size` is not zero.
        unsafe {
            block.write_volatile(0);
            block.add(size - 1).write_volatile(0);
        }
        tally.allocations += 1;
        tally.bytes += size as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn counted(plan: Plan) -> (Vec<Tally>, Counts, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let tallies = perform::<Counted<Global>>(plan, &mut meter);
        (tallies, meter.counts(), Counted::<Global>::take_counts())
    }

    #[test]
    fn twelve_iterations_take_the_whole_mix_once() {
        let (tallies, _, _) = counted(Plan { workers: 1, iterations: 12, cells: 10_000, foreign: 1 });
        assert_eq!(tallies[0], Tally { allocations: 7_321, bytes: 413_016, frees: 0, recycles: 0 });
    }

    #[test]
    fn quick_check_on_four_threads() {
        let work = Work { iterations: 70_000, cells: 100_000, foreign: 1_000_000 };
        let (tallies, counts, drained) = counted(Plan::new(4, work));
        let arrays = 1 + 4;
        let own: u64 = tallies.iter().map(|tally| tally.allocations).sum();
        assert_eq!(counts.allocations, own + 1_000_000 + arrays);
        // The known total counts calls of `malloc`; the shared array is one of `calloc`.
        assert_eq!(counts.allocations - 1, 43_718_744);
        let left = own - tallies.iter().map(|tally| tally.frees).sum::<u64>();
        assert!((78_700..78_800).contains(&left), "{left}");
        assert_eq!(counts.cross_thread_frees + drained.cross_thread_frees, 1_000_000);
        assert_eq!(counts.frees + drained.frees, counts.allocations);
    }

    #[test]
    fn one_of_four_workers_at_full_size() {
        let (tallies, _, _) = counted(Plan { workers: 1, iterations: 175_000, cells: 250_000, foreign: 1 });
        let Tally { allocations, frees, recycles, .. } = tallies[0];
        assert_eq!((allocations, frees, recycles), (106_767_810, 106_600_000, 533));
        assert_eq!(allocations - frees, 167_810);
        // With the foreign blocks that is the published total of the whole program.
        assert_eq!(4 * allocations + 10_000_000, 437_071_240);
    }

    #[test]
    fn foreign_blocks_are_a_multiple_of_the_tiles() {
        let full = work(Size::Full);
        assert_eq!(Plan::new(4, full).foreign, 10_000_000);
        assert_eq!(Plan::new(16, full).foreign, 9_999_872);
    }

    #[test]
    fn workers_visit_every_slot_once() {
        let slots: Vec<Slot> = (0..36).map(|_| AtomicPtr::default()).collect();
        let mut seen = [0; 36];
        for index in 0..3 {
            let mut foreign = Foreign::new(&slots, 3, index);
            while foreign.left > 0 {
                seen[foreign.cursor] += 1;
                foreign.advance();
            }
        }
        assert!(seen.iter().all(|&visits| visits == 1));
    }
}
