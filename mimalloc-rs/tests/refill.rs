//! Which page the next blocks come from.

mod support;

use std::alloc::Layout;
use std::collections::BTreeMap;

use support::block::Block;

/// Pages lie in units of this many bytes, so blocks that share one share a page.
const UNIT: usize = 64 << 10;

fn page_of(block: &Block) -> usize {
    block.start() / UNIT
}

#[test]
fn a_page_with_many_free_blocks_goes_before_one_with_a_few() {
    let layout = Layout::from_size_align(64, 8).unwrap();
    let mut pages: BTreeMap<usize, Vec<Block>> = BTreeMap::new();
    let mut newest = 0;
    while pages.len() < 5 {
        let block = Block::new(layout, 1);
        newest = page_of(&block);
        pages.entry(newest).or_default().push(block);
    }
    let returned = pages.get_mut(&newest).and_then(Vec::pop).expect("it has one");
    let place = returned.start();
    for blocks in pages.iter_mut().filter(|(page, _)| **page != newest).map(|(_, blocks)| blocks) {
        blocks.drain(..blocks.len() / 2).for_each(Block::free);
    }
    returned.free();

    // The rest of what the newest page linked comes first, whatever was freed.
    let mut taken = vec![];
    loop {
        let block = Block::new(layout, 2);
        assert_ne!(block.start(), place, "the newest page's only free block, while others have hundreds");
        let page = page_of(&block);
        taken.push(block);
        if page != newest {
            break;
        }
    }
    pages.into_values().flatten().chain(taken).for_each(Block::free);
}
