//! glibc-thread: every thread replaces blocks in a table of its own; most are tiny, a few have
//! kilobytes, and nothing is shared but the allocator.
//!
//! The original counts the replacements of two seconds; here their number is fixed, and `--ops` is
//! that number, summed over the threads.

use std::marker::PhantomData;
use std::slice;

use crate::api::{Api, Request};
use crate::glibc_rand::{GlibcRand, RAND_MAX};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::Size;
use crate::tagged::Tagged;
use crate::threads::{self, Job, MAX_THREADS};

/// Replacements of all threads together, at every size. The full size is what two threads do in
/// about two seconds.
const fn replacements(size: Size) -> u64 {
    match size {
        Size::Check => 2_000_000,
        Size::Quick => 15_000_000,
        Size::Calibrated => 35_000_000,
        Size::Full => 200_000_000,
    }
}

/// Blocks a thread has at a time.
const SLOTS: usize = 1_024;

/// Block sizes are between these.
const SMALLEST: f32 = 4.0;
const LARGEST: f32 = 32_768.0;

/// The row.
#[derive(Debug)]
pub struct GlibcThread;

impl Workload for GlibcThread {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let share = params.ops.unwrap_or(replacements(params.size)) / threads as u64;
        let (tallies, intact) = perform::<A>(threads, share.max(1), meter);
        let replacements: u64 = tallies.iter().map(|tally| tally.replacements).sum();
        Ok(Outcome {
            operations: replacements,
            timed: false,
            figure: format!("{replacements} iterations in {:.3} s", meter.elapsed().as_secs_f64()),
            checksum: Some(digest(
                tallies.iter().flat_map(|tally| [tally.replacements, tally.bytes]).chain([intact]),
            )),
        })
    }
}

/// What the threads draw: the original fills these tables once and every thread walks through them.
struct Tables {
    sizes: [u16; 8_000],
    offsets: [u16; 4_096],
}

static TABLES: Tables = Tables::new();

impl Tables {
    const fn new() -> Tables {
        let mut tables = Tables { sizes: [0; _], offsets: [0; _] };
        let mut rng = GlibcRand::new();
        let mut index = 0;
        while index < tables.sizes.len() {
            tables.sizes[index] = size_of_draw(rng.next_number());
            index += 1;
        }
        index = 0;
        while index < tables.offsets.len() {
            tables.offsets[index] = (rng.next_number() % SLOTS as u32) as u16;
            index += 1;
        }
        tables
    }
}

/// A size whose frequency falls with its square, in single precision as in the original.
const fn size_of_draw(random: u32) -> u16 {
    let (first, last) = (1.0 / SMALLEST, 1.0 / LARGEST);
    let share = random as f32 / RAND_MAX as f32;
    (1.0 / ((last - first) * share + first)) as u16
}

/// Where a thread is in a table.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor(usize);

impl Cursor {
    /// The entry after the last one taken; the first entry is taken last.
    #[inline]
    fn next(&mut self, table: &[u16]) -> usize {
        self.0 = if self.0 + 1 < table.len() { self.0 + 1 } else { 0 };
        usize::from(table[self.0])
    }
}

/// What a thread asked for in its slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    replacements: u64,
    bytes: u64,
}

/// What each thread did, and how many of the blocks that they left held what was written into them.
fn perform<A: Api>(threads: usize, share: u64, meter: &mut Meter) -> (Vec<Tally>, u64) {
    let mut replacers: Vec<_> = (0..threads).map(|_| Replacer::<A>::new(share)).collect();
    meter.start();
    threads::run_all::<A, _>(&mut replacers, || ());
    meter.stop::<A>();
    let tallies = replacers.iter().map(|replacer| replacer.tally).collect();
    let intact = replacers.into_iter().map(Replacer::drain).sum();
    (tallies, intact)
}

/// One thread and its slots. A block's tag is its size, and each of its bytes the number of its slot. Threads lie side by
/// side, so that slots would share cache lines.
#[repr(align(128))]
struct Replacer<A> {
    slots: [Option<Tagged>; SLOTS],
    share: u64,
    tally: Tally,
    api: PhantomData<fn() -> A>,
}

// SAFETY: the blocks in the slots belong to the replacer alone.
unsafe impl<A> Send for Replacer<A> {}

impl<A: Api> Replacer<A> {
    fn new(share: u64) -> Replacer<A> {
        Replacer { slots: [None; SLOTS], share, tally: Tally::default(), api: PhantomData }
    }

