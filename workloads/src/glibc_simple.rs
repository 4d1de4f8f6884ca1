//! glibc-simple: one thread allocates equal small blocks, frees the first half in the order of
//! allocation and the other in reverse, again and again; before, while and after a second thread does.
//!
//! The unit of `--ops` is one block in each test of each pass.

use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::Size;
use crate::threads::{self, Job};

/// Sizes of blocks, each with an array and passes of its own.
const BLOCK_SIZES: [usize; 3] = [16, 32, 64];

/// What a test has alive at a time; a pass is one test of each.
const LIVE: [usize; 4] = [25, 100, 400, 1_600];

/// Cells of the array, enough for every test.
const CELLS: usize = 1_600;

/// What blocks are written with.
const FILLING: u8 = 0xa5;

/// Who makes a pass. The first pass is to warm up and is measured like the others: there is no thread
/// yet but the main one, and some allocators are faster as long as that is so.
const PASSES: [By; 4] = [By::Main, By::Main, By::NewThread, By::Main];

#[derive(Debug, Clone, Copy)]
enum By {
    Main,
    NewThread,
}

/// Blocks of one test, at every size.
const fn blocks(size: Size) -> u64 {
    match size {
        Size::Check => 80_000,
        Size::Quick => 400_000,
        Size::Calibrated => 600_000,
        Size::Full => 2_000_000,
    }
}

/// Rounds that a test of so many blocks has.
fn rounds(blocks: u64, live: usize) -> u64 {
    (blocks / live as u64).max(1)
}

/// The row.
#[derive(Debug)]
pub struct GlibcSimple;

impl Workload for GlibcSimple {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let done = perform::<A>(params.ops.unwrap_or(blocks(params.size)), meter);
        Ok(Outcome {
            operations: done.blocks,
            timed: false,
            figure: format!("{} blocks in {:.3} s", done.blocks, meter.elapsed().as_secs_f64()),
            checksum: Some(digest([done.blocks, done.bytes])),
        })
    }
}

/// What was allocated and freed again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Done {
    blocks: u64,
    bytes: u64,
}

fn perform<A: Api>(blocks: u64, meter: &mut Meter) -> Done {
    let mut done = Done::default();
    meter.start();
    for size in BLOCK_SIZES {
        let array = A::alloc(CELLS_REQUEST);
        // SAFETY: the block has room for the cells and is used through this slice only, until it is
        // freed; a cell need not be initialised.
        let cells = unsafe { slice::from_raw_parts_mut(array.cast::<Cell>().as_ptr(), CELLS) };
        // As in the original, the loop is compiled for any size and not for one of these.
        let mut pass = Pass::<A> { size: black_box(size), blocks, cells, done, api: PhantomData };
        for by in PASSES {
            match by {
                By::Main => pass.run(),
                By::NewThread => threads::run_all::<A, _>(slice::from_mut(&mut pass), || ()),
            }
        }
        done = pass.done;
        // SAFETY: the array came from `A` for this request and nothing refers to it any more.
        unsafe { A::free(array, CELLS_REQUEST) };
    }
    meter.stop::<A>();
    done
}

/// An entry of the array.
type Cell = MaybeUninit<NonNull<u8>>;

/// The array, on the heap under test.
const CELLS_REQUEST: Request = Request::array::<Cell>(CELLS);

/// One test of every kind, with blocks of one size.
struct Pass<'a, A> {
    size: usize,
    /// Blocks of each test.
    blocks: u64,
    cells: &'a mut [Cell],
    done: Done,
    api: PhantomData<fn() -> A>,
}

// SAFETY: the array belongs to the pass alone, and what is in it is freed before the pass ends.
unsafe impl<A> Send for Pass<'_, A> {}

impl<A: Api> Job for Pass<'_, A> {
    fn run(&mut self) {
        for live in LIVE {
            let rounds = rounds(self.blocks, live);
            (0..rounds).for_each(|_| self.round(live));
            self.done.blocks += rounds * live as u64;
            self.done.bytes += rounds * (live * self.size) as u64;
        }
    }
}

