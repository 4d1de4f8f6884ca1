//! A made-up heap that has something of everything.

use workloads::heap_map::{HeapMap, Holding, Span};

/// Bytes of a slice.
const SLICE: u64 = 1 << 16;

/// A heap of some 300 slices in two pieces of address space.
pub fn map() -> HeapMap {
    let page = |block_size: u64, slices: u64, used: u64, linked: u64| {
        let fits = slices * SLICE / block_size;
        (slices, Holding::Page { block_size, used: fits * used / 100, linked: fits * linked / 100, fits })
    };
    let mut pieces = vec![(1, Holding::Kept), (1, Holding::Kept)];
    for round in 0..12 {
        pieces.extend([
            page(16 << (round % 4), 1, 100 - 7 * round, 100),
            page(160 + 32 * round, 1, 60, 80),
            page(1024, 1, 5 * round, 90),
            page(1280 << (round % 3), 1, 30, 40),
            page(16 << 10, 8, 8 * round, 100),
            (1, Holding::Free),
            (3 + round, Holding::Block),
            (1, Holding::Vacant),
            (1, Holding::Vacant),
        ]);
    }
    let mut address = 1 << 40;
    let mut spans = Vec::new();
    for (at, (slices, holding)) in pieces.into_iter().enumerate() {
        if at == 70 {
            address += 1 << 32;
        }
        spans.push(Span { address, bytes: slices * SLICE, holding });
        address += slices * SLICE;
    }
    HeapMap { slice_bytes: SLICE, spans }
}
