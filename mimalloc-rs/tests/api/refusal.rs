//! A system that refuses memory, in processes of their own: one error for each call that fails, nothing lost, and all
//! well again afterwards.

use std::ptr;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Arena, ErrorKind, Heap, Reserve, SubProcess};

use crate::bytes::{check, fill, free, usable};
use crate::support::errors::{error_of, refused, without_error};
use crate::support::process;
use crate::{KIB, MIB};

/// More than what is reserved at first.
const HUGE: usize = 1 << 40;

/// Runs `body` while the process gets no more than `room` bytes of address space.
fn confined<R>(room: usize, body: impl FnOnce() -> R) -> R {
    let before = process::limit(libc::RLIMIT_AS, (process::mapped() + room) as libc::rlim_t);
    let result = body();
    process::limit(libc::RLIMIT_AS, before);
    result
}

#[test]
fn each_function_refuses_once_and_recovers() {
    process::alone("refusal::each_function_refuses_once_and_recovers", || {
        let heap = Heap::new().unwrap();
        for here in [ThreadHeap::current(), heap.here().unwrap()] {
            let blocks = [0, 100, 5000, 100_000, MIB].map(|size| here.zalloc(size));
            let wish = |p| {
                let none = ErrorKind::OutOfMemory;
                refused(none, || here.malloc(HUGE));
                refused(none, || here.zalloc(HUGE));
                refused(none, || here.malloc_aligned_at(HUGE, 64, 0));
                refused(none, || here.malloc_aligned_at(HUGE, 64, 8));
                refused(none, || here.zalloc_aligned_at(HUGE, MIB, 0));
                refused(none, || here.zalloc_aligned_at(1, HUGE, 8));
                // SAFETY: the block is live, and stays so.
                unsafe {
                    refused(none, || here.realloc(p, HUGE));
                    refused(none, || here.rezalloc(p, HUGE));
                    refused(none, || here.realloc_aligned_at(p, HUGE, 64, 8));
                    refused(none, || here.rezalloc_aligned_at(p, HUGE, 4096, 0));
                    refused(none, || here.realloc_aligned_at(p, 100, HUGE, 1));
                    refused(none, || here.realloc(ptr::null_mut(), HUGE));
                    assert!(without_error(|| raw::expand(p, HUGE)).is_null());
                }
            };
            for p in blocks {
                fill(p, 7);
                let before = usable(p);
                confined(0, || wish(p));
                assert_eq!(usable(p), before);
                check(p, 7, before);
                // SAFETY: the block is live and given up for the result.
                let p = without_error(|| unsafe { here.realloc(p, 2 * MIB) });
                check(p, 7, before);
                free(p);
            }
        }
        let p = without_error(|| heap.here().unwrap().malloc(HUGE));
        assert!(!p.is_null(), "without a limit there is address space");
        free(p);
    });
}

/// Allocates until refusal; the blocks are linked through their first words, so that this needs no other memory.
fn exhaust(mut allocate: impl FnMut() -> *mut u8) -> (*mut u8, usize) {
    let (mut last, mut count) = (ptr::null_mut(), 0);
    loop {
        let (p, error) = error_of(&mut allocate);
        if p.is_null() {
            assert_eq!(error, Some(ErrorKind::OutOfMemory));
            return (last, count);
        }
        assert_eq!(error, None);
        // SAFETY: the block is new, and has room for a pointer.
        unsafe { p.cast::<*mut u8>().write(last) };
        (last, count) = (p, count + 1);
    }
}

fn free_all(mut last: *mut u8) {
    while !last.is_null() {
        // SAFETY: the blocks are live, and their first words are those that `exhaust` wrote.
        unsafe {
            let next = last.cast::<*mut u8>().read();
            raw::free(last);
            last = next;
        }
    }
}

#[test]
fn all_sizes_run_out_and_come_back() {
    process::alone("refusal::all_sizes_run_out_and_come_back", || {
        // Hardened builds look through a page's free blocks at each free.
        let room = if cfg!(any(feature = "debug", feature = "secure")) { 24 } else { 96 } * MIB;
        confined(room, || {
            for size in [8, 100, 1000, 9000, 60_000, 300_000, 3 * MIB] {
                let here = ThreadHeap::current();
                let counts = [(), ()].map(|()| {
                    let (last, count) = exhaust(|| here.malloc(size));
                    refused(ErrorKind::OutOfMemory, || here.zalloc(size));
                    refused(ErrorKind::OutOfMemory, || here.malloc_aligned_at(room, 64, 8));
                    free_all(last);
                    here.collect(true);
                    count
                });
                assert!(counts[0] * size > room / 4, "{counts:?} blocks of {size} bytes");
                assert!(counts[1] * 10 >= counts[0] * 9, "{counts:?} blocks of {size} bytes");
            }
        });
    });
}

#[test]
fn a_thread_without_memory_gets_no_part_of_a_heap() {
    process::alone("refusal::a_thread_without_memory_gets_no_part_of_a_heap", || {
        confined(0, || {
            let here = ThreadHeap::current();
            refused(ErrorKind::OutOfMemory, || here.malloc(8));
            refused(ErrorKind::OutOfMemory, || here.zalloc(8));
            refused(ErrorKind::OutOfMemory, || here.malloc_aligned_at(8, 64, 8));
            without_error(|| {
                assert!(here.malloc_at_hand(8).is_null() && here.into_raw().is_null());
                assert!(Heap::main().here().is_none() && Heap::new().is_none());
                assert!(Heap::new_keeping_blocks().is_none() && SubProcess::new().is_none());
                assert_eq!(Arena::reserve(0, Reserve::default()), Err(ErrorKind::OutOfMemory));
                assert!(!SubProcess::main().add_current_thread());
                here.collect(true);
            });
        });
        free(without_error(|| ThreadHeap::current().malloc(8)));
        Heap::new().unwrap().destroy();
    });
}

#[test]
fn a_full_arena_is_one_error_and_its_heap_goes_on() {
    let arena = Arena::reserve(32 * MIB, Reserve { exclusive: true, ..Reserve::default() }).unwrap();
    let heap = Heap::new_in(arena, false).unwrap();
    let here = heap.here().unwrap();
    for size in [MIB, 60 * KIB, 1000, 8] {
        let (last, count) = exhaust(|| here.malloc(size));
        assert!(count > 0, "{size}");
        // SAFETY: the block is live, and stays so.
        refused(ErrorKind::OutOfMemory, || unsafe { here.realloc(last, 32 * MIB) });
        assert!(arena.contains(last));
        free(without_error(|| ThreadHeap::current().malloc(size)));
        free_all(last);
    }
    heap.destroy();
}
