//! What one thread does.

use std::alloc::GlobalAlloc;
use std::hint::black_box;

use super::Group;
use super::blocks::{allocate, free, layout};

const BATCH: usize = 100;
/// Live blocks while random ones are replaced.
const SLOTS: usize = 100_000;

/// A block that is freed at once.
pub(crate) fn pair(group: &mut Group, name: &str, allocator: &impl GlobalAlloc, size: usize, align: usize) {
    group.bench_function(name, |bencher| {
        let layout = layout(black_box(size), align);
        bencher.iter(|| free(allocator, allocate(allocator, layout), layout));
    });
}

/// In which order a batch of blocks is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    FirstInFirstOut,
    LastInFirstOut,
}

/// [`BATCH`] blocks that are freed when all are there.
pub(crate) fn batch(group: &mut Group, name: &str, allocator: &impl GlobalAlloc, order: Order) {
    let layout = layout(black_box(64), 8);
    let mut blocks = Vec::with_capacity(BATCH);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            blocks.extend((0..BATCH).map(|_| allocate(allocator, layout)));
            if order == Order::LastInFirstOut {
                blocks.reverse();
            }
            blocks.drain(..).for_each(|block| free(allocator, block, layout));
        });
    });
}

/// Replaces a random one of many blocks of different sizes.
pub(crate) fn replacement(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    let layout_of = |random: u64| layout(8 + (random >> 20) as usize % 500, 8);
    let mut random = 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut fresh = || {
        let layout = layout_of(next());
        (allocate(allocator, layout), layout)
    };
    let mut slots: Vec<_> = (0..SLOTS).map(|_| fresh()).collect();
    let mut place = 1;
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            // A full cycle through the slots, in an order no hardware foresees.
            place = (place * 69_061 + 1) % SLOTS;
            let (block, layout) = std::mem::replace(&mut slots[place], fresh());
            free(allocator, block, layout);
        });
    });
    slots.into_iter().for_each(|(block, layout)| free(allocator, block, layout));
}

fn grow(allocator: &impl GlobalAlloc, block: *mut u8, from: usize, to: usize) -> *mut u8 {
    // SAFETY: the block is live and has `from` bytes; the block that is returned takes its place.
    let block = unsafe { allocator.realloc(block, layout(from, 8), to) };
    assert!(!block.is_null(), "memory was refused");
    block
}

/// A growing vector, without its elements.
pub(crate) fn doubling(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let (mut size, end) = (64, 1 << 20);
            let mut block = allocate(allocator, layout(size, 8));
            while size < end {
                block = grow(allocator, block, size, size * 2);
                size *= 2;
            }
            free(allocator, block, layout(size, 8));
        });
    });
}

/// Between two sizes that blocks of the same size serve, in every allocator here.
pub(crate) fn resize_in_place(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    group.bench_function(name, |bencher| {
        let (small, large) = (black_box(900), black_box(1000));
        let mut block = allocate(allocator, layout(small, 8));
        bencher.iter(|| {
            block = grow(allocator, block, small, large);
            block = grow(allocator, block, large, small);
        });
        free(allocator, block, layout(small, 8));
    });
}

/// A block of zeros.
pub(crate) fn zeroed(group: &mut Group, name: &str, allocator: &impl GlobalAlloc, size: usize) {
    group.bench_function(name, |bencher| {
        let layout = layout(black_box(size), 8);
        bencher.iter(|| {
            // SAFETY: the layout has a size.
            let block = unsafe { allocator.alloc_zeroed(layout) };
            free(allocator, block, layout);
        });
    });
}
