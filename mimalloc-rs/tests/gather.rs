//! Blocks that another thread frees next to each other: it marks them together, and none is forgotten.

mod support;

use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mimalloc_rs::raw;
use mimalloc_rs::{ErrorKind, MiMalloc};
use support::block::Block;
use support::errors::{error_of, without_error};

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
