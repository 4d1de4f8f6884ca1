//! Memory that a program has freed does not stay with it.

mod support;

use std::alloc::{GlobalAlloc, Layout};
use std::collections::VecDeque;
use std::fs;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use mimalloc_rs::MiMalloc;
use support::block::Block;
use support::process;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

const MIB: usize = 1 << 20;
const PEAK: usize = 1024 * MIB;
/// What may be left: tables, the records of pages, and slices the threads keep.
const LEFT: usize = 48 * MIB;
/// How long a program may be active until its memory is back.
const SOON: Duration = Duration::from_secs(1);

/// Has so many bytes in blocks of `size`.
fn blocks(bytes: usize, size: usize) -> Vec<Block> {
    let layout = Layout::from_size_align(size, 8).unwrap();
    (0..bytes / size).map(|number| Block::new(layout, number as u8)).collect()
}

/// Has [`PEAK`] bytes in blocks of `size`.
fn peak(size: usize) -> Vec<Block> {
    blocks(PEAK, size)
}

/// Frees in the order of allocation, or every other block first.
fn free(blocks: Vec<Block>, scattered: bool) {
    if scattered {
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for (number, block) in blocks.into_iter().enumerate() {
            if number % 2 == 0 { even.push(block) } else { odd.push(block) }
        }
        even.into_iter().for_each(Block::free);
        odd.into_iter().for_each(Block::free);
    } else {
        blocks.into_iter().for_each(Block::free);
    }
}

/// Small allocations for some time, and nothing else that might give memory back. Ends early when the
/// process is as small as `wanted`.
fn activity(wanted: usize, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end && process::resident() > wanted {
        let look_again = Instant::now() + SOON / 20;
        while Instant::now() < look_again {
            let blocks: Vec<Box<usize>> = (0..100).map(Box::new).collect();
            black_box(blocks);
        }
    }
}

fn check_peak(start: usize) {
    let resident = process::resident();
    assert!(resident > start + PEAK / 10 * 9, "the peak of {resident} bytes is too small to prove anything");
}

fn check_left(start: usize) {
    let left = process::resident().saturating_sub(start);
    assert!(left < LEFT, "{} MiB are left of {} MiB", left / MIB, PEAK / MIB);
}

fn after_collect(size: usize, scattered: bool) {
    let start = process::resident();
    let blocks = peak(size);
    check_peak(start);
    free(blocks, scattered);
    MiMalloc.collect(true);
    check_left(start);
}

fn without_collect(size: usize) {
    let start = process::resident();
    let blocks = peak(size);
    check_peak(start);
    free(blocks, false);
    activity(start + LEFT / 2, SOON);
    check_left(start);
}

/// All but a tenth is freed, and nobody asks for anything afterwards.
fn on_the_way_down(size: usize) {
    let start = process::resident();
    let mut blocks = peak(size);
    check_peak(start);
    let rest = blocks.split_off(blocks.len() / 10 * 9);
    free(blocks, false);
    check_left(start + PEAK / 10);
    free(rest, false);
}

/// All but a seventh is freed, and nobody asks for anything afterwards: what comes free behind three quarters goes back as well.
fn to_the_end_of_the_way_down(size: usize) {
    let start = process::resident();
    let mut blocks = blocks(PEAK / 4, size);
    let rest = blocks.split_off(blocks.len() / 7 * 6);
    free(blocks, false);
    let left = process::resident().saturating_sub(start);
    assert!(left < PEAK / 4 / 7 + LEFT / 4, "{left} bytes are left");
    free(rest, false);
}

/// The blocks of a thread that has ended, freed by another one.
fn after_the_threads_end(size: usize) {
    let start = process::resident();
    let blocks = thread::spawn(move || peak(size)).join().unwrap();
    check_peak(start);
    thread::spawn(move || free(blocks, true)).join().unwrap();
    MiMalloc.collect(true);
    check_left(start);
}

/// A thread has some blocks of each of its pages freed by another one, and then only frees others. Nobody asks for
/// anything afterwards.
fn of_pages_that_others_emptied(size: usize) {
    let start = process::resident();
    let (first, then) = (blocks(PEAK / 2, size), blocks(PEAK / 2, 2 * size));
    check_peak(start);
    let (mine, others): (Vec<_>, Vec<_>) =
        first.into_iter().enumerate().partition(|(number, _)| number % 16 == 0);
    mine.into_iter().for_each(|(_, block)| block.free());
    thread::spawn(move || others.into_iter().for_each(|(_, block)| block.free())).join().unwrap();
    free(then, false);
    check_left(start);
}

