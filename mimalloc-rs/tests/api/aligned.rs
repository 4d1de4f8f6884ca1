//! Blocks whose place is wished for.

use std::ptr;
use std::thread;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Arena, ErrorKind, Heap, Reserve};

use crate::bytes::{check, check_zero, fill, free, usable};
use crate::support::errors::{refused, without_error};
use crate::{EXACT, MIB, SLICE};

const SIZES: [usize; 10] = [0, 1, 8, 24, 1000, 1025, 8193, SLICE, SLICE + 1, 300_000];
/// No powers of two.
const CROOKED: [usize; 6] = [0, 3, 24, 4097, isize::MAX as usize, usize::MAX];

/// Places in a block, and beyond it.
fn offsets(size: usize, align: usize) -> [usize; 8] {
    [0, 1, 8, size.saturating_sub(1), size, size + 1, 2 * align + 3, usize::MAX]
}

/// Panics unless the block is as wished.
fn expect(p: *mut u8, size: usize, align: usize, offset: usize) {
    assert!(!p.is_null(), "{size} bytes at {align} + {offset}");
    assert!(p.addr().wrapping_add(offset).is_multiple_of(align), "{p:?}: {size} at {align} + {offset}");
    assert!(usable(p) >= size && (!EXACT || usable(p) == size), "{} for {size}", usable(p));
}

#[test]
fn any_place_can_be_aligned_to_anything() {
    let here = ThreadHeap::current();
    for align in (0..=27).map(|shift| 1 << shift) {
        for size in SIZES {
            for offset in offsets(size, align) {
                let blocks = [(); 2].map(|()| without_error(|| here.malloc_aligned_at(size, align, offset)));
                assert_ne!(blocks[0], blocks[1]);
                for (seed, p) in blocks.into_iter().enumerate() {
                    expect(p, size, align, offset);
                    // What lies at the end may be a neighbour's.
                    if usable(p) < 2 * SLICE {
                        fill(p, seed);
                    }
                }
                for (seed, p) in blocks.into_iter().enumerate() {
                    if usable(p) < 2 * SLICE {
                        check(p, seed, usable(p));
                    }
                    free(p);
                }
            }
        }
    }
}

#[test]
fn zeroed_at_any_place() {
    let here = ThreadHeap::current();
    for align in [1, 2, 8, 64, 4096, SLICE, 2 * SLICE, MIB] {
        for size in SIZES {
            for offset in offsets(size, align) {
                for _ in 0..2 {
                    let p = without_error(|| here.zalloc_aligned_at(size, align, offset));
                    expect(p, size, align, offset);
                    check_zero(p);
                    fill(p, 1);
                    free(p);
                }
            }
        }
    }
}

#[test]
fn an_alignment_is_a_power_of_two() {
    let here = ThreadHeap::current();
    let block = here.malloc(100);
    fill(block, 3);
    for align in CROOKED {
        for offset in [0, 8] {
            // SAFETY: the block is live, and stays so.
            let tries = without_error(|| unsafe {
                [
                    here.malloc_aligned_at(100, align, offset),
                    here.zalloc_aligned_at(100, align, offset),
                    here.realloc_aligned_at(block, 200, align, offset),
                    here.rezalloc_aligned_at(block, 50, align, offset),
                    here.realloc_aligned_at(ptr::null_mut(), 50, align, offset),
                ]
            });
            assert_eq!(tries, [ptr::null_mut(); 5], "{align} + {offset}");
        }
    }
    check(block, 3, usable(block));
    free(block);
}

#[test]
fn what_no_address_space_holds_is_one_error() {
    let here = ThreadHeap::current();
    let most = isize::MAX as usize;
    for (size, align) in [(most, 16), (most - 14, 16), (usize::MAX, 1), (usize::MAX, 1 << 63), (1, 1 << 63)] {
        for offset in [0, 1, 8] {
            refused(ErrorKind::TooLarge, || here.malloc_aligned_at(size, align, offset));
            refused(ErrorKind::TooLarge, || here.zalloc_aligned_at(size, align, offset));
        }
    }
    for (size, align) in [(most - 15, 16), (most - 4095, 4096), (0, 1 << 63), (1, 1 << 62), (MIB, 1 << 48)] {
        for offset in [0, 1, 8, usize::MAX] {
            refused(ErrorKind::OutOfMemory, || here.malloc_aligned_at(size, align, offset));
            refused(ErrorKind::OutOfMemory, || here.zalloc_aligned_at(size, align, offset));
        }
    }
}

