//! Guards: inaccessible pages behind pages, large blocks and guarded blocks.

#![cfg(feature = "secure")]

mod support;

use std::ptr;

use mimalloc_rs::Heap;
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use support::process;

fn block(size: usize) -> *mut u8 {
    let p = ThreadHeap::current().malloc(size);
    assert!(!p.is_null());
    p
}

fn guarded_blocks() -> i64 {
    Stats::process().malloc_guarded_count.total
}

#[test]
fn a_write_that_runs_on_ends_at_the_guard_of_a_page() {
    process::killed("a_write_that_runs_on_ends_at_the_guard_of_a_page", libc::SIGSEGV, || run_on(100));
}

#[test]
fn a_write_that_runs_on_ends_at_the_guard_of_a_large_block() {
    process::killed("a_write_that_runs_on_ends_at_the_guard_of_a_large_block", libc::SIGSEGV, || {
        let _next = block(100_000);
        run_on(100_000);
    });
}

fn run_on(size: usize) {
    let (p, behind) = (block(size), block(200_000));
    // SAFETY: the second block is live and has this size. The first is written behind its end, which is the point.
    unsafe {
        behind.write_bytes(7, 200_000);
        (0..128 << 10).for_each(|at| p.add(at).write_volatile(1));
    }
}

#[test]
fn a_guarded_block_ends_at_a_guard() {
    process::killed("a_guarded_block_ends_at_a_guard", libc::SIGSEGV, || {
        let here = Heap::main().here().unwrap();
        here.set_guarded_rate(3, 1);
        here.set_guarded_sizes(64, 128);
        let before = guarded_blocks();
        for size in [8, 64, 100, 128, 4096].repeat(30) {
            let p = here.malloc(size);
            // SAFETY: the block is live, has this size, and is given up.
            unsafe {
                p.write_bytes(1, size);
                raw::free(p);
            }
        }
        assert_eq!(guarded_blocks() - before, 30, "three fifths of every third of 150");
        here.set_guarded_rate(1, 1);
        let p = here.malloc(64);
        // SAFETY: it is not, which is the point.
        unsafe { p.add(64 + 16).write_volatile(1) };
    });
}

#[test]
fn zeroed_blocks_are_guarded_like_others_and_zero() {
    process::alone("zeroed_blocks_are_guarded_like_others_and_zero", || {
        let here = Heap::main().here().unwrap();
        here.set_guarded_rate(1, 1);
        let before = guarded_blocks();
        for size in [8, 100, 4096, 70_000].repeat(25) {
            let p = here.zalloc(size);
            // SAFETY: the block is live, has this size, and is given up.
            unsafe {
                let usable = raw::usable_size(p);
                assert!(std::slice::from_raw_parts(p, usable).iter().all(|&byte| byte == 0));
                p.write_bytes(1, usable);
                raw::free(p);
            }
        }
        assert_eq!(guarded_blocks() - before, 100);
    });
}

#[test]
fn a_zeroed_block_ends_at_a_guard() {
    process::killed("a_zeroed_block_ends_at_a_guard", libc::SIGSEGV, || {
        let here = Heap::main().here().unwrap();
        here.set_guarded_rate(1, 1);
        let p = here.zalloc(70_000);
        // SAFETY: it is not, which is the point.
        unsafe { p.add(70_000 + 16).write_volatile(1) };
    });
}

/// What a thread's part of a heap is told about guarded blocks before it first allocates leaves the rest to the options.
#[test]
fn a_rate_or_sizes_that_are_set_leave_the_other_as_the_options_have_it() {
    let environment = [("MIMALLOC_GUARDED_SAMPLE_RATE", "1"), ("MIMALLOC_GUARDED_MAX", "500")];
    let test = "a_rate_or_sizes_that_are_set_leave_the_other_as_the_options_have_it";
    process::alone_with(test, &environment, || {
        let guarded_of = |size: usize, set: fn(ThreadHeap<'_>)| {
            let heap = Heap::new().expect("memory for one more heap");
            let here = heap.here().expect("memory for this thread's part");
            set(here);
            let before = guarded_blocks();
            (0..100).for_each(|_| assert!(!here.malloc(size).is_null()));
            guarded_blocks() - before
        };
        assert!(guarded_of(100, |here| here.set_guarded_sizes(0, 1000)) >= 99, "the rate");
        assert!(guarded_of(700, |here| here.set_guarded_sizes(0, 1000)) >= 99, "the new sizes");
        assert_eq!(guarded_of(700, |here| here.set_guarded_rate(2, 1)), 0, "the sizes");
        assert_eq!(guarded_of(100, |here| here.set_guarded_rate(2, 1)), 50, "the new rate");
        assert_eq!(guarded_of(100, |here| here.set_guarded_rate(0, 1)), 0, "none");
    });
}

/// Guards of locked memory are inaccessible pages, which a limit on data does not count; at the limit they stay so.
#[test]
fn a_guard_that_stays_is_in_no_block() {
    process::alone("a_guard_that_stays_is_in_no_block", || {
        // As nobody needs all of it, nobody has to wait for all of it to be locked.
        process::limit(libc::RLIMIT_AS, 2 << 30);
        // SAFETY: nothing but memory that stays where it is.
        if unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) } != 0 {
            eprintln!("not tested: memory cannot be locked here");
            return;
        }
        process::limit(libc::RLIMIT_DATA, 100 << 20);
        let fill = |size| {
            let theap = ThreadHeap::current();
            let blocks =
                std::iter::repeat_with(move || theap.malloc(size)).take_while(|block| !block.is_null());
            // SAFETY: the block is live and of this size.
            blocks.inspect(|block| unsafe { block.write_bytes(1, size) }).take(4000).collect::<Vec<_>>()
        };
        let blocks = fill(70_000);
        assert!(blocks.len() > 100, "{} blocks", blocks.len());
        // What the guards are not counted for is used by others.
        let mut size = 1 << 20;
        while size >= 4096 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: a new mapping at a place of the system's choice.
            let start = unsafe {
                libc::mmap(ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
            };
            if start == libc::MAP_FAILED {
                size /= 2;
            }
        }
        for block in blocks {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(block) };
        }
        // Several runs' slices each.
        fill(1_000_000);
    });
}