impl<A: Api> Pass<'_, A> {
    #[inline]
    fn round(&mut self, live: usize) {
        let request = Request::bytes(self.size);
        let cells = &mut self.cells[..live];
        for cell in &mut *cells {
            let block = A::alloc(request);
            // SAFETY: the block has this many bytes.
            unsafe { block.write_bytes(FILLING, request.size()) };
            cell.write(block);
        }
        // SAFETY: the loop above filled each of these cells with a block of this request, and each
        // cell is passed once.
        let free = |cell: &Cell| unsafe { A::free(cell.assume_init(), request) };
        let (first, second) = cells.split_at(live / 2);
        first.iter().for_each(free);
        second.iter().rev().for_each(free);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::api::Global;
    use crate::counted::Counted;
    use crate::protocol::Counts;

    fn counted(blocks: u64) -> (Done, Counts) {
        let mut meter = Meter::default();
        Counted::<Global>::take_counts();
        let done = perform::<Counted<Global>>(blocks, &mut meter);
        (done, meter.counts())
    }

    #[test]
    fn every_test_of_every_pass_allocates_its_share() {
        let passes = PASSES.len() as u64;
        for blocks in [1_600, blocks(Size::Check)] {
            let tests = passes * LIVE.len() as u64;
            let (done, counts) = counted(blocks);
            assert_eq!(done, Done { blocks: 3 * tests * blocks, bytes: (16 + 32 + 64) * tests * blocks });
            let array = 8 * CELLS as u64;
            let expected = Counts {
                allocations: done.blocks + 3,
                frees: done.blocks + 3,
                bytes: done.bytes + 3 * array,
                cross_thread_frees: 0,
            };
            assert_eq!(counts, expected);
        }
    }

    #[test]
    fn full_size_allocates_96_million_blocks() {
        let tests = LIVE.map(|live| rounds(blocks(Size::Full), live) * live as u64);
        let a_pass: u64 = tests.iter().sum();
        assert_eq!(BLOCK_SIZES.len() as u64 * PASSES.len() as u64 * a_pass, 96_000_000);
    }

    #[test]
    fn full_size_is_counted_as_the_formula_says() {
        let (done, counts) = counted(blocks(Size::Full));
        assert_eq!((done.blocks, counts.allocations), (96_000_000, 96_000_003));
        assert_eq!(done.bytes / done.blocks, 37);
    }

    #[test]
    fn no_size_cuts_a_round_short() {
        for size in [Size::Check, Size::Quick, Size::Calibrated, Size::Full] {
            assert!(LIVE.iter().all(|&live| blocks(size).is_multiple_of(live as u64)), "{size:?}");
        }
    }

    thread_local! {
        static CALLS: RefCell<Vec<(char, usize)>> = const { RefCell::new(Vec::new()) };
    }

    /// Writes down what it is asked for.
    struct Recorded;

    fn record(call: char, block: NonNull<u8>) {
        CALLS.with_borrow_mut(|calls| calls.push((call, block.addr().get())));
    }

    // SAFETY: every block comes from `Global` unchanged.
    unsafe impl Api for Recorded {
        fn alloc(request: Request) -> NonNull<u8> {
            let block = Global::alloc(request);
            record('a', block);
            block
        }

        fn alloc_zeroed(request: Request) -> NonNull<u8> {
            Global::alloc_zeroed(request)
        }

        unsafe fn free(block: NonNull<u8>, request: Request) {
            record('f', block);
            // SAFETY: the caller keeps the contract of `free`.
            unsafe { Global::free(block, request) }
        }
    }

    #[test]
    fn half_is_freed_in_the_order_of_allocation_and_half_in_reverse() {
        let mut cells = [Cell::uninit(); 9];
        let done = Done::default();
        let mut pass = Pass::<Recorded> { size: 48, blocks: 5, cells: &mut cells, done, api: PhantomData };
        pass.round(5);
        let calls = CALLS.take();
        let made: Vec<usize> = calls[..5].iter().map(|call| call.1).collect();
        assert!(calls[..5].iter().all(|call| call.0 == 'a'));
        let freed: Vec<_> = [0, 1, 4, 3, 2].map(|index| ('f', made[index])).into();
        assert_eq!(calls[5..], freed);
    }

    #[test]
    fn one_pass_in_four_is_made_by_another_thread() {
        perform::<Recorded>(1_600, &mut Meter::default());
        let calls = CALLS.take();
        let a_pass = 2 * 1_600 * LIVE.len();
        let array = 2;
        assert_eq!(calls.len(), 3 * (3 * a_pass + array));
    }
}
