//! A fork in the middle of other threads' allocations leaves the child a working allocator.

mod support;

use std::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread;

use mimalloc_rs::raw;
use mimalloc_rs::{Heap, MiMalloc};
use support::block::Block;
use support::process;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

const FORKS: usize = 100;
const THREADS: usize = 3;
/// A child that takes longer than this many seconds hangs; the system ends it.
const PATIENCE: u32 = 20;

/// Where each thread of the parent offers a block to whoever wants it. No lock: it could be held at the fork.
static OFFERED: [AtomicPtr<Block>; THREADS] = [const { AtomicPtr::new(ptr::null_mut()) }; THREADS];

/// Takes an offered block, for its only owner from then on.
fn take(place: &AtomicPtr<Block>) -> Option<Block> {
    let offered = place.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: what is offered comes from `Box::into_raw`, and the exchange gave it to this thread alone.
    (!offered.is_null()).then(|| unsafe { *Box::from_raw(offered) })
}

fn offer(place: &AtomicPtr<Block>, block: Block) {
    let old = place.swap(Box::into_raw(Box::new(block)), Ordering::AcqRel);
    assert!(old.is_null(), "a place has one thread that offers");
}

fn block(number: usize) -> Block {
    let size = match number % 50 {
        0 => 150_000,
        1..5 => 20_000,
        other => 1 + number * 37 % 900 + other,
    };
    Block::new(Layout::from_size_align(size, 16).unwrap(), number as u8)
}

/// One thread of the parent: allocates, frees, offers blocks, and takes them back.
fn busy(place: &AtomicPtr<Block>, stop: &AtomicBool) {
    let mut held: Vec<Block> = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        held.push(block(number));
        if held.len() > 100 {
            held.swap_remove(number * 31 % 100).free();
        }
        if number.is_multiple_of(50) {
            if let Some(block) = take(place) {
                block.free();
            }
            offer(place, block(number));
        }
        if number.is_multiple_of(1000) {
            held.drain(..).for_each(Block::free);
            MiMalloc.collect(number.is_multiple_of(2000));
        }
    }
    held.into_iter().for_each(Block::free);
    if let Some(block) = take(place) {
        block.free();
    }
}

/// What a child does: allocates, frees its own blocks and the parent's, and lets threads do the same.
fn child(before: &mut Vec<Block>) {
    before.drain(..).for_each(Block::free);
    let own: Vec<_> = (0..500).map(block).collect();
    let mut others = 0;
    for place in &OFFERED {
        if let Some(block) = take(place) {
            others += 1;
            block.free();
        }
    }
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| (0..300).map(block).collect::<Vec<_>>())).collect();
    own.into_iter().for_each(Block::free);
    for thread in threads {
        thread.join().unwrap().into_iter().for_each(Block::free);
    }
    memory_goes_back();
    (0..others + 1).map(block).for_each(Block::free);
}

/// Also when one of the parent's other threads was giving memory back at the fork.
fn memory_goes_back() {
    const SIZE: usize = 4 << 20;
    let before = process::resident();
    Block::new(Layout::from_size_align(SIZE, 8).unwrap(), 1).free();
    MiMalloc.collect(true);
    assert!(process::resident() < before + SIZE / 2, "a child keeps what it has freed");
}

#[test]
fn a_child_can_allocate_free_and_make_threads() {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for place in &OFFERED {
            let stop = &stop;
            scope.spawn(move || busy(place, stop));
        }
        let result = catch_unwind(|| {
            for number in 0..FORKS {
                let mut before: Vec<_> = (0..20).map(block).collect();
                let status = in_child(|| child(&mut before));
                before.into_iter().for_each(Block::free);
                assert_eq!(status, 0, "child {number} of {FORKS} ended with this status");
            }
        });
        // Also when a child failed: the scope waits for the threads.
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

/// One thread of the parent: takes runs of a heap's, and frees those of other threads.
fn pass_runs_on(heap: &Heap, places: &[AtomicPtr<u8>], stop: &AtomicBool) {
    let here = heap.here().expect("memory for this thread's part");
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 7;
        let old = places[number % places.len()].swap(here.malloc(RUN), Ordering::AcqRel);
        // SAFETY: the exchange gave the block to this thread alone.
        unsafe { raw::free(old) };
    }
}

/// A block of its own, of two slices.
const RUN: usize = 66_000;

/// What a child does: ends the heap, or looks at it, and has memory as before, of which none is anybody else's.
fn child_ends(heap: Heap, number: usize, blocks: &[Block]) {
    match number % 3 {
        0 => heap.destroy(),
        1 => heap.delete(),
        _ => {
            let is_run = |size: usize| size > RUN - 1000;
            // SAFETY: nobody uses the heap: its threads are the parent's.
            assert!(unsafe { heap.visit(true, |area, _| is_run(area.block_size)) });
        }
    }
    let own: Vec<_> = (0..500).map(|_| Block::new(Layout::from_size_align(RUN, 16).unwrap(), 0xEE)).collect();
    blocks.iter().for_each(Block::check);
    own.into_iter().for_each(Block::free);
}

/// In the child, what another thread was about to free is nobody's.
#[test]
fn a_child_can_end_a_heap_of_which_others_were_freeing_blocks() {
    let layout = |size| Layout::from_size_align(size, 16).unwrap();
    // Records of pages of several slices are where those of runs will be.
    let pages: Vec<_> = (0..4000).map(|_| Block::new(layout(20_000), 1)).collect();
    pages.into_iter().for_each(Block::free);
    MiMalloc.collect(true);
    let mut blocks: Vec<_> = (0..1000).map(|number| Some(Block::new(layout(RUN), number as u8))).collect();
    blocks.iter_mut().step_by(2).filter_map(Option::take).for_each(Block::free);
    let blocks: Vec<_> = blocks.into_iter().flatten().collect();

    let heap = Heap::new().expect("memory for one more heap");
    let (stop, places) = (AtomicBool::new(false), [const { AtomicPtr::new(ptr::null_mut()) }; 64]);
    let failed: Vec<_> = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| pass_runs_on(&heap, &places, &stop));
        }
        let children = (0..60).map(|number| {
            // SAFETY: the child has a copy of the heap, of which the parent's stays.
            let status = in_child(|| child_ends(unsafe { ptr::read(&raw const heap) }, number, &blocks));
            (number, status)
        });
        let failed = children.filter(|&(_, status)| status != 0).collect();
        stop.store(true, Ordering::Relaxed);
        failed
    });
    assert!(failed.is_empty(), "number and status: {failed:?}");
}

/// Forks, runs `body` in the child, and returns the child's wait status; zero if all went well.
fn in_child(body: impl FnOnce()) -> i32 {
    // SAFETY: the allocator promises to work in the child, and so does the system's thread library; the child uses
    // nothing else that could be locked, and ends without running the parent's exit handlers.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::alarm(PATIENCE);
            let result = catch_unwind(AssertUnwindSafe(body));
            libc::_exit(i32::from(result.is_err()));
        }
        assert!(pid > 0, "the system refuses to fork");
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        status
    }
}
