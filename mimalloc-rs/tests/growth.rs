//! Blocks that grow far: they do so where they are, and do not keep much more memory than they need.

// Padded and guarded blocks move whenever they change their size.
#![cfg(not(any(feature = "debug", feature = "secure")))]

mod support;

use std::alloc::Layout;
use std::collections::HashSet;

use support::block::Block;
use support::process;

const KIB: usize = 1 << 10;
/// Memory is handed out in units of this many bytes.
const SLICE: usize = 64 * KIB;

fn block(size: usize) -> Block {
    Block::new(Layout::from_size_align(size, 8).unwrap(), 7)
}

/// How many of the blocks own a slice, of blocks that could share pages.
fn alone(blocks: &[Block]) -> usize {
    blocks.iter().filter(|block| block.usable() == SLICE).count()
}

#[test]
fn blocks_that_grow_far_hardly_move() {
    // By doubling, as a vector does, and by little.
    let steps: [fn(usize) -> usize; 2] = [|size| 2 * size, |size| size + size / 8 + 1];
    for step in steps {
        let (mut grown, mut size, mut places) = (block(64), 64, HashSet::new());
        while size < KIB * KIB {
            size = step(size);
            grown = grown.resize(size);
            if size > 16 * KIB {
                places.insert(grown.start());
            }
        }
        grown.free();
        // It may begin in a gap.
        assert!(places.len() <= 2, "{places:x?}");
    }
    // A slice is more than most of them need, so only a few may own one.
    for (count, before, after) in [(3_000, 12 * KIB, 17 * KIB), (3_000, 100 * KIB, 20 * KIB)] {
        let blocks: Vec<_> = (0..count).map(|_| block(before).resize(after)).collect();
        let alone = alone(&blocks);
        assert!((10..count / 10).contains(&alone), "{alone} blocks of {after} bytes own a slice each");
        blocks.into_iter().for_each(Block::free);
    }
    // Those that are free again do not count.
    let last = block(12 * KIB).resize(17 * KIB);
    assert!(alone(&[last]) == 1);
}

/// What the allocator has reserved ends at several places on the way.
#[test]
fn a_block_grows_on_where_reserved_memory_ends() {
    process::alone("a_block_grows_on_where_reserved_memory_ends", || {
        const MIB: usize = KIB * KIB;
        let mut grown = block(MIB);
        let start = grown.start();
        for size in 2..=300 {
            grown = grown.resize(size * MIB);
            assert_eq!(grown.start(), start, "{size} MiB");
        }
        grown.free();
    });
}
