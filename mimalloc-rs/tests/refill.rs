//! Which page the next blocks come from, and what it has.

mod support;

use std::alloc::Layout;
use std::collections::BTreeMap;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Arena, MiMalloc};
use support::block::Block;
use support::process;

/// Pages lie in units of this many bytes, so blocks that share one share a page.
const UNIT: usize = 64 << 10;
/// A heap of this many bytes is a large one.
const LARGE: usize = 24 << 20;
/// Behind this many bytes the heap is a large one.
const SPARED: usize = 16 << 20;
const HUGE: usize = 2 << 20;
const SYSTEM_PAGE: usize = 4096;

fn page_of(block: &Block) -> usize {
    block.start() / UNIT
}

#[test]
fn a_page_with_many_free_blocks_goes_before_one_with_a_few() {
    let layout = Layout::from_size_align(64, 8).unwrap();
    let mut pages: BTreeMap<usize, Vec<Block>> = BTreeMap::new();
    let mut newest = 0;
    while pages.len() < 5 {
        let block = Block::new(layout, 1);
        newest = page_of(&block);
        pages.entry(newest).or_default().push(block);
    }
    let returned = pages.get_mut(&newest).and_then(Vec::pop).expect("it has one");
    let place = returned.start();
    for blocks in pages.iter_mut().filter(|(page, _)| **page != newest).map(|(_, blocks)| blocks) {
        blocks.drain(..blocks.len() / 2).for_each(Block::free);
    }
    returned.free();

    // The rest of what the newest page linked comes first, whatever was freed.
    let mut taken = vec![];
    loop {
        let block = Block::new(layout, 2);
        assert_ne!(block.start(), place, "the newest page's only free block, while others have hundreds");
        let page = page_of(&block);
        taken.push(block);
        if page != newest {
            break;
        }
    }
    pages.into_values().flatten().chain(taken).for_each(Block::free);
}

/// System pages of a unit that have memory.
fn resident(unit: usize) -> usize {
    let mut states = [0; UNIT / SYSTEM_PAGE];
    // SAFETY: the table has an entry for each of the pages, which are mapped: a block lies in this unit.
    let result = unsafe { libc::mincore((unit * UNIT) as *mut libc::c_void, UNIT, states.as_mut_ptr()) };
    assert_eq!(result, 0);
    states.iter().filter(|state| **state & 1 != 0).count()
}

fn has_small_system_pages() -> bool {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) == SYSTEM_PAGE as libc::c_long }
}

/// Blocks up to the first that lies at least so many bytes behind the heap's start.
fn blocks_up_to(distance: usize) -> Vec<Block> {
    let layout = Layout::from_size_align(128, 8).unwrap();
    let mut blocks = vec![Block::new(layout, 1)];
    let start = Arena::all().next().expect("there is a block in it").area().0.addr();
    while blocks.last().is_some_and(|block| block.start() < start + distance) {
        blocks.push(Block::new(layout, 1));
    }
    blocks
}

#[test]
fn a_large_heap_gets_the_memory_of_a_page_at_once() {
    let small_pages = [("MIMALLOC_ALLOW_THP", "0")];
    process::alone_with("a_large_heap_gets_the_memory_of_a_page_at_once", &small_pages, || {
        if !has_small_system_pages() {
            return;
        }
        let blocks = blocks_up_to(LARGE);
        let newest = blocks.last().map(page_of).expect("there are blocks");
        // The last may be a guard.
        assert!(resident(newest) >= UNIT / SYSTEM_PAGE - 1, "{} of its pages have memory", resident(newest));
        blocks.into_iter().for_each(Block::free);
    });
}

#[test]
fn what_a_huge_page_brought_along_goes_back() {
    process::alone("what_a_huge_page_brought_along_goes_back", || {
        if !has_small_system_pages() {
            return;
        }
        let units = HUGE / UNIT;
        // Of the first place for a huge page, only the first page is used.
        let blocks = blocks_up_to(SPARED);
        let newest = blocks.last().map(page_of).expect("there are blocks");
        blocks.into_iter().for_each(Block::free);
        MiMalloc.collect(true);
        let first = newest / units * units;
        let left: usize = (first..first + units).map(resident).sum();
        assert_eq!(left, 0, "system pages that stayed");
    });
}

/// Blocks of a table that is replaced at random come back one here, one there, to pages that are full otherwise. With some more
/// free blocks than the table needs, pages are not given up and taken back for each.
#[test]
fn a_table_that_is_replaced_at_random_takes_few_pages_back() {
    process::alone("a_table_that_is_replaced_at_random_takes_few_pages_back", || {
        const BLOCKS: usize = 10_000;
        const ROUNDS: i64 = 300_000;
        let here = ThreadHeap::current();
        let mut table: Vec<_> = (0..BLOCKS).map(|_| here.malloc(256)).collect();
        let taken_back = || Stats::process().pages_reclaim_on_free.total;
        let (before, pages) = (taken_back(), Stats::process().pages.current);
        let mut state = 1_u64;
        for _ in 0..ROUNDS {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = &mut table[(state >> 33) as usize % BLOCKS];
            // SAFETY: the block is live and given up.
            unsafe { raw::free(std::mem::replace(place, here.malloc(256))) };
        }
        let taken_back = taken_back() - before;
        assert!(taken_back < ROUNDS / 20, "{taken_back} pages in {ROUNDS} rounds");
        let more = Stats::process().pages.current - pages;
        assert!(more * 8 <= pages, "{more} pages more than {pages}");
    });
}
