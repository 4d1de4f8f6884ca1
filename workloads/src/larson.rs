//! larson: a server whose threads replace random blocks of their own set and hand the set to a
//! successor when they have done their share.
//!
//! The unit of `--ops` is one replacement; with it every set has a single thread.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::api::{Api, Request};
use crate::lran2::Lran2;
use crate::measure::Meter;
use crate::protocol::Counts;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::{Preset, Size};
use crate::threads::start_detached;

/// The most sets of blocks, each with one thread at a time.
const MAX_SETS: usize = 100;

/// The most blocks in all sets together.
const MAX_BLOCKS: usize = 1_000_000;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// Every set sees this many threads, each with this many replacements.
    Fixed { generations: u64, replacements: u64 },
    /// Threads go on until the time is up; each makes this many replacements.
    Timed { seconds: u64, replacements: u64 },
}

/// The amounts of work. The 2019 parameters have shares so large that no thread ever has a
/// successor; so has every smaller amount.
const fn work(preset: Preset, size: Size) -> Work {
    match (preset, size) {
        (Preset::Current, Size::Check) => Work::Fixed { generations: 3, replacements: 20_000 },
        (Preset::Current, Size::Quick) => Work::Fixed { generations: 4, replacements: 500_000 },
        (Preset::Current, Size::Calibrated) => Work::Fixed { generations: 20, replacements: 500_000 },
        (Preset::Current, Size::Full) => Work::Timed { seconds: 5, replacements: 500_000 },
        (Preset::Seed2019, Size::Check) => Work::Fixed { generations: 1, replacements: 5_000 },
        (Preset::Seed2019, Size::Quick) => Work::Fixed { generations: 1, replacements: 100_000 },
        (Preset::Seed2019, Size::Calibrated) => Work::Fixed { generations: 1, replacements: 500_000 },
        (Preset::Seed2019, Size::Full) => Work::Timed { seconds: 2, replacements: 10_000_000 },
    }
}

/// The original's command line without the time.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Block sizes are drawn from `min..max`.
    min: u32,
    max: u32,
    /// Blocks in each set.
    blocks: u32,
    seed: u32,
    /// Sets, and threads at a time.
    sets: usize,
}

const fn shape(preset: Preset, threads: usize) -> Shape {
    match preset {
        Preset::Current => Shape { min: 8, max: 1_000, blocks: 5_000, seed: 4_141, sets: threads },
        Preset::Seed2019 => Shape { min: 7, max: 8, blocks: 1_000, seed: 42, sets: 100 },
    }
}

impl Shape {
    fn total_blocks(self) -> u32 {
        self.blocks * u32::try_from(self.sets).expect("there are few sets")
    }

    #[inline]
    fn size(self, rng: &mut Lran2) -> u32 {
        self.min + rng.below(self.max - self.min)
    }
}

/// Both larson rows.
#[derive(Debug)]
pub struct Larson;

impl Workload for Larson {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let shape = shape(params.preset, params.threads);
        at_most(MAX_SETS, shape.sets)?;
        let work = match params.ops {
            Some(replacements) => Work::Fixed { generations: 1, replacements },
            None => work(params.preset, params.size),
        };
        let result = perform::<A>(shape, work, meter);
        let rate = result.replacements as f64 / meter.elapsed().as_secs_f64();
        let timed = matches!(work, Work::Timed { .. });
        Ok(Outcome {
            operations: result.replacements,
            timed,
            figure: format!(
                "Throughput = {rate:8.0} operations per second, relative time: {:.3}s.",
                1e9 / rate
            ),
            checksum: (!timed)
                .then(|| digest([result.replacements, result.bytes, result.live_bytes, result.intact])),
        })
    }
}

// The original's tables are static, so they are no part of the heap. Every set has its own range,
// used by one thread at a time; which thread that is passes on through the lock of its `Set`.
static BLOCKS: [AtomicPtr<u8>; MAX_BLOCKS] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_BLOCKS];
static SIZES: [AtomicU32; MAX_BLOCKS] = [const { AtomicU32::new(0) }; MAX_BLOCKS];
/// Which thread made the block; kept only where frees are counted.
static MAKERS: [AtomicU32; MAX_BLOCKS] = [const { AtomicU32::new(0) }; MAX_BLOCKS];
static LAST_MAKER: AtomicU32 = AtomicU32::new(0);

