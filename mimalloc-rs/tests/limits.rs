//! The edges: large alignments, large sizes, and a system that refuses.

mod support;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::Barrier;
use std::{ptr, thread};

use mimalloc_rs::{Arena, MiMalloc};
use support::block::Block;
use support::process;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Writes to both ends of a block that is too large to fill.
fn touch_ends(start: *mut u8, size: usize) {
    // SAFETY: both are in the block, which the caller holds.
    unsafe {
        start.write(1);
        start.add(size - 1).write(2);
        assert_eq!((start.read(), start.add(size - 1).read()), (1, 2));
    }
}

/// A block whose ends are touched; the caller frees it.
fn large(layout: Layout) -> *mut u8 {
    // SAFETY: the layout has a size.
    let start = unsafe { MiMalloc.alloc(layout) };
    assert!(!start.is_null(), "refused: {layout:?}");
    assert!(start.addr().is_multiple_of(layout.align()), "{start:?} is not aligned: {layout:?}");
    touch_ends(start, layout.size());
    // SAFETY: the block is live.
    assert!(unsafe { MiMalloc.usable_size(start) } >= layout.size());
    start
}

#[test]
fn every_alignment_up_to_a_gibibyte() {
    for shift in 0..=30 {
        let align = 1 << shift;
        for size in [1, 2, 7, 8, 24, 100, 1000, 1025, 8193, 65_535, 65_537, 300_000] {
            // Two at a time, so that the second cannot start where the first does.
            let blocks = [1, 2].map(|pattern| Block::new(layout(size, align), pattern));
            assert_ne!(blocks[0].start(), blocks[1].start());
            for block in blocks {
                block.free();
            }
        }
    }
}

#[test]
fn an_aligned_block_grows_and_shrinks_where_its_alignment_holds() {
    for shift in [4, 6, 12, 16, 17, 21] {
        let mut block = Block::new(layout(100, 1 << shift), 9);
        for size in [3000, 70_000, 65_536, 65_537, 500_000, 66_000, 40, 1] {
            block = block.resize(size);
        }
        block.free();
    }
}

#[test]
fn several_gibibytes_untouched() {
    let layouts = [1, 2, 3, 5, 8].map(|size| layout(size * GIB + 1, 16));
    let blocks = layouts.map(large);
    for (start, layout) in blocks.into_iter().zip(layouts) {
        // SAFETY: the block is live, and nobody else has it.
        unsafe { MiMalloc.dealloc(start, layout) };
    }
}

/// What was freed is zero again, but not by way of writing to all of it.
#[cfg(not(feature = "debug"))]
#[test]
fn a_huge_block_is_zero_again_without_memory() {
    process::alone("a_huge_block_is_zero_again_without_memory", || {
        let layout = layout(GIB + GIB / 2, 16);
        let places = [0, layout.size() / 3, layout.size() - 1];
        let before = process::resident();
        for _ in 0..3 {
            // SAFETY: the layout has a size; places are in the block, which is live and then given up.
            unsafe {
                let start = MiMalloc.alloc_zeroed(layout);
                assert!(!start.is_null() && places.iter().all(|&place| start.add(place).read() == 0));
                places.iter().for_each(|&place| start.add(place).write(1));
                assert!(process::resident() < before + 100 * MIB);
                MiMalloc.dealloc(start, layout);
            }
        }
    });
}

#[test]
fn more_than_the_first_region_holds() {
    process::alone("more_than_the_first_region_holds", || {
        let layouts = [200, 100, 300, 1].map(|size| layout(size * GIB, 4096));
        for _ in 0..3 {
            let blocks = layouts.map(large);
            let small = Block::new(layout(100, 8), 1);
            for (start, layout) in blocks.into_iter().zip(layouts) {
                assert!(MiMalloc.owns(start));
                // SAFETY: the block is live, and nobody else has it.
                unsafe { MiMalloc.dealloc(start, layout) };
            }
            small.free();
        }
    });
}

#[test]
fn blocks_of_later_regions_work_like_those_of_the_first() {
    process::alone("blocks_of_later_regions_work_like_those_of_the_first", || {
        Block::new(layout(1, 1), 1).free();
        let with_one_region = process::mapped();
        // Fills the first region but for what the process held before.
        let fillers: Vec<_> = (20..=37)
            .rev()
            .map(|shift| {
                let layout = layout(1 << shift, 8);
                (large(layout), layout)
            })
            .collect();
        let blocks = |size: usize, count: usize| -> Vec<Block> {
            (0..count).map(|number| Block::new(layout(size, 8), number as u8)).collect()
        };
        let mut held = blocks(512 * KIB, 100);
        held.extend(blocks(64, 20_000));
        held.extend(blocks(20_000, 1_000));
        assert!(process::mapped() > with_one_region + GIB, "all blocks lie in one region");
        // Blocks of several regions, freed by their own thread and by another one.
        let others = held.split_off(held.len() / 2);
        let other = thread::spawn(move || others.into_iter().for_each(Block::free));
        held.into_iter().for_each(Block::free);
        other.join().unwrap();
        for (start, layout) in fillers {
            // SAFETY: the block is live, and nobody else has it.
            unsafe { MiMalloc.dealloc(start, layout) };
        }
    });
}