#[test]
fn a_resized_block_is_aligned_as_wished_for() {
    let here = ThreadHeap::current();
    let sizes = [100, 3000, 70_000, 65_536, 65_537, 500_000, 66_000, 40, 0, 1, 140_000, 140_001];
    for align in [1, 16, 64, 4096, SLICE, 4 * SLICE, 1 << 22] {
        for offset in [0, 1, 24, 5000] {
            let mut p = here.malloc_aligned_at(10, align, offset);
            let mut before = 10;
            for (seed, size) in sizes.into_iter().enumerate() {
                fill(p, seed);
                // SAFETY: the block is live, and given up for the result.
                p = without_error(|| unsafe { here.realloc_aligned_at(p, size, align, offset) });
                expect(p, size, align, offset);
                check(p, seed, size.min(before));
                before = size;
            }
            fill(p, 1);
            for size in [isize::MAX as usize + 1, usize::MAX] {
                // SAFETY: the block is live, and stays so.
                refused(ErrorKind::TooLarge, || unsafe { here.realloc_aligned_at(p, size, align, offset) });
                // SAFETY: as above.
                refused(ErrorKind::TooLarge, || unsafe { here.rezalloc_aligned_at(p, size, align, offset) });
            }
            // SAFETY: as above.
            refused(ErrorKind::OutOfMemory, || unsafe { here.realloc_aligned_at(p, 1 << 48, align, offset) });
            check(p, 1, usable(p));
            free(p);
        }
    }
}

/// Blocks at odd places, as (start, size); filled.
fn crooked_blocks(here: ThreadHeap) -> Vec<(*mut u8, usize)> {
    let wishes = [(100, 64, 8), (5000, 4096, 1), (100_000, SLICE, 5000), (10, 1 << 20, 9), (0, 32, 1)];
    wishes
        .into_iter()
        .cycle()
        .take(40)
        .map(|(size, align, offset)| {
            let p = without_error(|| here.malloc_aligned_at(size, align, offset));
            expect(p, size, align, offset);
            fill(p, size);
            (p, size)
        })
        .collect()
}

#[test]
fn a_heap_takes_crooked_blocks_with_it_or_leaves_them() {
    let exclusive = Reserve { exclusive: true, ..Reserve::default() };
    let arena = Arena::reserve(64 * MIB, exclusive).unwrap();
    for round in 0..20 {
        let heap = if round % 4 < 2 { Heap::new() } else { Heap::new_in(arena, false) }.unwrap();
        let mut blocks = crooked_blocks(heap.here().unwrap());
        // Some come from another thread, and some are freed by one.
        let more: Vec<_> = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                crooked_blocks(heap.here().unwrap()).into_iter().map(|(p, size)| (p.addr(), size)).collect()
            });
            thread.join().unwrap()
        });
        blocks.extend(more.into_iter().map(|(p, size): (usize, usize)| (p as *mut u8, size)));
        for &(p, size) in &blocks {
            assert!(heap.contains(p));
            check(p, size, size);
        }
        let freed: Vec<_> = blocks.drain(..30).map(|(p, _)| p.addr()).collect();
        thread::spawn(move || freed.into_iter().for_each(|p| free(p as *mut u8))).join().unwrap();
        if round % 2 == 0 {
            heap.destroy();
            continue;
        }
        heap.delete();
        for (p, size) in blocks {
            assert!(Heap::main().contains(p));
            check(p, size, size);
            free(p);
        }
    }
    let heap = Heap::new_in(arena, false).unwrap();
    let p = heap.here().unwrap().malloc_aligned_at(40 * MIB, 64, 8);
    assert!(arena.contains(p), "what heaps leave is there for the next");
    refused(ErrorKind::OutOfMemory, || heap.here().unwrap().malloc_aligned_at(40 * MIB, 64, 8));
    heap.destroy();
}

#[test]
fn a_crooked_block_stays_where_it_can_grow_or_shrink() {
    let here = ThreadHeap::current();
    for (align, offset) in [(64, 8), (4096, 1), (SLICE, 5000)] {
        let p = here.malloc_aligned_at(4 * SLICE, align, offset);
        fill(p, 5);
        // SAFETY: the block is live, and given up for the result.
        let q = without_error(|| unsafe { here.realloc_aligned_at(p, 3 * SLICE, align, offset) });
        assert_eq!(p == q, !EXACT, "a block that loses a quarter stays");
        check(q, 5, 3 * SLICE);
        // SAFETY: the block is live.
        assert_eq!(unsafe { raw::expand(q, usable(q)) }, q);
        free(q);
    }
}
