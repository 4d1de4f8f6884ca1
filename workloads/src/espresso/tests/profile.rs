//! Sizes and live blocks of a pass.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use super::super::inputs::Pla;
use super::super::pass::pass;
use super::super::reduce::Order;
use crate::api::{Api, Global, Request};

#[test]
fn sizes_and_live_blocks_are_those_of_the_original() {
    let text = Pla::Control.text();
    pass::<Recorded, ()>(&text, &mut Order::default(), &mut (), |_, _| ()).expect("there is a result");
    let record = RECORD.take();
    let calls = record.sizes.values().sum::<u64>();
    let percent = |part: u64| 100.0 * part as f64 / calls as f64;
    for (size, share) in [(48, 42.9), (16, 24.9), (56, 18.9)] {
        let found = percent(record.sizes[&size]);
        assert!((found - share).abs() < 0.1, "{size} bytes: {found} %");
    }
    assert!((percent(record.reallocations) - 1.4).abs() < 0.1, "{} moved", record.reallocations);
    let bytes: u64 = record.sizes.iter().map(|(&size, count)| size as u64 * count).sum();
    assert_eq!((bytes as f64 / calls as f64).round(), 113.0);
    let up_to = |limit| percent(record.sizes.range(..=limit).map(|(_, count)| count).sum());
    assert!((86.0..=90.0).contains(&up_to(64)) && (96.0..=97.5).contains(&up_to(256)));
    assert!((5_100..5_300).contains(&record.peak_blocks), "{} blocks", record.peak_blocks);
    assert!((385_000..405_000).contains(&record.peak_bytes), "{} bytes", record.peak_bytes);
}

/// What [`Recorded`] saw on this thread.
#[derive(Default)]
struct Record {
    sizes: BTreeMap<usize, u64>,
    reallocations: u64,
    blocks: u64,
    bytes: usize,
    peak_blocks: u64,
    peak_bytes: usize,
}

impl Record {
    fn born(&mut self, size: usize) {
        *self.sizes.entry(size).or_default() += 1;
        self.blocks += 1;
        self.bytes += size;
        self.peak_blocks = self.peak_blocks.max(self.blocks);
        self.peak_bytes = self.peak_bytes.max(self.bytes);
    }

    fn died(&mut self, size: usize) {
        self.blocks -= 1;
        self.bytes -= size;
    }
}

thread_local! {
    static RECORD: RefCell<Record> = RefCell::default();
}

/// The global allocator, observed.
struct Recorded;

// SAFETY: every block comes from the global allocator unchanged.
unsafe impl Api for Recorded {
    fn alloc(request: Request) -> NonNull<u8> {
        RECORD.with_borrow_mut(|record| record.born(request.size()));
        Global::alloc(request)
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        RECORD.with_borrow_mut(|record| record.born(request.size()));
        Global::alloc_zeroed(request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        RECORD.with_borrow_mut(|record| record.died(request.size()));
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { Global::free(block, request) }
    }

    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        RECORD.with_borrow_mut(|record| {
            record.died(old.size());
            record.born(size);
            record.reallocations += 1;
        });
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { Global::realloc(block, old, size) }
    }
}
