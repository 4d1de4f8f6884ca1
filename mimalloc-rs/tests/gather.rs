//! Blocks that another thread frees next to each other: it marks them together, and none is forgotten.

mod support;

use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use mimalloc_rs::{ErrorKind, MiMalloc, hooks, raw};
use support::block::Block;
use support::errors::{error_of, without_error};
use support::process;

/// Pages lie in units of this many bytes.
const UNIT: usize = 64 << 10;

/// So many blocks, in the order of their addresses.
fn neighbours(size: usize, count: usize) -> Vec<Block> {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let mut blocks: Vec<_> = (0..count).map(|n| Block::new(layout, n as u8)).collect();
    blocks.sort_by_key(Block::start);
    blocks
}

/// Threads that never allocate mark each block at once.
fn allocate_once() {
    neighbours(8, 1).into_iter().for_each(Block::free);
}

#[test]
fn neighbours_of_all_sizes_come_back_and_nothing_else_does() {
    for size in (8..=1200).step_by(8) {
        let mut blocks = neighbours(size, 4 * UNIT / size);
        for _ in 0..3 {
            // Some stay, here and there, and their contents with them.
            let (mut kept, mut freed) = (vec![], vec![]);
            for (n, block) in blocks.into_iter().enumerate() {
                if n % 97 == 13 { kept.push(block) } else { freed.push(block) }
            }
            let count = freed.len();
            thread::scope(|scope| {
                scope.spawn(|| {
                    allocate_once();
                    without_error(|| freed.into_iter().for_each(Block::free));
                });
            });
            kept.extend(neighbours(size, count));
            kept.sort_by_key(Block::start);
            kept.iter().for_each(Block::check);
            blocks = kept;
        }
        without_error(|| blocks.into_iter().for_each(Block::free));
    }
}

/// Blocks of a page that the thread goes on with, and 130 neighbours of them: among those are all whose marks share some word.
fn of_the_current_page(size: usize) -> (Vec<Block>, Vec<Block>) {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let mut blocks: Vec<_> = (0..UNIT / size / 2).map(|n| Block::new(layout, n as u8)).collect();
    let mut last = blocks.split_off(blocks.len() - 130);
    last.sort_by_key(Block::start);
    (blocks, last)
}

#[test]
fn a_block_that_is_freed_twice_among_neighbours_is_reported() {
    // From the first to the last, from the last to the first, and in leaps, of which each comes by all 64.
    for leap in [1, 63, 37, 7] {
        let (mut blocks, mut last) = of_the_current_page(64);
        blocks.append(&mut last);
        blocks.sort_by_key(Block::start);
        // Those whose marks share a word.
        let distances = blocks.windows(2).map(|pair| pair[1].start() - pair[0].start());
        let word_size = 64 * distances.min().expect("there are several");
        let word = |block: &Block| (block.start() / UNIT, block.start() % UNIT / word_size);
        let group = blocks.chunk_by(|a, b| word(a) == word(b)).rfind(|group| group.len() == 64);
        let word_of_all = word(&group.expect("a page is used from its start")[0]);
        let (blocks, kept): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| word(block) == word_of_all);
        let places: Vec<_> = blocks.iter().map(Block::start).collect();
        let mut blocks: Vec<_> = blocks.into_iter().map(Some).collect();
        thread::scope(|scope| {
            scope.spawn(|| {
                allocate_once();
                // The first is marked at once.
                let mut gathered = [false; 64];
                for n in (0..64).map(|n| n * leap % 64) {
                    without_error(|| blocks[n].take().expect("each comes once").free());
                    for again in (n.saturating_sub(1)..=n + 1).filter(|&n| n < 64 && gathered[n]) {
                        let start = places[again];
                        // SAFETY: the block is free; that it is not freed again is what is looked at.
                        let error =
                            error_of(|| unsafe { raw::free(ptr::with_exposed_provenance_mut(start)) });
                        assert_eq!(error.1, Some(ErrorKind::DoubleFree), "{start:#x}, leap {leap}");
                    }
                    gathered[n] = n > 0;
                }
            });
        });
        kept.into_iter().for_each(Block::free);
    }
}

/// Frees neighbours in another thread, which then does `afterwards`. The thread that made them finds them all while the
/// other one is still there.
fn found_after(afterwards: impl FnOnce() + Send) {
    const SIZE: usize = 48;
    let (mut blocks, mut freed) = of_the_current_page(SIZE);
    let places: BTreeSet<_> = freed.iter().map(Block::start).collect();
    // No channel: it would allocate.
    let [done, end] = [AtomicBool::new(false), AtomicBool::new(false)];
    let wait = |flag: &AtomicBool| {
        while !flag.load(Ordering::Acquire) {
            thread::yield_now()
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            allocate_once();
            freed.drain(..).for_each(Block::free);
            afterwards();
            done.store(true, Ordering::Release);
            wait(&end);
        });
        wait(&done);
        blocks.extend(neighbours(SIZE, UNIT / SIZE));
        end.store(true, Ordering::Release);
    });
    let found = blocks.iter().filter(|block| places.contains(&block.start())).count();
    assert_eq!(found, places.len(), "blocks that came back");
    blocks.into_iter().for_each(Block::free);
}

#[test]
fn a_collection_marks_what_was_gathered() {
    found_after(|| MiMalloc.collect(false));
}