static SETS: [Mutex<Set>; MAX_SETS] = [const { Mutex::new(Set::IDLE) }; MAX_SETS];
static STOP: AtomicBool = AtomicBool::new(false);
static UNFINISHED: Mutex<usize> = Mutex::new(0);
static ONE_FINISHED: Condvar = Condvar::new();
/// There is one set of tables, so there is one run at a time.
static RUNNING: Mutex<()> = Mutex::new(());

/// Nothing that panics under one of these locks leaves something half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A range of the tables and who works on it.
#[derive(Clone, Copy)]
struct Range {
    blocks: &'static [AtomicPtr<u8>],
    sizes: &'static [AtomicU32],
    makers: &'static [AtomicU32],
    me: u32,
}

impl Range {
    fn new(first: u32, count: u32) -> Range {
        let (first, end) = (first as usize, (first + count) as usize);
        let me = LAST_MAKER.fetch_add(1, Ordering::Relaxed) + 1;
        Range { blocks: &BLOCKS[first..end], sizes: &SIZES[first..end], makers: &MAKERS[first..end], me }
    }

    /// Puts a fresh block into the table.
    #[inline]
    fn allocate<A: Api>(self, index: usize, size: u32) -> NonNull<u8> {
        let block = A::alloc(Request::bytes(size as usize));
        self.blocks[index].store(block.as_ptr(), Ordering::Relaxed);
        self.sizes[index].store(size, Ordering::Relaxed);
        if A::COUNTS {
            self.makers[index].store(self.me, Ordering::Relaxed);
        }
        block
    }

    /// Frees the block in the table.
    ///
    /// # Safety
    /// The entry came from `allocate::<A>` and was not freed since.
    #[inline]
    unsafe fn free<A: Api>(self, index: usize) {
        let block = NonNull::new(self.blocks[index].load(Ordering::Relaxed)).expect("the table is full");
        let request = Request::bytes(self.sizes[index].load(Ordering::Relaxed) as usize);
        let foreign = A::COUNTS && self.makers[index].load(Ordering::Relaxed) != self.me;
        // SAFETY: the caller vouches for the entry, and the size in it is that of the block.
        unsafe {
            if foreign {
                A::free_foreign(block, request);
            } else {
                A::free(block, request);
            }
        }
    }

    /// Exchanges two blocks, both made by the same thread.
    fn swap(self, one: usize, other: usize) {
        let (blocks, sizes, relaxed) = (self.blocks, self.sizes, Ordering::Relaxed);
        blocks[one].store(blocks[other].swap(blocks[one].load(relaxed), relaxed), relaxed);
        sizes[one].store(sizes[other].swap(sizes[one].load(relaxed), relaxed), relaxed);
    }

    /// Writes to a block's first two bytes, as the original does, what only a block of its size has there.
    ///
    /// # Safety
    /// The block has at least two bytes.
    #[inline]
    unsafe fn mark(block: NonNull<u8>, size: u32) {
        // SAFETY: the caller vouches for the bytes.
        unsafe {
            block.write_volatile(size as u8);
            block.read_volatile();
            block.add(1).write_volatile(!(size >> 1) as u8);
        }
    }

    /// Whether the block in the table holds what was written when it was made.
    ///
    /// # Safety
    /// The entry is a live block that was marked.
    unsafe fn is_intact(self, index: usize) -> bool {
        let size = self.sizes[index].load(Ordering::Relaxed);
        let block = self.blocks[index].load(Ordering::Relaxed);
        // SAFETY: the caller vouches for the block.
        unsafe { [block.read(), block.add(1).read()] == [size as u8, !(size >> 1) as u8] }
    }

    fn live_bytes(self) -> u64 {
        self.sizes.iter().map(|size| u64::from(size.load(Ordering::Relaxed))).sum()
    }
}

/// What goes on from one thread of a set to the next. Sets share no cache line.
#[repr(align(64))]
struct Set {
    shape: Shape,
    first: u32,
    rng: Lran2,
    /// Replacements of one thread.
    share: u64,
    /// Threads still to come, this one included.
    generations: u64,
    replacements: u64,
    bytes: u64,
    counts: Counts,
}