    /// Frees what is left, from the main thread; returns how many blocks held what was written into them.
    fn drain(self) -> u64 {
        let mut intact = 0;
        let taken = self.slots.into_iter().enumerate().filter_map(|(slot, block)| Some((slot, block?)));
        for (slot, (block, size)) in taken.map(|(slot, block)| (slot, block.split())) {
            let size = usize::from(size);
            // SAFETY: the block came from `A` for this many bytes, all of them written, and the slots are gone after this.
            unsafe {
                let bytes = slice::from_raw_parts(block.as_ptr(), size);
                intact += u64::from(bytes.iter().all(|byte| *byte == slot as u8));
                A::free_foreign(block, Request::bytes(size));
            }
        }
        intact
    }
}

impl<A: Api> Job for Replacer<A> {
    fn run(&mut self) {
        let (mut sizes, mut offsets) = (Cursor::default(), Cursor::default());
        let mut tally = Tally::default();
        for _ in 0..self.share {
            let offset = offsets.next(&TABLES.offsets);
            let slot = &mut self.slots[offset];
            if let Some((block, size)) = slot.take().map(Tagged::split) {
                // SAFETY: the block came from `A` for this many bytes and has left its slot.
                unsafe { A::free(block, Request::bytes(usize::from(size))) };
            }
            let size = sizes.next(&TABLES.sizes);
            let block = A::alloc(Request::bytes(size));
            // SAFETY: the block has `size` bytes.
            unsafe { block.write_bytes(offset as u8, size) };
            *slot = Some(Tagged::new(block, size as u16));
            tally.replacements += 1;
            tally.bytes += size as u64;
        }
        self.tally = tally;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    #[test]
    fn sizes_follow_the_inverse_square() {
        assert_eq!((size_of_draw(0), size_of_draw(RAND_MAX / 2), size_of_draw(RAND_MAX)), (4, 7, 32_768));
        let up_to = |limit| TABLES.sizes.iter().filter(|&&size| size <= limit).count();
        // Of 8000: 55 % have at most 8 bytes, 97 % at most 128.
        assert_eq!((up_to(8), up_to(128)), (4_434, 7_737));
        assert_eq!(TABLES.sizes.iter().max(), Some(&31_126));
        let bytes: u64 = TABLES.sizes.iter().map(|&size| u64::from(size)).sum();
        assert_eq!((bytes, (bytes as f64 / 8e3).round()), (311_130, 39.0));
    }

    #[test]
    fn tables_are_those_that_c_makes() {
        // Made of C's `rand` and `powf`.
        let hash = |table: &[u16]| {
            table.iter().fold(0_u64, |hash, &entry| hash.wrapping_mul(31).wrapping_add(u64::from(entry)))
        };
        assert_eq!(TABLES.sizes[..5], [25, 6, 18, 19, 45]);
        assert_eq!(TABLES.offsets[..5], [546, 911, 1_001, 616, 103]);
        assert_eq!(hash(&TABLES.sizes), 4_394_785_691_530_678_590);
        assert_eq!(hash(&TABLES.offsets), 2_733_137_034_695_114_462);
    }

    #[test]
    fn tables_are_walked_from_the_second_entry_to_the_first() {
        let mut cursor = Cursor::default();
        let walk: Vec<usize> = (0..4).map(|_| cursor.next(&[7, 8, 9])).collect();
        assert_eq!(walk, [8, 9, 7, 8]);
    }

    #[test]
    fn threads_replace_their_own_blocks_and_leave_the_last_ones() {
        // Both tables are over after the least common multiple of their lengths.
        let around = 512_000;
        let bytes: u64 = TABLES.sizes.iter().map(|&size| u64::from(size)).sum();
        let used = TABLES.offsets.iter().collect::<HashSet<_>>().len() as u64;
        for threads in [1, 2, 5] {
            let mut meter = Meter::default();
            Counted::<Global>::take_counts();
            let (tallies, intact) = perform::<Counted<Global>>(threads, around, &mut meter);
            let (counts, drained) = (meter.counts(), Counted::<Global>::take_counts());
            let each = Tally { replacements: around, bytes: 64 * bytes };
            assert_eq!(tallies, vec![each; threads]);
            let threads = threads as u64;
            assert_eq!(intact, threads * used);
            let expected = Counts {
                allocations: threads * around,
                frees: threads * (around - used),
                bytes: threads * each.bytes,
                cross_thread_frees: 0,
            };
            assert_eq!(counts, expected);
            assert_eq!((drained.frees, drained.cross_thread_frees), (threads * used, threads * used));
        }
    }
}