#[test]
fn an_allocation_that_finds_no_block_at_hand_marks_what_was_gathered() {
    let layout = Layout::from_size_align(1000, 8).unwrap();
    let mut allocated = Vec::with_capacity(100);
    found_after(|| allocated.extend((0..100).map(|_| Block::new(layout, 1))));
    allocated.into_iter().for_each(Block::free);
}

#[test]
fn a_block_of_another_page_has_the_gathered_ones_marked() {
    let (others, mut elsewhere) = of_the_current_page(200);
    found_after(|| elsewhere.drain(..).for_each(Block::free));
    others.into_iter().for_each(Block::free);
}

/// What [`free_more`] frees, once.
static MORE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

unsafe extern "C" fn free_more(_: c_int, _: *mut c_void) {
    MORE.iter().for_each(|place| free_at(place.swap(0, Ordering::Relaxed)));
}

/// Frees a block that is live, or was, or nothing if it is zero.
fn free_at(start: usize) {
    // SAFETY: a block that is not live is one that was gathered, or is noticed when those are marked.
    unsafe { raw::free(ptr::with_exposed_provenance_mut(start)) };
}

/// The first blocks in a row whose marks share a word.
fn row<const N: usize>(blocks: &[Block], size: usize) -> [usize; N] {
    let word = |start: usize| (start / UNIT, start % UNIT / size / 64);
    let starts: Vec<_> = blocks.iter().map(Block::start).collect();
    let is_row = |row: &&[usize]| row[N - 1] - row[0] == (N - 1) * size && word(row[0]) == word(row[N - 1]);
    starts.windows(N).find(is_row).expect("130 neighbours").try_into().unwrap()
}

/// What threads do one after the other.
#[derive(Default)]
struct Turn(AtomicUsize);

impl Turn {
    fn next(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn wait_for(&self, number: usize) {
        while self.0.load(Ordering::Acquire) != number {
            thread::yield_now();
        }
    }
}

/// Blocks are marked when a thread frees one elsewhere. One of them was freed by another thread as well, the thread is told of that,
/// and frees and gathers meanwhile.
#[test]
fn what_is_gathered_while_others_are_marked_is_not_forgotten() {
    if cfg!(any(feature = "debug", feature = "secure")) {
        // The second free is noticed at once there.
        return;
    }
    process::alone("what_is_gathered_while_others_are_marked_is_not_forgotten", || {
        let (kept, blocks) = of_the_current_page(64);
        let (mut freed_meanwhile, others) = of_the_current_page(128);
        let (rest, last) = of_the_current_page(192);
        let ([first, twice, third], more) = (row(&blocks, 64), row::<2>(&others, 128));
        let [elsewhere] = row(&last, 192);
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_error(Some(free_more), ptr::null_mut()) };
        let turn = Turn::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                allocate_once();
                [first, twice, third].into_iter().for_each(free_at);
                turn.next();
                turn.wait_for(2);
                MORE.iter().zip(more).for_each(|(place, start)| place.store(start, Ordering::Relaxed));
                free_at(elsewhere);
                turn.next();
                turn.wait_for(4);
            });
            scope.spawn(|| {
                turn.wait_for(1);
                free_at(twice);
                turn.next();
            });
            turn.wait_for(3);
            assert!(MORE.iter().all(|place| place.load(Ordering::Relaxed) == 0), "nobody was told");
            freed_meanwhile.extend(neighbours(128, UNIT / 128));
            turn.next();
        });
        let found = freed_meanwhile.iter().filter(|block| more.contains(&block.start())).count();
        assert_eq!(found, more.len(), "blocks that came back");
        [kept, blocks, others, rest, last].into_iter().flatten().for_each(std::mem::forget);
    });
}

/// A block that was allocated when the thread was told of an error.
static MEANWHILE: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn allocate_one(_: c_int, _: *mut c_void) {
    MEANWHILE.store(raw::ThreadHeap::current().malloc(48).expose_provenance(), Ordering::Relaxed);
}

/// Blocks are marked before a list is filled anew. Who is told then that one was freed twice may fill the list first.
#[test]
fn what_is_allocated_while_blocks_are_marked_costs_no_others() {
    if cfg!(any(feature = "debug", feature = "secure")) {
        // The second free is noticed at once there.
        return;
    }
    process::alone("what_is_allocated_while_blocks_are_marked_costs_no_others", || {
        let (kept, blocks) = of_the_current_page(64);
        let [first, twice] = row(&blocks, 64);
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_error(Some(allocate_one), ptr::null_mut()) };
        let turn = Turn::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                allocate_once();
                [first, twice].into_iter().for_each(free_at);
                turn.next();
                turn.wait_for(2);
                // Nearly as many as a page has.
                let mut pages: BTreeSet<_> =
                    neighbours(48, UNIT / 48 * 98 / 100).iter().map(|block| block.start() / UNIT).collect();
                pages.insert(MEANWHILE.load(Ordering::Relaxed) / UNIT);
                assert_eq!(pages.len(), 1, "pages");
            });
            scope.spawn(|| {
                turn.wait_for(1);
                free_at(twice);
                turn.next();
            });
        });
        [kept, blocks].into_iter().flatten().for_each(std::mem::forget);
    });
}
