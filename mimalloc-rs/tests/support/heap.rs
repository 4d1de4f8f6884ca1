//! Heaps, and blocks in them that know what they contain.

use std::collections::HashSet;

use mimalloc_rs::Heap;
use mimalloc_rs::raw::ThreadHeap;

/// Sizes of all kinds of page, and of a run.
pub(crate) const SIZES: [usize; 8] = [1, 8, 24, 100, 1024, 9_000, 60_000, 300_000];

pub(crate) fn new() -> Heap {
    Heap::new().expect("memory for one more heap")
}

/// A block that knows its size.
pub(crate) fn filled(heap: ThreadHeap<'_>, size: usize) -> *mut u8 {
    let p = heap.malloc(size);
    assert!(!p.is_null());
    // SAFETY: the block is new and has this size.
    unsafe { p.write_bytes(size as u8 | 1, size) };
    p
}

/// Panics if a block of [`filled`] does not hold what it did.
pub(crate) fn check(p: *mut u8, size: usize) {
    // SAFETY: the callers hold the block.
    let bytes = unsafe { std::slice::from_raw_parts(p, size) };
    assert!(bytes.iter().all(|&byte| byte == size as u8 | 1));
}

/// Blocks in use, as a visit finds them.
pub(crate) fn live(heap: &Heap) -> HashSet<usize> {
    let mut blocks = HashSet::new();
    let mut announced = 0;
    let mut found = 0;
    // SAFETY: the tests visit heaps that nobody else uses.
    let complete = unsafe {
        heap.visit(true, |area, block| {
            match block {
                None => announced += area.used,
                Some(block) => {
                    found += 1;
                    assert!(blocks.insert(block.as_ptr().addr()), "a block was shown twice");
                }
            }
            true
        })
    };
    assert!(complete);
    assert_eq!(announced, found, "an area's count is not the number of its blocks");
    blocks
}
