//! The cost of single operations, by way of the same interface for each allocator.
//!
//! `cargo bench -p mimalloc-rs`; allocators are told apart by name, so `-- mimalloc-rs/` runs one of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use mimalloc_rs::MiMalloc;

const SIZES: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];
const BATCH: usize = 100;
/// Live blocks while random ones are replaced.
const SLOTS: usize = 100_000;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("sizes are small, and alignments powers of two")
}

/// A block whose first byte is written, as a program would.
fn allocate(allocator: &impl GlobalAlloc, layout: Layout) -> *mut u8 {
    // SAFETY: the layout has a size, and a block at least one byte.
    unsafe {
        let block = allocator.alloc(layout);
        assert!(!block.is_null(), "memory was refused");
        block.write_volatile(1);
        block
    }
}

fn free(allocator: &impl GlobalAlloc, block: *mut u8, layout: Layout) {
    // SAFETY: every block here is freed once, with the layout it was made with.
    unsafe { allocator.dealloc(black_box(block), layout) }
}

fn pairs(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    for size in SIZES {
        group.bench_function(BenchmarkId::new(format!("{name}/pair"), size), |bencher| {
            let layout = layout(black_box(size), 8);
            bencher.iter(|| free(allocator, allocate(allocator, layout), layout));
        });
    }
    for align in [64, 4096] {
        group.bench_function(BenchmarkId::new(format!("{name}/aligned pair"), align), |bencher| {
            let layout = layout(black_box(100), align);
            bencher.iter(|| free(allocator, allocate(allocator, layout), layout));
        });
    }
}

fn batches(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    let layout = layout(black_box(64), 8);
    let mut blocks = Vec::with_capacity(BATCH);
    group.bench_function(format!("{name}/batch, last in first out"), |bencher| {
        bencher.iter(|| {
            blocks.extend((0..BATCH).map(|_| allocate(allocator, layout)));
            blocks.drain(..).rev().for_each(|block| free(allocator, block, layout));
        });
    });
    group.bench_function(format!("{name}/batch, first in first out"), |bencher| {
        bencher.iter(|| {
            blocks.extend((0..BATCH).map(|_| allocate(allocator, layout)));
            blocks.drain(..).for_each(|block| free(allocator, block, layout));
        });
    });
}

/// Replaces a random one of many blocks of different sizes.
fn replacement(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
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
    group.bench_function(format!("{name}/replacement among {SLOTS}"), |bencher| {
        bencher.iter(|| {
            // A full cycle through the slots, in an order no hardware foresees.
            place = (place * 69_061 + 1) % SLOTS;
            let (block, layout) = std::mem::replace(&mut slots[place], fresh());
            free(allocator, block, layout);
        });
    });
    slots.into_iter().for_each(|(block, layout)| free(allocator, block, layout));
}

fn growth(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    let grow = |block: *mut u8, from: usize, to: usize| {
        // SAFETY: the block is live and has `from` bytes; the block that is returned takes its place.
        let block = unsafe { allocator.realloc(block, layout(from, 8), to) };
        assert!(!block.is_null(), "memory was refused");
        block
    };
    group.bench_function(format!("{name}/doubling to 1 MiB"), |bencher| {
        bencher.iter(|| {
            let (mut size, end) = (64, 1 << 20);
            let mut block = allocate(allocator, layout(size, 8));
            while size < end {
                block = grow(block, size, size * 2);
                size *= 2;
            }
            free(allocator, block, layout(size, 8));
        });
    });
    group.bench_function(format!("{name}/resize in place"), |bencher| {
        // Both sizes are served by blocks of the same size.
        let (small, large) = (black_box(900), black_box(1000));
        let mut block = allocate(allocator, layout(small, 8));
        bencher.iter(|| {
            block = grow(block, small, large);
            block = grow(block, large, small);
        });
        free(allocator, block, layout(small, 8));
    });
}

fn zeroed(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    group.bench_function(format!("{name}/zeroed 64 KiB"), |bencher| {
        let layout = layout(black_box(64 << 10), 8);
        bencher.iter(|| {
            // SAFETY: the layout has a size.
            let block = unsafe { allocator.alloc_zeroed(layout) };
            free(allocator, block, layout);
        });
    });
}

fn all(group: &mut Group, name: &str, allocator: &impl GlobalAlloc) {
    pairs(group, name, allocator);
    batches(group, name, allocator);
    replacement(group, name, allocator);
    growth(group, name, allocator);
    zeroed(group, name, allocator);
}

fn fastpath(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fastpath");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    all(&mut group, "mimalloc-rs", &MiMalloc);
    all(&mut group, "system", &System);
    group.finish();
}

criterion_group!(benches, fastpath);
criterion_main!(benches);