impl Set {
    const IDLE: Set = Set {
        shape: Shape { min: 1, max: 2, blocks: 0, seed: 0, sets: 0 },
        first: 0,
        rng: Lran2::UNSEEDED,
        share: 0,
        generations: 0,
        replacements: 0,
        bytes: 0,
        counts: Counts { allocations: 0, frees: 0, bytes: 0, cross_thread_frees: 0 },
    };

    /// One thread's life; tells whether there is a successor.
    fn live<A: Api>(&mut self) -> bool {
        let range = Range::new(self.first, self.shape.blocks);
        for _ in 0..self.share {
            if STOP.load(Ordering::Relaxed) {
                return false;
            }
            let victim = self.rng.below(self.shape.blocks) as usize;
            // SAFETY: the warm-up filled the range, and every free below is followed by an
            // allocation in the same place.
            unsafe { range.free::<A>(victim) };
            let size = self.shape.size(&mut self.rng);
            let block = range.allocate::<A>(victim, size);
            // SAFETY: blocks have at least 7 bytes.
            unsafe { Range::mark(block, size) };
            self.replacements += 1;
            self.bytes += u64::from(size);
        }
        self.generations -= 1;
        self.generations > 0
    }
}

/// A thread of the set whose number is the argument's address.
extern "C" fn generation<A: Api>(set: *mut c_void) -> *mut c_void {
    let index = set.addr();
    let mut set = lock(&SETS[index]);
    let succeeded = set.live::<A>();
    A::add_counts(set.counts);
    set.counts = A::take_counts();
    drop(set);
    if succeeded {
        start_detached(generation::<A>, index);
    } else {
        *lock(&UNFINISHED) -= 1;
        ONE_FINISHED.notify_one();
    }
    ptr::null_mut()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    replacements: u64,
    bytes: u64,
    live_bytes: u64,
    /// Blocks that hold in the end what was written into them.
    intact: u64,
}

fn perform<A: Api>(shape: Shape, work: Work, meter: &mut Meter) -> Done {
    let _alone = lock(&RUNNING);
    let all = Range::new(0, shape.total_blocks());
    let mut rng = Lran2::new(shape.seed);
    warm_up::<A>(shape, all, &mut rng);
    STOP.store(false, Ordering::Relaxed);
    *lock(&UNFINISHED) = shape.sets;
    match work {
        Work::Fixed { generations, replacements } => {
            meter.start();
            start_all::<A>(shape, &mut rng, generations, replacements);
        }
        Work::Timed { seconds, replacements } => {
            start_all::<A>(shape, &mut rng, u64::MAX, replacements);
            meter.start();
            thread::sleep(Duration::from_secs(seconds));
            STOP.store(true, Ordering::Relaxed);
        }
    }
    let waiting = lock(&UNFINISHED);
    drop(ONE_FINISHED.wait_while(waiting, |left| *left > 0).unwrap_or_else(PoisonError::into_inner));
    let mut done = Done { replacements: 0, bytes: 0, live_bytes: all.live_bytes(), intact: 0 };
    for set in &SETS[..shape.sets] {
        let set = lock(set);
        done.replacements += set.replacements;
        done.bytes += set.bytes;
        A::add_counts(set.counts);
    }
    meter.stop::<A>();
    for index in 0..all.blocks.len() {
        // SAFETY: all threads have ended and left their ranges full of blocks that were marked when they were made.
        unsafe {
            done.intact += u64::from(all.is_intact(index));
            all.free::<A>(index);
        }
    }
    done
}

/// Fills the tables, shuffles them and replaces blocks until their order is that of a long run.
fn warm_up<A: Api>(shape: Shape, all: Range, rng: &mut Lran2) {
    let total = shape.total_blocks();
    let allocate = |index, size| {
        let block = all.allocate::<A>(index, size);
        // SAFETY: blocks have at least 7 bytes.
        unsafe { Range::mark(block, size) };
    };
    for index in 0..total as usize {
        allocate(index, shape.size(rng));
    }
    for remaining in (1..=total).rev() {
        all.swap(rng.below(remaining) as usize, remaining as usize - 1);
    }
    for _ in 0..4 * total {
        let victim = rng.below(total) as usize;
        // SAFETY: the loop above filled the tables, and every free is followed by an allocation.
        unsafe { all.free::<A>(victim) };
        allocate(victim, shape.size(rng));
    }
}

