//! Pages of several slices that allocation goes on in without a block in use do not stay where others need their memory, nor when
//! their thread frees most of what it has.

mod support;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Heap, SubProcess, good_size};
use support::process;

const MIB: usize = 1 << 20;
/// Beyond what shares single slices, and what pages hold.
const MEDIUM: std::ops::RangeInclusive<usize> = 8193..=65536;

fn filled(here: ThreadHeap<'_>, size: usize) -> *mut u8 {
    let block = here.malloc(size);
    // SAFETY: the block is live and has so many bytes.
    unsafe { block.write_bytes(1, size) };
    block
}

fn fill(here: ThreadHeap<'_>, bytes: usize, size: usize) -> Vec<*mut u8> {
    (0..bytes / size).map(|_| filled(here, size)).collect()
}

fn free(blocks: Vec<*mut u8>) {
    // SAFETY: the blocks are live and given up.
    blocks.into_iter().for_each(|block| unsafe { raw::free(block) });
}

/// Blocks of each size that pages of several slices are for come and go.
fn leave_idle_pages(here: ThreadHeap<'_>) {
    let mut size = *MEDIUM.start();
    while MEDIUM.contains(&size) {
        size = good_size(size);
        free(fill(here, MIB / 2, size));
        size += 1;
    }
}

fn medium_pages() -> i64 {
    let is_medium = |size: usize| MEDIUM.contains(&size);
    Stats::process().bins().filter(|bin| is_medium(bin.block_size)).map(|bin| bin.pages.current).sum()
}

/// Room for the idle pages to come, which would otherwise make room for each other.
fn leave_room(here: ThreadHeap<'_>) {
    free(fill(here, 16 * MIB, MIB));
}

/// Has idle pages in `idle` that `ebb` ends, which frees 64 MiB.
fn end_at_ebb(idle: ThreadHeap<'_>, ebb: impl FnOnce()) {
    leave_room(idle);
    leave_idle_pages(idle);
    let before = medium_pages();
    assert!(before > 4, "{before} idle pages prove little");
    ebb();
    assert_eq!(medium_pages(), 0, "of {before} idle pages");
}

/// Part of the heap that this thread has.
fn part(heap: &Heap) -> ThreadHeap<'_> {
    heap.here().expect("memory for this thread's part")
}

fn new() -> Heap {
    Heap::new().expect("memory for one more heap")
}

fn at_an_ebb_by_frees(size: usize) {
    let main = ThreadHeap::current();
    let blocks = fill(main, 64 * MIB, size);
    end_at_ebb(main, || free(blocks));
}

fn at_an_ebb_by_frees_in_another_heap(size: usize) {
    let heap = new();
    let blocks = fill(part(&heap), 64 * MIB, size);
    end_at_ebb(ThreadHeap::current(), || free(blocks));
}

fn at_an_ebb_by_frees_in_their_own_heap(size: usize) {
    let heap = new();
    let blocks = fill(part(&heap), 64 * MIB, size);
    end_at_ebb(part(&heap), || free(blocks));
}

fn at_an_ebb_by_the_end_of_a_heap() {
    let heap = new();
    fill(part(&heap), 64 * MIB, 4096);
    end_at_ebb(ThreadHeap::current(), || heap.destroy());
}

fn at_an_ebb_by_a_block_that_shrinks() {
    let main = ThreadHeap::current();
    let block = filled(main, 64 * MIB);
    end_at_ebb(main, || {
        // SAFETY: the block is live.
        let shrunk = unsafe { main.realloc(block, 70_000) };
        assert!(shrunk == block || cfg!(feature = "debug"), "in place, unless it is padded");
    });
}

fn at_an_ebb_in_a_sub_process() {
    assert!(SubProcess::new().expect("memory for one more heap").add_current_thread());
    let here = ThreadHeap::current();
    let blocks = fill(here, 64 * MIB, MIB);
    end_at_ebb(here, || free(blocks));
}

/// What a visitor frees elsewhere ends no page under the visit.
fn before_a_visit(visited: &Heap, here: ThreadHeap<'_>) {
    let heap = new();
    let mut elsewhere = Some(fill(part(&heap), 256 * MIB, MIB));
    let size = good_size(20_000);
    free(fill(here, MIB / 2, size));
    assert_eq!(medium_pages(), 1, "it is idle");
    let (mut told, mut shown) = (0, 0);
    // SAFETY: nobody else uses the heap, and the visitor frees in the other one.
    unsafe {
        visited.visit(true, |area, block| {
            match block {
                None if area.block_size == size => {
                    told += area.used;
                    elsewhere.take().into_iter().for_each(free);
                }
                Some(_) if area.block_size == size => shown += 1,
                _ => {}
            }
            true
        })
    };
    assert_eq!(shown, told);
}

process::alone_all! {
    idle_pages_end_when_small_blocks_are_freed: at_an_ebb_by_frees(4096);
    idle_pages_end_when_large_blocks_are_freed: at_an_ebb_by_frees(MIB);
    idle_pages_end_when_small_blocks_of_a_heap_are_freed: at_an_ebb_by_frees_in_another_heap(4096);
    idle_pages_end_when_large_blocks_of_a_heap_are_freed: at_an_ebb_by_frees_in_another_heap(MIB);
    idle_pages_of_a_heap_end_when_its_small_blocks_are_freed: at_an_ebb_by_frees_in_their_own_heap(4096);
    idle_pages_of_a_heap_end_when_its_large_blocks_are_freed: at_an_ebb_by_frees_in_their_own_heap(MIB);
    idle_pages_end_when_a_heap_is_destroyed: at_an_ebb_by_the_end_of_a_heap();
    idle_pages_end_when_a_large_block_shrinks: at_an_ebb_by_a_block_that_shrinks();
    idle_pages_end_when_a_sub_process_frees: at_an_ebb_in_a_sub_process();
    idle_pages_end_before_the_main_heap_is_visited:
        before_a_visit(Heap::main(), ThreadHeap::current());
    idle_pages_end_before_a_heap_is_visited: {
        let heap = new();
        before_a_visit(&heap, part(&heap));
    };
}
