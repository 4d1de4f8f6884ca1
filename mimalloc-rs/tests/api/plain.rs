//! Blocks without wishes: how large, where, and what is in them.

use std::collections::HashSet;
use std::ptr;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{ErrorKind, good_size};

use crate::bytes::{check, check_zero, fill, free, usable};
use crate::support::errors::{error_of, refused, without_error};
use crate::{EXACT, KIB, MIB, SLICE, classes, edges};

#[test]
fn there_are_forty_five_classes() {
    let classes = classes();
    assert_eq!(classes.len(), mimalloc_rs::stats::BINS);
    assert!(classes.is_sorted() && classes.last() == Some(&SLICE));
    if !EXACT {
        for size in 0..=SLICE {
            let wanted = classes[classes.partition_point(|&class| class < size)];
            assert_eq!(good_size(size), wanted, "{size}");
        }
    }
}

#[test]
fn every_size_where_something_changes() {
    let here = ThreadHeap::current();
    for size in edges() {
        let blocks = [(); 3].map(|()| without_error(|| here.malloc(size)));
        for (seed, p) in blocks.into_iter().enumerate() {
            assert!(!p.is_null() && p.addr().is_multiple_of(if size < 9 { 8 } else { 16 }), "{p:?}: {size}");
            assert_eq!(usable(p), if EXACT { size } else { good_size(size) }, "{size}");
            fill(p, seed);
        }
        for (seed, p) in blocks.into_iter().enumerate() {
            check(p, seed, usable(p));
            free(p);
        }
    }
}

#[test]
fn a_good_size_costs_no_more_and_is_used_in_full() {
    let here = ThreadHeap::current();
    for size in edges() {
        let good = good_size(size);
        assert!(good >= size && good_size(good) == good, "{size}: {good}");
        // Unless a block holds exactly what was asked for, one for less has as much.
        for asked in if EXACT { vec![good] } else { vec![size, good] } {
            let p = here.malloc(asked);
            assert_eq!(usable(p), good, "{size}");
            free(p);
        }
    }
    for size in [isize::MAX as usize + 1, usize::MAX] {
        assert_eq!(good_size(size), size);
    }
    assert!(good_size(isize::MAX as usize) >= isize::MAX as usize);
}

#[test]
fn zeroed_blocks_are_zero_to_their_end() {
    let here = ThreadHeap::current();
    for size in edges() {
        // The second block of each pair lies where the first one left its contents.
        for _ in 0..2 {
            let p = without_error(|| here.zalloc(size));
            assert!(usable(p) >= size);
            check_zero(p);
            fill(p, size);
            free(p);
        }
    }
}

#[test]
fn blocks_of_no_size_are_blocks() {
    let here = ThreadHeap::current();
    let blocks: Vec<_> =
        (0..3000).map(|n| if n % 2 == 0 { here.malloc(0) } else { here.zalloc(0) }).collect();
    assert!(blocks.iter().all(|p| !p.is_null() && p.addr().is_multiple_of(8)));
    assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), blocks.len());
    for p in blocks {
        assert_eq!(usable(p), if EXACT { 0 } else { 8 });
        free(p);
    }
}

#[test]
fn null_is_no_block_and_no_error() {
    let here = ThreadHeap::current();
    // SAFETY: null may be passed to all of these.
    without_error(|| unsafe {
        raw::free(ptr::null_mut());
        assert_eq!(raw::usable_size(ptr::null()), 0);
        assert!(raw::expand(ptr::null_mut(), 0).is_null() && raw::expand(ptr::null_mut(), 100).is_null());
        for size in [0, 100, 100_000] {
            let blocks = [
                here.realloc(ptr::null_mut(), size),
                here.realloc_aligned_at(ptr::null_mut(), size, 64, 8),
                here.rezalloc(ptr::null_mut(), size),
                here.rezalloc_aligned_at(ptr::null_mut(), size, 64, 8),
            ];
            for p in &blocks[2..] {
                check_zero(*p);
            }
            for p in blocks {
                assert!(!p.is_null() && usable(p) >= size);
                free(p);
            }
        }
    });
}

#[test]
fn what_lies_elsewhere_has_no_size() {
    let local = 7u64;
    // SAFETY: asks the system's allocator, and gives the block back; neither pointer points into our memory.
    without_error(|| unsafe {
        assert_eq!(raw::usable_size((&raw const local).cast()), 0);
        let foreign = libc::malloc(100);
        assert_eq!(raw::usable_size(foreign.cast()), 0);
        libc::free(foreign);
    });
}

#[test]
fn a_block_at_hand_is_one_that_was_freed() {
    // Before its first block a thread has nothing at hand.
    free(ThreadHeap::current().malloc(8));
    let here = ThreadHeap::current();
    let mut found = 0;
    // Padding and guards are for a longer way.
    let slow = cfg!(any(feature = "debug", feature = "secure"));
    for size in (0..=1100).step_by(7) {
        let (p, other) = (here.malloc(size), here.malloc(size));
        free(p);
        let at_hand = without_error(|| here.malloc_at_hand(size));
        if slow || size > KIB {
            assert!(at_hand.is_null(), "{size}");
        } else if !at_hand.is_null() {
            assert!(usable(at_hand) == good_size(size) && at_hand != other, "{size}");
            free(at_hand);
            found += 1;
        }
        free(other);
    }
    assert_eq!(found > 0, !slow);
}

#[test]
fn sizes_that_cannot_be_are_one_error() {
    let here = ThreadHeap::current();
    let most = isize::MAX as usize;
    for size in [most + 1, usize::MAX - 1, usize::MAX] {
        refused(ErrorKind::TooLarge, || here.malloc(size));
        refused(ErrorKind::TooLarge, || here.zalloc(size));
    }
    for size in [most, most - 4096, most - MIB, 1 << 62, 1 << 48] {
        refused(ErrorKind::OutOfMemory, || here.malloc(size));
        refused(ErrorKind::OutOfMemory, || here.zalloc(size));
        assert_eq!(error_of(|| here.malloc_at_hand(size)), (ptr::null_mut(), None));
    }
    free(without_error(|| here.malloc(100)));
}