/// A thread frees some blocks of each of its pages, and another one the rest. Then it wants none of that size any more, but is
/// busy with others.
fn of_a_size_that_is_out_of_use(size: usize) {
    let start = process::resident();
    let blocks = peak(size);
    check_peak(start);
    let (mine, others): (Vec<_>, Vec<_>) =
        blocks.into_iter().enumerate().partition(|(number, _)| number % 8 == 0);
    mine.into_iter().for_each(|(_, block)| block.free());
    thread::spawn(move || others.into_iter().for_each(|(_, block)| block.free())).join().unwrap();
    activity(start + LEFT, 6 * SOON);
    check_left(start);
}

/// Threads come and go twice, so that the second take again what went back after the first.
fn of_threads_that_took_it_again(size: usize) {
    const THREADS: usize = 8;
    let start = process::resident();
    for _ in 0..2 {
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            let threads = [(); THREADS].map(|()| {
                scope.spawn(|| {
                    let blocks = blocks(2 * LEFT / THREADS, size);
                    barrier.wait();
                    thread::sleep(SOON / 2);
                    free(blocks, false);
                })
            });
            // The scope alone does not wait until they are gone.
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
    check_left(start);
}

/// Threads end next to each other with a few blocks left in each of their pages; one thread uses all the rest.
fn pages_are_taken_over() {
    const THREADS: usize = 8;
    const KEPT: usize = 8;
    let layout = Layout::from_size_align(500, 8).unwrap();
    let each = PEAK / 4 / THREADS / layout.size();
    let barrier = Barrier::new(THREADS);
    let kept: Vec<Block> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let blocks: Vec<_> = (0..each).map(|number| Block::new(layout, number as u8)).collect();
                    barrier.wait();
                    let (keep, go): (Vec<_>, Vec<_>) =
                        blocks.into_iter().enumerate().partition(|(number, _)| number % KEPT == 0);
                    go.into_iter().for_each(|(_, block)| block.free());
                    keep.into_iter().map(|(_, block)| block).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    MiMalloc.collect(true);
    let start = process::resident();
    let more = THREADS * each / KEPT * (KEPT - 2);
    let blocks: Vec<_> = (0..more).map(|number| Block::new(layout, number as u8)).collect();
    let grown = process::resident().saturating_sub(start + blocks.capacity() * size_of::<Block>());
    assert!(grown < LEFT, "{} MiB are new of {} MiB", grown / MIB, more * layout.size() / MIB);
    kept.into_iter().chain(blocks).for_each(Block::free);
}

/// A thread has its blocks freed by another one, all of a first size and then most of a second. It finds the latter again, though the
/// pages of the former, in the same memory, were known to have free blocks when they went.
fn of_a_second_size(sizes: [usize; 2]) {
    const BYTES: usize = PEAK / 8;
    let first = blocks(BYTES, sizes[0]);
    thread::spawn(move || free(first, true)).join().unwrap();
    let second = blocks(BYTES, sizes[1]);
    let (kept, go): (Vec<_>, Vec<_>) =
        second.into_iter().enumerate().partition(|(number, _)| number % 16 == 0);
    thread::spawn(move || go.into_iter().for_each(|(_, block)| block.free())).join().unwrap();
    let start = process::resident();
    let more = blocks(BYTES / 4 * 3, sizes[1]);
    let grown = process::resident().saturating_sub(start + more.capacity() * size_of::<Block>());
    assert!(grown < LEFT, "{} MiB are new", grown / MIB);
    kept.into_iter().map(|(_, block)| block).chain(more).for_each(Block::free);
}

/// Tables of which little is used come and go. They are zero again, but not by way of writing to all of them.
fn tables_of_which_little_is_used(size: usize) {
    if cfg!(feature = "debug") {
        // Blocks are filled there.
        return;
    }
    let layout = Layout::from_size_align(size, 16).unwrap();
    let tables = PEAK / 2 / size;
    let places = |round: usize| (0..10).map(move |place| (round * 40_503 + place * 2_654_435) % size);
    let start = process::resident();
    let mut live = VecDeque::new();
    for round in 0..10 * tables {
        // SAFETY: the layout has a size; places are in the block, which is live until it is given up.
        unsafe {
            if live.len() == tables {
                MiMalloc.dealloc(live.pop_front().unwrap(), layout);
            }
            let table = MiMalloc.alloc_zeroed(layout);
            assert!(!table.is_null() && places(round).all(|place| table.add(place).read() == 0));
            places(round).for_each(|place| table.add(place).write(1));
            live.push_back(table);
        }
    }
    let grown = process::resident().saturating_sub(start);
    assert!(grown < PEAK / 8, "{} MiB of {} MiB", grown / MIB, PEAK / 2 / MIB);
    // SAFETY: as above.
    live.into_iter().for_each(|table| unsafe { MiMalloc.dealloc(table, layout) });
}

/// In KiB. A page of such blocks has half a megabyte.
const MEDIUM: [usize; 12] = [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64];

/// Blocks of many sizes come and go one size after the other, and then there are as many bytes in small ones.
fn of_sizes_that_came_and_went() {
    const BYTES: usize = MIB / 2;
    let start = process::resident();
    MEDIUM.into_iter().for_each(|kib| free(blocks(BYTES, kib << 10), false));
    let small = blocks(MEDIUM.len() * BYTES, 1000);
    let grown = process::resident().saturating_sub(start);
    assert!(grown < MEDIUM.len() * BYTES * 3 / 2, "{} KiB are resident", grown / 1024);
    free(small, false);
}

/// Blocks of many sizes are there at the same time, then none, and last a large block is freed.
fn of_many_sizes_before_a_large_block() {
    const BYTES: usize = MIB / 3;
    let start = process::resident();
    let large = blocks(64 * MIB, 64 * MIB);
    let medium: Vec<_> = MEDIUM.into_iter().map(|kib| blocks(BYTES, kib << 10)).collect();
    medium.into_iter().for_each(|blocks| free(blocks, false));
    free(large, false);
    let left = process::resident().saturating_sub(start);
    assert!(left < MEDIUM.len() * BYTES / 2, "{} KiB are left", left / 1024);
}

/// Many threads each freed a large block and wait, as those of a pool do.
fn of_threads_that_wait() {
    const THREADS: usize = 200;
    let size = 250_000;
    let start = process::resident();
    let freed = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                free(blocks(size, size), false);
                freed.wait();
                freed.wait();
            });
        }
        freed.wait();
        activity(start, SOON * 3);
        let kept = process::resident().saturating_sub(start);
        freed.wait();
        assert!(kept < THREADS * size / 4 * 3, "{} KiB for each thread", kept / THREADS / 1024);
    });
}

