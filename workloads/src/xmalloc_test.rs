//! xmalloc-test: half of the threads fill batches with blocks, the other half free them; every block
//! is freed by another thread than the one that made it.
//!
//! The original counts what is freed in five seconds; here the number of batches is fixed, and
//! `--ops` is that number, summed over the producers. How many batches wait at a time depends on who is
//! faster, and so does the memory in use.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::api::{Api, Request};
use crate::lran2::Lran2;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::{Preset, Size};
use crate::tagged::Tagged;
use crate::threads::{self, Job, MAX_THREADS};

/// Batches of all producers together, at every size. The full sizes are what two pairs of threads do in
/// about five seconds.
const fn batches(preset: Preset, size: Size) -> u64 {
    match (preset, size) {
        (Preset::Current, Size::Check) => 200,
        (Preset::Current, Size::Quick) => 3_000,
        (Preset::Current, Size::Calibrated) => 4_000,
        (Preset::Current, Size::Full) => 100_000,
        (Preset::Seed2019, Size::Check) => 100,
        (Preset::Seed2019, Size::Quick) => 1_000,
        (Preset::Seed2019, Size::Calibrated) => 2_000,
        (Preset::Seed2019, Size::Full) => 30_000,
    }
}

/// Blocks in a batch.
const BATCH: usize = 4_096;

/// Producers wait while so many batches are queued.
const MOST_QUEUED: usize = 100;

/// The most bytes of a block that are written.
const MOST_WRITTEN: usize = 128;

/// How large blocks are.
#[derive(Debug, Clone, Copy)]
enum Sizes {
    Equal(u16),
    /// Each of [`MIXED`] is as likely as the others.
    Mixed,
}

const MIXED: [u16; 17] = [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048];

impl Sizes {
    #[inline]
    fn draw(self, rng: &mut Lran2) -> u16 {
        match self {
            Sizes::Equal(size) => size,
            Sizes::Mixed => MIXED[rng.below(MIXED.len() as u32) as usize],
        }
    }
}

/// The row.
#[derive(Debug)]
pub struct XmallocTest;

impl Workload for XmallocTest {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let (pairs, sizes) = match params.preset {
            Preset::Current => (params.threads, Sizes::Equal(64)),
            Preset::Seed2019 => (params.threads.saturating_mul(2), Sizes::Mixed),
        };
        at_most(MAX_THREADS, pairs.saturating_mul(2))?;
        let batches = params.ops.unwrap_or(batches(params.preset, params.size));
        let freed = perform::<A>(Plan { pairs, sizes, batches }, meter);
        let millions = freed.blocks as f64 / meter.elapsed().as_secs_f64() / 1e6;
        Ok(Outcome {
            operations: freed.blocks,
            timed: false,
            figure: format!("rtime: {:.3}, free/sec: {millions:.3} M", 100.0 / millions),
            checksum: Some(digest([pairs as u64, freed.batches, freed.blocks, freed.bytes])),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Producers; there are as many consumers.
    pairs: usize,
    sizes: Sizes,
    /// Batches of all producers together.
    batches: u64,
}

impl Plan {
    /// The batches of one producer.
    fn share(self, producer: usize) -> u64 {
        let (pairs, producer) = (self.pairs as u64, producer as u64);
        self.batches / pairs + u64::from(producer < self.batches % pairs)
    }
}

/// What consumers freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Freed {
    batches: u64,
    /// Blocks in the batches and their bytes, without those of the batches themselves.
    blocks: u64,
    bytes: u64,
}

fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Freed {
    let queue = Queue::new(plan.batches);
    let mut workers: Vec<Worker<A>> = (0..plan.pairs)
        .flat_map(|index| [Role::producer(plan, index), Role::Consumer { freed: Freed::default() }])
        .map(|role| Worker { queue: &queue, role, api: PhantomData })
        .collect();
    meter.start();
    threads::run_all::<A, _>(&mut workers, || ());
    meter.stop::<A>();
    workers.iter().fold(Freed::default(), |sum, worker| match worker.role {
        Role::Producer { .. } => sum,
        Role::Consumer { freed } => Freed {
            batches: sum.batches + freed.batches,
            blocks: sum.blocks + freed.blocks,
            bytes: sum.bytes + freed.bytes,
        },
    })
}

/// Blocks on their way from a producer to a consumer; a heap block like them. A block's tag is its size.
#[repr(C)]
struct Batch {
    next: Option<NonNull<Batch>>,
    blocks: [Tagged; BATCH],
}

const BATCH_REQUEST: Request = Request::array::<Batch>(1);

impl Batch {
    /// Makes a batch and its blocks.
    fn fill<A: Api>(sizes: Sizes, rng: &mut Lran2) -> NonNull<Batch> {
        let batch = A::alloc(BATCH_REQUEST).cast::<Batch>();
        // SAFETY: the block has room for a batch, of which this is a part.
        let blocks = unsafe { NonNull::new_unchecked(&raw mut (*batch.as_ptr()).blocks) }.cast::<Tagged>();
        for index in 0..BATCH {
            let size = sizes.draw(rng);
            let block = A::alloc(Request::bytes(usize::from(size)));
            // SAFETY: the block has `size` bytes, and the index is inside of the array.
            unsafe {
                block.write_bytes(index as u8, usize::from(size).min(MOST_WRITTEN));
                blocks.add(index).write(Tagged::new(block, size));
            }
        }
        batch
    }