#[test]
fn what_cannot_be_had_is_null() {
    let most = isize::MAX as usize;
    for layout in [
        layout(most, 1),
        layout(most - 15, 16),
        layout(most - 4095, 4096),
        layout(most / 2, 8),
        layout(1 << 47, 8),
        layout(1 << 44, 1 << 44),
        layout(1, 1 << 62),
        layout(1, 1 << 48),
    ] {
        // SAFETY: the layout has a size.
        let blocks = unsafe { [MiMalloc.alloc(layout), MiMalloc.alloc_zeroed(layout)] };
        assert_eq!(blocks, [std::ptr::null_mut(); 2], "{layout:?}");
    }
    Block::new(layout(100, 8), 1).free();
}

#[test]
fn a_block_stays_when_it_cannot_grow() {
    for size in [10, 5000, 100_000, 3 * MIB] {
        let layout = layout(size, 8);
        // SAFETY: the layout has a size; the block is live until it is freed, and as large as it was.
        unsafe {
            let start = MiMalloc.alloc(layout);
            start.write_bytes(7, size);
            for refused in [isize::MAX as usize - 7, 1 << 47] {
                assert!(MiMalloc.realloc(start, layout, refused).is_null());
            }
            assert!(std::slice::from_raw_parts(start, size).iter().all(|&byte| byte == 7));
            MiMalloc.dealloc(start, layout);
        }
    }
}

/// Allocates blocks of one size until the allocator refuses, or `most` are there.
fn until_refused(size: usize, blocks: &mut Vec<Block>, most: usize) -> usize {
    // The list itself must not grow: the system's own allocator is refused as well.
    while blocks.len() < most
        && let Some(block) = Block::try_new(layout(size, 8), blocks.len() as u8)
    {
        blocks.push(block);
    }
    blocks.len()
}

/// Under a limit of half a gibibyte: allocates until refusal, frees, and does it again.
fn refuse_and_recover(size: usize) {
    let room = 512 * MIB;
    let mut blocks = Vec::with_capacity(room / size + 1);
    let before = process::limit(libc::RLIMIT_AS, (process::mapped() + room) as libc::rlim_t);
    let first = until_refused(size, &mut blocks, room / size);
    let refused = Block::try_new(layout(room, 8), 0).is_none();
    blocks.drain(..).for_each(Block::free);
    let second = until_refused(size, &mut blocks, room / size);
    blocks.drain(..).for_each(Block::free);
    MiMalloc.collect(true);
    let third = until_refused(size, &mut blocks, room / size);
    blocks.drain(..).for_each(Block::free);
    process::limit(libc::RLIMIT_AS, before);

    assert!(refused, "the limit was not felt");
    assert!(first * size > room / 2, "{first} blocks of {size} bytes are less than half of what there was");
    assert!(second * 10 >= first * 9, "{second} of {first} blocks of {size} bytes came back");
    assert!(
        third * 10 >= first * 9,
        "{third} of {first} blocks of {size} bytes came back after a collection"
    );
    Block::new(layout(300 * MIB, 8), 1).free();
}

#[test]
fn refused_small_blocks_come_back() {
    process::alone("refused_small_blocks_come_back", || refuse_and_recover(256));
}

#[test]
fn refused_medium_blocks_come_back() {
    process::alone("refused_medium_blocks_come_back", || refuse_and_recover(20_000));
}

#[test]
fn refused_large_blocks_come_back() {
    process::alone("refused_large_blocks_come_back", || refuse_and_recover(MIB));
}