fn start_all<A: Api>(shape: Shape, rng: &mut Lran2, generations: u64, share: u64) {
    for (index, first) in (0..shape.sets).zip((0..).step_by(shape.blocks as usize)) {
        let rng = Lran2::new(rng.next_number());
        *lock(&SETS[index]) = Set { shape, first, rng, share, generations, ..Set::IDLE };
        start_detached(generation::<A>, index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Global, Libc};
    use crate::counted::Counted;

    type A = Counted<Global>;

    #[test]
    fn warm_up_is_the_original_one() {
        let known: [(usize, u64, &[u32]); 4] = [
            (1, 2_537_217, &[221_986]),
            (2, 5_048_543, &[707_879, 543_108]),
            (8, 20_183_395, &[99_707, 550_450, 673_772, 360_896, 159_734, 68_007, 225_201, 493_028]),
            (16, 40_338_535, &[]),
        ];
        for (threads, live_bytes, seeds) in known {
            let _alone = lock(&RUNNING);
            A::take_counts();
            let shape = shape(Preset::Current, threads);
            let all = Range::new(0, shape.total_blocks());
            let mut rng = Lran2::new(shape.seed);
            warm_up::<A>(shape, all, &mut rng);
            assert_eq!(all.live_bytes(), live_bytes, "{threads} threads");
            let counts = A::take_counts();
            assert_eq!(
                (counts.allocations, counts.frees),
                (25_000 * threads as u64, 20_000 * threads as u64)
            );
            let drawn: Vec<u32> = seeds.iter().map(|_| rng.next_number()).collect();
            assert_eq!(drawn, seeds, "{threads} threads");
            // SAFETY: the warm-up filled the tables.
            (0..all.blocks.len()).for_each(|index| unsafe { all.free::<A>(index) });
        }
    }

    fn fixed(generations: u64, replacements: u64) -> (Done, Counts) {
        let mut meter = Meter::default();
        A::take_counts();
        let done =
            perform::<A>(shape(Preset::Current, 2), Work::Fixed { generations, replacements }, &mut meter);
        (done, meter.counts())
    }

    #[test]
    fn fixed_work_is_reproducible_and_independent_of_the_allocator() {
        let (one, counts) = fixed(1, 30_000);
        assert_eq!((one.replacements, one.intact), (60_000, 10_000));
        assert_eq!(counts.allocations, 2 * (25_000 + 30_000));
        assert_eq!(one, fixed(1, 30_000).0);
        let work = Work::Fixed { generations: 1, replacements: 30_000 };
        assert_eq!(one, perform::<Libc>(shape(Preset::Current, 2), work, &mut Meter::default()));
    }

    #[test]
    fn successors_go_on_where_threads_end_and_free_what_they_inherit() {
        let (one, first) = fixed(1, 40_000);
        let (four, later) = fixed(4, 10_000);
        assert_eq!(one, four);
        // With 8 replacements per block nearly every inherited block is freed by its heir: 10,000
        // of the warm-up, and with each of three more generations about 86 % of 10,000.
        assert!((9_990..=10_000).contains(&first.cross_thread_frees), "{first:?}");
        assert!((30_000..40_000).contains(&later.cross_thread_frees), "{later:?}");
    }

    #[test]
    fn a_timed_run_stops() {
        let mut meter = Meter::default();
        // A share this small makes successors start all the time, also while the time runs out.
        let work = Work::Timed { seconds: 1, replacements: 10 };
        let done = perform::<Global>(shape(Preset::Current, 4), work, &mut meter);
        assert!(done.replacements > 40 && meter.elapsed() >= Duration::from_secs(1));
    }

    #[test]
    fn blocks_of_the_2019_preset_have_seven_bytes() {
        let shape = shape(Preset::Seed2019, 2);
        let work = Work::Fixed { generations: 1, replacements: 100 };
        let done = perform::<Global>(shape, work, &mut Meter::default());
        assert_eq!((done.replacements, done.bytes, done.live_bytes), (10_000, 70_000, 700_000));
        assert_eq!(done.intact, 100_000);
    }
}