    /// Frees a batch of another thread and its blocks; returns the bytes of the blocks.
    ///
    /// # Safety
    /// `batch` came from [`fill`](Batch::fill) for the same `A`, and nobody else has it.
    unsafe fn free<A: Api>(batch: NonNull<Batch>) -> u64 {
        let mut bytes = 0;
        // SAFETY: `fill` wrote all of the blocks, and the batch is freed after the last use of it.
        for block in unsafe { &batch.as_ref().blocks } {
            let (block, size) = block.split();
            // SAFETY: `fill` made the block for this many bytes; it is freed once, with its batch.
            unsafe { A::free_foreign(block, Request::bytes(usize::from(size))) };
            bytes += u64::from(size);
        }
        // SAFETY: `fill` made the batch for this request.
        unsafe { A::free_foreign(batch.cast(), BATCH_REQUEST) };
        bytes
    }
}

/// Where producers leave batches for consumers: last in, first out.
struct Queue {
    line: Mutex<Line>,
    filled: Condvar,
    emptied: Condvar,
}

/// The batches in a [`Queue`].
struct Line {
    last: Option<NonNull<Batch>>,
    queued: usize,
    /// Batches that no consumer has taken yet, those included that are still to be made.
    left: u64,
}

// SAFETY: a batch in the line belongs to whoever has the line.
unsafe impl Send for Line {}

impl Queue {
    fn new(batches: u64) -> Queue {
        Queue {
            line: Mutex::new(Line { last: None, queued: 0, left: batches }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    /// Nothing that panics under the lock leaves something half done.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch when there is room for it.
    ///
    /// # Safety
    /// `batch` came from [`Batch::fill`], and nobody else has it.
    unsafe fn push(&self, batch: NonNull<Batch>) {
        let full = |line: &mut Line| line.queued >= MOST_QUEUED;
        let mut line = self.emptied.wait_while(self.line(), full).unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the batch is live and the caller's.
        unsafe { (*batch.as_ptr()).next = line.last };
        line.last = Some(batch);
        line.queued += 1;
        self.filled.notify_one();
    }

    /// Takes the batch that was added last, when there is one; nothing when all have been taken.
    fn take(&self) -> Option<NonNull<Batch>> {
        let empty = |line: &mut Line| line.last.is_none() && line.left > 0;
        let mut line = self.filled.wait_while(self.line(), empty).unwrap_or_else(PoisonError::into_inner);
        let batch = line.last?;
        // SAFETY: a batch in the line is live and only looked at under its lock.
        line.last = unsafe { batch.as_ref().next };
        line.queued -= 1;
        line.left -= 1;
        if line.left == 0 {
            self.filled.notify_all();
        }
        self.emptied.notify_one();
        Some(batch)
    }
}

/// What a thread does.
#[derive(Debug)]
enum Role {
    Producer { sizes: Sizes, batches: u64, seed: u32 },
    Consumer { freed: Freed },
}

impl Role {
    fn producer(plan: Plan, index: usize) -> Role {
        let seed = u32::try_from(index).expect("there are few threads");
        Role::Producer { sizes: plan.sizes, batches: plan.share(index), seed }
    }
}

/// A thread.
struct Worker<'a, A> {
    queue: &'a Queue,
    role: Role,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Job for Worker<'_, A> {
    fn run(&mut self) {
        match &mut self.role {
            Role::Producer { sizes, batches, seed } => {
                let mut rng = Lran2::new(*seed);
                for _ in 0..*batches {
                    // SAFETY: the batch is new.
                    unsafe { self.queue.push(Batch::fill::<A>(*sizes, &mut rng)) };
                }
            }
            Role::Consumer { freed } => {
                // What changes all the time stays on the stack: jobs share cache lines.
                let mut sum = Freed::default();
                while let Some(batch) = self.queue.take() {
                    sum.batches += 1;
                    sum.blocks += BATCH as u64;
                    // SAFETY: all producers use the same `A`, and the batch has left the queue.
                    sum.bytes += unsafe { Batch::free::<A>(batch) };
                }
                *freed = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn counted(plan: Plan) -> (Freed, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let freed = perform::<Counted<Global>>(plan, &mut meter);
        (freed, meter.counts())
    }

    #[test]
    fn every_block_is_freed_and_by_another_thread() {
        for (pairs, batches) in [(1, 1), (1, 150), (2, 33), (5, 33)] {
            let (freed, counts) = counted(Plan { pairs, sizes: Sizes::Equal(64), batches });
            let blocks = 4_096 * batches;
            assert_eq!(freed, Freed { batches, blocks, bytes: 64 * blocks });
            let calls = blocks + batches;
            let expected = Counts {
                allocations: calls,
                frees: calls,
                bytes: 64 * blocks + 32_776 * batches,
                cross_thread_frees: calls,
            };
            assert_eq!(counts, expected, "{pairs} pairs, {batches} batches");
        }
    }

    #[test]
    fn mixed_sizes_depend_on_the_plan_only() {
        let plan = Plan { pairs: 3, sizes: Sizes::Mixed, batches: 50 };
        let mut bytes = 0;
        for producer in 0..3 {
            let mut rng = Lran2::new(producer);
            let blocks = plan.share(producer as usize) * BATCH as u64;
            bytes += (0..blocks).map(|_| u64::from(Sizes::Mixed.draw(&mut rng))).sum::<u64>();
        }
        assert_eq!((counted(plan).0.bytes, counted(plan).0.bytes), (bytes, bytes));
        // All sizes are as frequent.
        assert_eq!((bytes as f64 / (50 * BATCH) as f64 / 10.0).round(), 42.0);
    }

    #[test]
    fn blocks_are_drawn_and_written_in_order() {
        let batch = Batch::fill::<Global>(Sizes::Mixed, &mut Lran2::new(0));
        // SAFETY: the batch is filled.
        let blocks = unsafe { batch.as_ref().blocks.map(Tagged::split) };
        // The generator's first numbers are 500655 and 445885, 5 and 9 modulo 17.
        assert_eq!((blocks[0].1, blocks[1].1), (48, 192));
        for (index, (block, size)) in blocks.into_iter().enumerate() {
            for place in 0..usize::from(size.min(128)) {
                // SAFETY: the place is inside of the block and was written.
                assert_eq!(unsafe { block.add(place).read() }, (index % 256) as u8);
            }
        }
        // SAFETY: the batch came from `fill`, and nobody else has it.
        unsafe { Batch::free::<Global>(batch) };
    }

    #[test]
    fn producers_share_all_batches() {
        for pairs in [1, 2, 7, 64] {
            let plan = Plan { pairs, sizes: Sizes::Mixed, batches: 100 };
            assert_eq!((0..pairs).map(|index| plan.share(index)).sum::<u64>(), 100);
        }
    }

    /// A batch that is never looked into.
    fn hollow() -> NonNull<Batch> {
        Global::alloc_zeroed(BATCH_REQUEST).cast()
    }

    #[test]
    fn the_last_batch_in_is_the_first_out() {
        let queue = Queue::new(2);
        let batches = [hollow(), hollow()];
        // SAFETY: the batches are live, and only their links are used.
        batches.iter().for_each(|&batch| unsafe { queue.push(batch) });
        assert_eq!([queue.take(), queue.take()], [Some(batches[1]), Some(batches[0])]);
        assert_eq!(queue.take(), None);
        // SAFETY: the batches have left the queue.
        batches.iter().for_each(|batch| unsafe { Global::free(batch.cast(), BATCH_REQUEST) });
    }

    #[test]
    fn producers_wait_while_a_hundred_batches_are_queued() {
        assert_eq!(MOST_QUEUED, 100);
        let queue = Queue::new(102);
        let queued = thread::scope(|scope| {
            // SAFETY: the batches are live, and only their links are used.
            scope.spawn(|| (0..102).for_each(|_| unsafe { queue.push(hollow()) }));
            while queue.line().queued < MOST_QUEUED {
                thread::yield_now();
            }
            // Whoever does not wait has time to show it.
            thread::sleep(Duration::from_millis(20));
            let queued = queue.line().queued;
            while let Some(batch) = queue.take() {
                // SAFETY: the batch has left the queue.
                unsafe { Global::free(batch.cast(), BATCH_REQUEST) };
            }
            queued
        });
        assert_eq!(queued, MOST_QUEUED);
        let line = queue.line();
        assert_eq!((line.queued, line.left), (0, 0));
    }

    #[test]
    fn batches_have_the_original_size() {
        assert_eq!(BATCH_REQUEST.size(), 32_776);
    }

    #[test]
    fn presets_differ_in_threads_and_sizes() {
        let run = |preset, threads| {
            let params = Params { preset, size: Size::Check, threads, ops: Some(4) };
            let mut meter = Meter::default();
            let outcome = XmallocTest::run::<Global>(&params, &mut meter);
            outcome.map(|outcome| outcome.checksum.expect("the work is fixed"))
        };
        let (equal, mixed) = (run(Preset::Current, 2), run(Preset::Seed2019, 2));
        assert!(equal.is_ok() && mixed.is_ok() && equal != mixed);
        assert!(run(Preset::Current, 257).is_err() && run(Preset::Seed2019, 129).is_err());
    }
}