/// What a program would have locked in memory, or find in its core dump, are its mappings that can be written to, or may be
/// dumped.
fn reserved_space_counts_for_nothing() {
    let blocks = blocks(20 * MIB, 1000);
    let (mut writable, mut dumped, mut size) = (0, 0, 0);
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next().unwrap(), words.next()) {
            ("Size:", Some(kilobytes)) => size = kilobytes.parse::<usize>().unwrap() << 10,
            ("VmFlags:", _) => {
                let flags: Vec<_> = line.split_ascii_whitespace().collect();
                writable += if flags.contains(&"wr") { size } else { 0 };
                dumped += if flags.contains(&"dd") { 0 } else { size };
            }
            _ => {}
        }
    }
    let most = 256 * MIB;
    assert!(writable < most && dumped < most, "{} and {} MiB", writable / MIB, dumped / MIB);
    blocks.into_iter().for_each(Block::free);
}

process::alone_all! {
    small_blocks_go_back_on_demand: after_collect(250, false);
    scattered_small_blocks_go_back_on_demand: after_collect(500, true);
    medium_blocks_go_back_on_demand: after_collect(30_000, true);
    large_blocks_go_back_on_demand: after_collect(3 * MIB, true);
    small_blocks_go_back_by_themselves: without_collect(250);
    medium_blocks_go_back_by_themselves: without_collect(30_000);
    large_blocks_go_back_by_themselves: without_collect(3 * MIB);
    most_of_the_small_blocks_go_back: on_the_way_down(250);
    most_of_the_large_blocks_go_back: on_the_way_down(MIB);
    most_of_what_comes_free_behind_goes_back: to_the_end_of_the_way_down(4000);
    small_blocks_of_ended_threads_go_back: after_the_threads_end(400);
    large_blocks_of_ended_threads_go_back: after_the_threads_end(MIB);
    small_blocks_that_others_freed_go_back_when_the_rest_is_torn_down: of_pages_that_others_emptied(250);
    small_blocks_of_a_size_out_of_use_go_back: of_a_size_that_is_out_of_use(250);
    medium_blocks_of_a_size_out_of_use_go_back: of_a_size_that_is_out_of_use(5000);
    small_blocks_of_threads_go_back_again: of_threads_that_took_it_again(250);
    large_tables_hold_what_is_used: tables_of_which_little_is_used(24 * MIB);
    tables_hold_what_is_used: tables_of_which_little_is_used(3 * MIB);
    memory_of_sizes_that_came_and_went_is_there_for_others: of_sizes_that_came_and_went();
    medium_blocks_go_back_with_a_large_one: of_many_sizes_before_a_large_block();
    large_blocks_of_threads_that_wait_go_back: of_threads_that_wait();
    pages_of_ended_threads_are_used_again: pages_are_taken_over();
    small_blocks_of_a_second_size_are_used_again: of_a_second_size([250, 500]);
    medium_blocks_of_a_second_size_are_used_again: of_a_second_size([2000, 3000]);
    address_space_costs_nothing_before_it_is_used: reserved_space_counts_for_nothing();
}