#[test]
fn several_threads_are_refused_and_recover() {
    process::alone("several_threads_are_refused_and_recover", || {
        const THREADS: usize = 4;
        let room = 256 * MIB;
        let sizes = [100, 3000, 40_000, 700_000];
        let barrier = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            let threads = sizes.map(|size| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut blocks = Vec::with_capacity(room / size + 1);
                    // All have their lists; the limit is set; all have given up their blocks.
                    barrier.wait();
                    barrier.wait();
                    for _ in 0..5 {
                        until_refused(size, &mut blocks, room / size);
                        blocks.drain(..).for_each(Block::free);
                    }
                    barrier.wait();
                })
            });
            barrier.wait();
            let before = process::limit(libc::RLIMIT_AS, (process::mapped() + room) as libc::rlim_t);
            barrier.wait();
            barrier.wait();
            process::limit(libc::RLIMIT_AS, before);
            for thread in threads {
                thread.join().unwrap();
            }
        });
        for size in sizes {
            Block::new(layout(size, 8), 1).free();
        }
    });
}

/// A limit on writable private memory lets the system refuse the allocator's first reservation, and leaves it the
/// way it has under strict accounting: reserve inaccessible memory, and make it accessible bit by bit.
fn with_reservations_inaccessible(room: usize, body: impl FnOnce()) {
    let before = process::limit(libc::RLIMIT_DATA, room as libc::rlim_t);
    body();
    process::limit(libc::RLIMIT_DATA, before);
}

#[test]
fn memory_is_made_accessible_as_needed() {
    process::alone("memory_is_made_accessible_as_needed", || {
        let room = 512 * MIB;
        let mut blocks = Vec::with_capacity(room / 1000);
        with_reservations_inaccessible(room, || {
            for size in [1000, 30_000, 5 * MIB] {
                let counts = [(), ()].map(|()| {
                    let count = until_refused(size, &mut blocks, room / size);
                    blocks.drain(..).for_each(Block::free);
                    count
                });
                assert!(counts[0] * size > room / 2, "{counts:?} blocks of {size} bytes are too few");
                assert!(
                    counts[1] * 10 >= counts[0] * 9,
                    "{counts:?}: not all blocks of {size} bytes came back"
                );
            }
            assert!(MiMalloc.owns(large(layout(MIB, 8))));
        });
    });
}

#[test]
fn what_is_refused_leaves_room_for_what_fits() {
    process::alone("what_is_refused_leaves_room_for_what_fits", || {
        with_reservations_inaccessible(512 * MIB, || {
            Block::new(layout(100, 8), 1).free();
            let arenas = Arena::all().count();
            for _ in 0..3 {
                assert!(Block::try_new(layout(GIB, 8), 1).is_none());
            }
            assert_eq!(Arena::all().count(), arenas, "more address space would not have helped");
            Block::new(layout(150 * MIB, 8), 1).free();
        });
    });
}

/// Takes all mappings that the process may still have, or none if that would be very many.
fn take_mappings() -> bool {
    const MOST: usize = 200_000;
    let page = 4096;
    let size = 2 * page * MOST;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, of which every other page becomes a mapping of its own.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        let is_refused =
            |number| libc::mprotect(start.byte_add(number * 2 * page), page, libc::PROT_READ) != 0;
        let refused = (0..MOST).any(is_refused);
        if !refused {
            libc::munmap(start, size);
        }
        refused
    }
}

#[test]
fn the_heap_grows_when_there_may_be_no_more_mappings() {
    process::alone("the_heap_grows_when_there_may_be_no_more_mappings", || {
        Block::new(layout(100, 8), 1).free();
        if !take_mappings() {
            eprintln!("not tested: there may be too many mappings");
            return;
        }
        // Without a list, which would have to grow by itself.
        for size in [50, 1000, 20_000, MIB, 10 * MIB] {
            for number in 0..20 * MIB / size {
                let start = Block::try_new(layout(size, 8), number as u8).map(std::mem::forget);
                assert!(start.is_some(), "block {number} of {size} bytes");
            }
        }
    });
}

#[test]
fn several_threads_make_memory_accessible_at_once() {
    process::alone("several_threads_make_memory_accessible_at_once", || {
        const THREADS: usize = 8;
        with_reservations_inaccessible(2 * GIB, || {
            let barrier = Barrier::new(THREADS);
            thread::scope(|scope| {
                for number in 0..THREADS {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        // Runs of all lengths, so that threads overtake each other in what they make accessible.
                        let mut blocks = Vec::with_capacity(200);
                        for round in 0..200 {
                            if round % 10 == 0 {
                                barrier.wait();
                            }
                            let size = (1 + (round * 7 + number * 13) % 20) * 64 * KIB + 1;
                            let start = large(layout(size, 8));
                            blocks.push((start, layout(size, 8)));
                        }
                        for (start, layout) in blocks {
                            // SAFETY: the block is live, and nobody else has it.
                            unsafe { MiMalloc.dealloc(start, layout) };
                        }
                    });
                }
            });
        });
    });
}
