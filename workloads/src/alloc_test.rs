//! alloc-test: a long-running heap in which a few slots are replaced all the time and most blocks
//! live long; every block is written and read in full.
//!
//! The unit of `--ops` is one iteration (a slot is filled or emptied) of each thread.

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::proc_status;
use crate::registry::{Failure, Outcome, Params, Workload, at_most};
use crate::rows::{Preset, Size};
use crate::threads::{self, Job, MAX_THREADS};

/// Iterations of each thread, at every size.
const fn iterations(size: Size) -> u64 {
    match size {
        Size::Check => 320_000,
        Size::Quick => 6_400_000,
        Size::Calibrated => 7_000_000,
        Size::Full => 100_000_000,
    }
}

/// The main part is done in rounds, with a look at the process's memory after each.
const ROUNDS: u64 = 32;

/// Slots are filled in groups at first, one random bit for each.
const GROUP: usize = 32;

/// The row; `SCALED` has one thread per core.
#[derive(Debug)]
pub struct AllocTest<const SCALED: bool>;

impl<const SCALED: bool> Workload for AllocTest<SCALED> {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let wanted = match (SCALED, params.preset) {
            (false, _) => 1,
            (true, Preset::Seed2019) => params.threads,
            (true, Preset::Current) => params.threads.min(16),
        };
        let threads = at_most(MAX_THREADS, wanted)?;
        let (all_slots, seed) = match params.preset {
            Preset::Seed2019 => (1 << 20, 42),
            Preset::Current => (1 << 18, 41),
        };
        if !Choice::new(all_slots / threads).is_possible() {
            return Err(Failure::Parameters(format!(
                "{threads} threads are too many: some would have no slots"
            )));
        }
        let iterations = params.ops.unwrap_or(iterations(params.size));
        let plan = Plan { threads, slots: all_slots / threads, seed, iterations };
        let sums = perform::<A>(plan, meter);
        let sum = sums[0];
        if sums.iter().any(|&other| other != sum) {
            return Err(Failure::Check(format!(
                "threads read different contents from their blocks: {sums:?}"
            )));
        }
        let operations = plan.iterations * threads as u64;
        let milliseconds = meter.elapsed().as_millis();
        Ok(Outcome {
            operations,
            timed: false,
            figure: format!(
                "[ctr = {sum}] {threads} threads made {operations} alloc/dealloc operations in {milliseconds} ms"
            ),
            checksum: Some(sum.to_string()),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    threads: usize,
    /// Slots of each thread.
    slots: usize,
    /// All threads have the same.
    seed: u64,
    iterations: u64,
}

/// Returns the sum of all contents read, for each thread.
fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Vec<i64> {
    let mut testers: Vec<_> =
        (0..plan.threads).map(|_| Tester::<A> { plan, sum: 0, api: PhantomData }).collect();
    meter.start();
    threads::run_all::<A, _>(&mut testers, || ());
    meter.stop::<A>();
    testers.iter().map(|tester| tester.sum.cast_signed()).collect()
}

struct Tester<A> {
    plan: Plan,
    sum: u64,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Job for Tester<A> {
    fn run(&mut self) {
        let mut rng = Rng(self.plan.seed);
        let choice = Choice::new(self.plan.slots);
        let mut slots = Slots::<A>::new(self.plan.slots);
        slots.fill_half(&mut rng);
        for _ in 0..ROUNDS {
            for _ in 0..self.plan.iterations / ROUNDS {
                let index = choice.draw(&mut rng);
                if !slots.empty(index) {
                    slots.fill(index, rng.size());
                }
            }
            proc_status::glance();
        }
        self.sum = slots.dissolve();
    }
}

/// The generator; its state is that of three xor-shifts, its output a multiple of it.
struct Rng(u64);

impl Rng {
    #[inline]
    fn next32(&mut self) -> u32 {
        let output = self.0.wrapping_mul(0xd989_bcac_c137_dcd5) >> 32;
        self.0 ^= self.0 >> 11;
        self.0 ^= self.0 << 31;
        self.0 ^= self.0 >> 18;
        output as u32
    }

    #[inline]
    fn next64(&mut self) -> u64 {
        let high = u64::from(self.next32());
        high << 32 | u64::from(self.next32())
    }

    /// Half of all sizes are 5 to 8, a quarter 9 to 16, and so on up to 1024.
    #[inline]
    fn size(&mut self) -> u32 {
        let random = self.next64();
        let exponent = ((random & 127) + 1).trailing_zeros() + 2;
        let offset = (random >> 7) as u32 & ((1 << exponent) - 1);
        offset + 1 + (1 << exponent)
    }
}

/// Shares of the accesses that go to each class of slots; the first class is the largest.
const SHARES: [f64; 7] = [0.262_144, 0.393_216, 0.245_76, 0.081_92, 0.015_36, 0.001_536, 0.000_064];

/// Which slot comes next: a few are chosen most of the time.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    /// A random number below a limit takes the class of that limit.
    limits: [u32; 6],
    /// Class `i` has the slots from `offsets[i]` to `offsets[i + 1]`.
    offsets: [u32; 8],
}

impl Choice {
    fn new(slots: usize) -> Choice {
        let all = f64::from(u32::MAX);
        let mut limits = [0; 6];
        let mut limit = 0;
        for class in 0..5 {
            limit += (all * SHARES[class]) as u32;
            limits[class] = limit;
        }
        limits[5] = (all * (1.0 - SHARES[6])) as u32;
        let mut offsets = [0; 8];
        for class in 0..6 {
            offsets[class + 1] = offsets[class] + (slots as f64 * SHARES[6 - class]) as u32;
        }
        offsets[7] = u32::try_from(slots).expect("slots are counted in 32 bits");
        Choice { limits, offsets }
    }

    /// Whether every class has a slot.
    fn is_possible(&self) -> bool {
        self.offsets.is_sorted_by(|first, next| first < next)
    }

    #[inline]
    fn draw(&self, rng: &mut Rng) -> usize {
        let (which, where_in) = (rng.next32(), rng.next32());
        let class = self.limits.iter().position(|&limit| which < limit).unwrap_or(6);
        let (first, end) = (self.offsets[class], self.offsets[class + 1]);
        (first + where_in % (end - first)) as usize
    }
}

/// An entry of the slot array: 16 bytes, as in the original.
struct Slot {
    block: Option<NonNull<u8>>,
    size: u32,
}

/// The slot array, on the heap under test, and the sum of all contents read from blocks.
struct Slots<A: Api> {
    array: NonNull<Slot>,
    count: usize,
    sum: u64,
    api: PhantomData<A>,
}

impl<A: Api> Slots<A> {
    fn new(count: usize) -> Slots<A> {
        let array = A::alloc(Request::array::<Slot>(count)).cast::<Slot>();
        // SAFETY: the array has room for the slots; all zeroes is no block and no size.
        unsafe { array.write_bytes(0, count) };
        Slots { array, count, sum: 0, api: PhantomData }
    }

    /// Fills every slot whose random bit is set.
    fn fill_half(&mut self, rng: &mut Rng) {
        for group in 0..self.count / GROUP {
            let mut bits = rng.next32();
            while bits != 0 {
                let index = group * GROUP + bits.trailing_zeros() as usize;
                self.fill(index, rng.size());
                bits &= bits - 1;
            }
        }
    }

    #[inline]
    fn slot(&mut self, index: usize) -> &mut Slot {
        assert!(index < self.count, "slots are chosen from those there are");
        // SAFETY: `new` initialised `count` slots, and `self` is borrowed as long as the result.
        unsafe { self.array.add(index).as_mut() }
    }

    /// Allocates a block for the slot and writes all of it.
    #[inline]
    fn fill(&mut self, index: usize, size: u32) {
        let block = A::alloc(Request::bytes(size as usize));
        // SAFETY: the block has `size` bytes.
        unsafe { block.write_bytes(size as u8, size as usize) };
        *self.slot(index) = Slot { block: Some(block), size };
    }

    /// Reads the slot's block and frees it; tells whether there was one.
    #[inline]
    fn empty(&mut self, index: usize) -> bool {
        let slot = self.slot(index);
        let Some(block) = slot.block.take() else { return false };
        let size = slot.size as usize;
        // SAFETY: `fill` made the block for this size and wrote all of it; it left its slot, so it
        // is freed once.
        unsafe {
            self.sum = self.sum.wrapping_add(sum_of(block, size));
            A::free(block, Request::bytes(size));
        }
        true
    }

    /// Reads and frees every block, frees the array, and returns the sum of everything read.
    fn dissolve(mut self) -> u64 {
        for index in 0..self.count {
            self.empty(index);
        }
        // SAFETY: the array came from `A` for this request, and `self` was all that refers to it.
        unsafe { A::free(self.array.cast(), Request::array::<Slot>(self.count)) };
        self.sum
    }
}

/// The sum of all words of the block and of the bytes that are left.
///
/// # Safety
/// The block has `size` bytes, all written.
#[inline]
unsafe fn sum_of(block: NonNull<u8>, size: usize) -> u64 {
    // SAFETY: the caller says that these bytes are there and written.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, size).as_ref() };
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word)).fold(0, u64::wrapping_add);
    rest.iter().map(|&byte| u64::from(byte)).fold(words, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn current(threads: usize, iterations: u64) -> Plan {
        Plan { threads, slots: (1 << 18) / threads, seed: 41, iterations }
    }

    fn counted(plan: Plan) -> (Vec<i64>, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let sums = perform::<Counted<Global>>(plan, &mut meter);
        (sums, meter.counts())
    }

    #[test]
    fn first_outputs_of_the_generator() {
        let mut rng = Rng(41);
        let outputs: Vec<u32> = (0..5).map(|_| rng.next32()).collect();
        assert_eq!(outputs, [3_608_098_730, 922_600_695, 80_054_809, 3_295_596_224, 919_228_687]);
    }

    #[test]
    fn sizes_halve_in_frequency_as_they_double() {
        let mut rng = Rng(41);
        let sizes: Vec<u32> = (0..100_000).map(|_| rng.size()).collect();
        assert!(sizes.iter().all(|size| (5..=1024).contains(size)));
        let share = |low, high| sizes.iter().filter(|size| (low..=high).contains(*size)).count() as f64 / 1e5;
        for (low, high, expected) in
            [(5, 8, 0.5), (9, 16, 0.25), (17, 32, 0.125), (257, 512, 0.0078), (513, 1024, 0.0078)]
        {
            assert!((share(low, high) - expected).abs() < 0.005, "{low}..{high}");
        }
        let mean = sizes.iter().map(|&size| u64::from(size)).sum::<u64>() as f64 / 1e5;
        assert!((mean - 27.5).abs() < 0.5, "{mean}");
    }

    #[test]
    fn classes_of_slots() {
        let choice = Choice::new(1 << 18);
        assert_eq!(choice.offsets, [0, 16, 418, 4_444, 25_918, 90_342, 193_421, 262_144]);
        let limits =
            [1_125_899_906, 2_814_749_765, 3_870_280_927, 4_222_124_647, 4_288_095_344, 4_294_692_417];
        assert_eq!(choice.limits, limits);
        assert!(choice.is_possible() && !Choice::new(1 << 13).is_possible());
    }

    #[test]
    fn half_of_the_slots_are_filled_at_first() {
        Counted::<Global>::take_counts();
        let mut slots = Slots::<Counted<Global>>::new(1 << 18);
        assert_eq!(Counted::<Global>::take_counts().bytes, 16 << 18);
        slots.fill_half(&mut Rng(41));
        let counts = Counted::<Global>::take_counts();
        assert_eq!((counts.allocations, counts.bytes), (130_672, 3_617_750));
        slots.dissolve();
        assert_eq!(Counted::<Global>::take_counts().frees, 130_672 + 1);
    }

    #[test]
    fn sums_of_one_thread() {
        let known = [
            (32, -9_114_861_777_588_060_293),
            (3_200, -3_761_688_987_570_261_120),
            (100_000, 795_741_901_232_149_287),
            (1_000_000, 5_280_832_617_226_154_844),
            (10_000_000, -6_221_254_863_695_296_311),
        ];
        for (iterations, sum) in known {
            assert_eq!(counted(current(1, iterations)).0, [sum], "{iterations} iterations");
        }
    }

    #[test]
    fn sum_of_the_full_size() {
        assert_eq!(counted(current(1, iterations(Size::Full))).0, [5_859_554_003_585_743_717]);
    }

    #[test]
    fn sums_of_two_threads() {
        assert_eq!(counted(current(2, 1_000_000)).0, [-5_570_193_308_490_092_112; 2]);
    }

    #[test]
    fn allocations_of_the_main_part() {
        let arrays_and_setup = 130_672 + 1;
        for (iterations, main) in [(100_000, 49_933), (1_000_000, 500_070)] {
            let (_, counts) = counted(current(1, iterations));
            assert_eq!(counts.allocations, main + arrays_and_setup);
            assert_eq!((counts.frees, counts.cross_thread_frees), (counts.allocations, 0));
        }
    }
}
