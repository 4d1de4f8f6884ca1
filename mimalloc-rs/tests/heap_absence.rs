//! What other threads free in a first-class heap while the thread that allocated it waits, or comes back.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use mimalloc_rs::options::{self, Opt};
use mimalloc_rs::{MiMalloc, raw};
use support::heap::{check, filled, live, new};
use support::process;

/// While the thread that allocated them waits.
#[test]
fn memory_of_blocks_that_others_freed_goes_back() {
    process::alone("memory_of_blocks_that_others_freed_goes_back", || {
        const BYTES: usize = 64 << 20;
        let heap = new();
        let here = heap.here().unwrap();
        for size in [16, 100, 1024, 9_000, 60_000, 300_000] {
            let start = process::resident();
            let blocks: Vec<usize> = (0..BYTES / size).map(|_| filled(here, size).addr()).collect();
            let held = process::resident() - start;
            assert!(held > BYTES / 2);
            std::thread::sleep(AWAY);
            std::thread::scope(|scope| {
                scope.spawn(|| free_all(&blocks));
            });
            let kept = process::resident().saturating_sub(start + size_of_val(&blocks[..]));
            assert!(kept < BYTES / 8, "{} KiB of {} in blocks of {size}", kept >> 10, held >> 10);
            here.collect(true);
        }
    });
}

/// While the thread that allocated them is likely to go on, some of the large ones keep theirs.
#[test]
fn memory_of_few_large_blocks_waits_for_a_thread_that_is_there() {
    process::alone("memory_of_few_large_blocks_waits_for_a_thread_that_is_there", || {
        const BYTES: usize = 128 << 20;
        // The thread is away in six seconds.
        options::set(Opt::PurgeDelay, 60_000);
        let heap = new();
        let here = heap.here().unwrap();
        for size in [70_000, 300_000, 1_000_000] {
            let start = process::resident();
            let blocks: Vec<usize> = (0..BYTES / size).map(|_| filled(here, size).addr()).collect();
            std::thread::scope(|scope| {
                scope.spawn(|| free_all(&blocks));
            });
            let kept = process::resident().saturating_sub(start);
            assert!((BYTES / 16..BYTES / 4).contains(&kept), "{} KiB in blocks of {size}", kept >> 10);
            here.collect(true);
            MiMalloc.collect(true);
        }
    });
}

/// A thread that was away goes on to allocate while another one gives back what it had.
#[test]
fn a_thread_comes_back_while_its_pages_are_emptied() {
    let heap = new();
    let (send, receive) = mpsc::sync_channel::<Vec<usize>>(1);
    std::thread::scope(|scope| {
        scope.spawn(|| receive.into_iter().for_each(|blocks| free_all(&blocks)));
        let here = heap.here().unwrap();
        for round in 0..20 {
            let size = [16, 100, 1024, 9_000, 60_000][round % 5];
            let blocks = || (0..(4 << 20) / size).map(|_| filled(here, size).addr()).collect::<Vec<_>>();
            let (others, own) = (blocks(), blocks());
            std::thread::sleep(AWAY);
            send.send(others).unwrap();
            let more = blocks();
            for &p in own.iter().chain(&more) {
                check(std::ptr::with_exposed_provenance_mut(p), size);
            }
            free_all(&more);
            send.send(own).unwrap();
        }
        drop(send);
    });
    assert!(live(&heap).is_empty());
}

/// So long that a thread counts as gone from a heap.
const AWAY: Duration = Duration::from_millis(130);

fn free_all(blocks: &[usize]) {
    for &p in blocks {
        // SAFETY: the blocks are live, and the caller gives them up.
        unsafe { raw::free(std::ptr::with_exposed_provenance_mut::<u8>(p)) };
    }
}

/// No free block is forgotten on the way: as many blocks as fill a few pages lie in a few pages.
#[test]
fn a_part_of_a_heap_is_collected_while_another_thread_frees_large_blocks_of_it() {
    let heap = new();
    let (send, receive) = mpsc::sync_channel(64);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for p in receive {
                let p: usize = p;
                // SAFETY: the block is live, and was handed over.
                unsafe { raw::free(p as *mut u8) };
            }
        });
        let here = heap.here().unwrap();
        let mut live = Vec::new();
        for turn in 0..40_000 {
            let is_large = turn % 3 != 0;
            let size = if is_large { 70_000 + turn * 7919 % 300_000 } else { 100 + turn * 31 % 9000 };
            let (p, mark) = (here.malloc(size), turn as u8);
            // SAFETY: the block has this size.
            unsafe {
                p.write(mark);
                p.add(size - 1).write(mark);
            }
            live.push((p, size, mark, is_large));
            if live.len() > 40 {
                let (p, size, mark, is_large) = live.swap_remove(turn * 13 % 40);
                // SAFETY: the block is live.
                let (ends, usable) = unsafe { ((p.read(), p.add(size - 1).read()), raw::usable_size(p)) };
                assert!(ends == (mark, mark) && usable >= size, "turn {turn}");
                if is_large {
                    send.send(p.addr()).unwrap();
                } else {
                    // SAFETY: the block is live and given up.
                    unsafe { raw::free(p) };
                }
            }
            if turn % 4 == 0 {
                here.collect(false);
            }
        }
        drop(send);
    });
    heap.destroy();
}
