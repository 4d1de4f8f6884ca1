//! What a thread left behind does not decide how much memory a later thread takes, and refused tries leave nothing behind.

mod support;

use std::sync::Barrier;
use std::thread;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Heap, MiMalloc};
use support::process;

const MIB: usize = 1 << 20;
const SIZES: [usize; 8] = [16, 48, 80, 112, 160, 256, 384, 512];
const THREADS: usize = 100;
/// More than fills a page of any of these sizes.
const PAGE: usize = 80 << 10;

fn filled(size: usize) -> usize {
    let block = ThreadHeap::current().malloc(size);
    assert!(!block.is_null());
    // SAFETY: the block is live and has so many bytes.
    unsafe { block.write_bytes(1, size) };
    block.expose_provenance()
}

fn free(blocks: impl IntoIterator<Item = usize>) {
    // SAFETY: the blocks are live and given up.
    blocks.into_iter().for_each(|block| unsafe { raw::free(std::ptr::with_exposed_provenance_mut(block)) });
}

/// So many bytes in blocks of each size.
fn some_of_each(bytes: impl Fn(usize) -> usize) -> Vec<usize> {
    SIZES.iter().flat_map(|&size| (0..bytes(size) / size).map(move |_| filled(size))).collect()
}

/// What threads with 30 blocks of each size take while they are there.
fn taken_by_small_threads() -> usize {
    MiMalloc.collect(true);
    let before = process::resident();
    let barrier = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let blocks = some_of_each(|size| 30 * size);
                barrier.wait();
                barrier.wait();
                free(blocks);
            });
        }
        barrier.wait();
        let with = process::resident();
        barrier.wait();
        with.saturating_sub(before)
    })
}

/// Threads that each fill pages, whose blocks this thread frees when they have ended.
fn leave_full_pages() {
    let barrier = Barrier::new(THREADS);
    let left: Vec<_> = thread::scope(|scope| {
        let fill = || {
            let blocks = some_of_each(|_| PAGE);
            barrier.wait();
            blocks
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(fill)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it only allocates")).collect()
    });
    free(left.into_iter().flatten());
}

/// 30 blocks of one size fill up to four system pages, and a slice has sixteen.
fn assert_little(bytes: usize) {
    assert!(bytes < THREADS * SIZES.len() * (16 << 10), "{bytes} bytes");
}

fn small_threads_after_large_ones() {
    // Where a heap begins, no page is put into memory at once.
    let start: Vec<_> = (0..6 * MIB / PAGE).map(|_| filled(PAGE)).collect();
    assert_little(taken_by_small_threads());
    leave_full_pages();
    assert_little(taken_by_small_threads());
    free(start);
}

fn refused_parts_of_heaps() {
    // Theaps without a thread, which each refused try might take one of.
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                free([filled(8)]);
                barrier.wait();
            });
        }
    });
    // As many as there is room to note in a thread's own theap.
    let heaps: Vec<_> = (0..24).map(|_| Heap::new().expect("memory for one more heap")).collect();
    assert!(heaps.iter().all(|heap| heap.here().is_some()));
    let more = Heap::new().expect("memory for one more heap");
    process::limit(libc::RLIMIT_AS, (process::mapped() + MIB) as libc::rlim_t);
    for size in (3..=36).rev().map(|shift| 1 << shift) {
        while !ThreadHeap::current().malloc(size).is_null() {}
    }
    let before = Stats::process().theaps.current;
    assert!((0..50).all(|_| more.here().is_none()), "there is memory");
    assert_eq!(Stats::process().theaps.current, before);
}

process::alone_all! {
    a_small_thread_takes_no_more_after_large_ones: small_threads_after_large_ones();
    refused_tries_leave_no_part_of_a_heap: refused_parts_of_heaps();
}
