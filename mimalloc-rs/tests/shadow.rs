//! Random traffic, checked against what must hold of any allocator: blocks do not overlap, are aligned,
//! keep their contents, and are as large as asked for.

mod support;

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mimalloc_rs::good_size;
use proptest::prelude::*;
use support::block::Block;

/// The largest size that shares a page, and the step of those above.
const SLICE: usize = 64 * 1024;
const SIZE_MAX: usize = 4 << 20;
const THREADS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Step {
    Alloc(Layout),
    Zeroed(Layout),
    /// Resizes one of the live blocks.
    Resize(usize, usize),
    /// Frees one of the live blocks.
    Free(usize),
    /// Hands one of the live blocks to another thread.
    Send(usize, usize),
    /// Gives memory back; with force or without.
    Collect(bool),
}

fn size() -> impl Strategy<Value = usize> {
    let around = |size: usize| size.saturating_sub(1).max(1)..=size + 1;
    prop_oneof![
        8 => 1..=1024usize,
        8 => (1..=SLICE).prop_flat_map(move |size| around(good_size(size))),
        // As many of each order of magnitude.
        4 => (0..=16u32).prop_flat_map(|shift| 1usize << shift..=2usize << shift),
        2 => (1..=32usize).prop_flat_map(move |slices| around(slices * SLICE)),
        1 => SLICE..=SIZE_MAX,
    ]
}

fn layout() -> impl Strategy<Value = Layout> {
    let align = prop_oneof![6 => 0..=4u32, 3 => 5..=12u32, 1 => 13..=20u32];
    (size(), align).prop_map(|(size, shift)| Layout::from_size_align(size, 1 << shift).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        80 => layout().prop_map(Step::Alloc),
        20 => layout().prop_map(Step::Zeroed),
        30 => (any::<usize>(), size()).prop_map(|(which, size)| Step::Resize(which, size)),
        70 => any::<usize>().prop_map(Step::Free),
        40 => (any::<usize>(), 0..THREADS).prop_map(|(which, to)| Step::Send(which, to)),
        1 => any::<bool>().prop_map(Step::Collect),
    ]
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The blocks one thread holds.
#[derive(Default)]
struct Held {
    blocks: Vec<Block>,
    made: usize,
}

impl Held {
    fn pattern(&mut self) -> u8 {
        self.made += 1;
        // Never zero, so that fresh memory is not mistaken for contents.
        (self.made % 251 + 1) as u8
    }

    fn pick(&mut self, which: usize) -> Option<Block> {
        let count = self.blocks.len();
        (count > 0).then(|| self.blocks.swap_remove(which % count))
    }

    /// Does everything but sending; a block to be sent is returned.
    fn apply(&mut self, step: Step) -> Option<(Block, usize)> {
        match step {
            Step::Alloc(layout) => {
                let pattern = self.pattern();
                self.blocks.push(Block::new(layout, pattern));
            }
            Step::Zeroed(layout) => {
                let pattern = self.pattern();
                self.blocks.push(Block::zeroed(layout, pattern));
            }
            Step::Resize(which, size) => {
                if let Some(block) = self.pick(which) {
                    self.blocks.push(block.resize(size));
                }
            }
            Step::Free(which) => {
                if let Some(block) = self.pick(which) {
                    block.free();
                }
            }
            Step::Send(which, to) => return self.pick(which).map(|block| (block, to)),
            Step::Collect(force) => mimalloc_rs::MiMalloc.collect(force),
        }
        None
    }

    fn free_all(&mut self) {
        self.blocks.drain(..).for_each(Block::free);
    }
}

/// Panics if two blocks share a byte that one of them may use.
fn check_disjoint(blocks: &[Block]) {
    let extents: BTreeMap<usize, usize> =
        blocks.iter().map(|block| (block.start(), block.start() + block.usable())).collect();
    assert_eq!(extents.len(), blocks.len(), "two blocks start at the same address");
    let overlap = extents.iter().zip(extents.iter().skip(1)).find(|((_, end), (next, _))| *end > *next);
    assert_eq!(overlap, None, "two blocks overlap");
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn one_thread(steps in prop::collection::vec(step(), 1..500)) {
        let mut held = Held::default();
        for step in steps {
            // Alone, a block that would be sent stays.
            if let Some((block, _)) = held.apply(step) {
                held.blocks.push(block);
            }
            check_disjoint(&held.blocks);
        }
        held.free_all();
    }
}

/// Does its steps, sends blocks to the other threads, takes what they send, and ends with live blocks.
fn traffic(steps: Vec<Step>, inbox: &Receiver<Block>, outboxes: &[Sender<Block>]) -> Vec<Block> {
    let mut held = Held::default();
    for (number, step) in steps.into_iter().enumerate() {
        if let Some((block, to)) = held.apply(step) {
            // A thread that has ended takes nothing any more.
            if let Err(refused) = outboxes[to].send(block) {
                refused.0.free();
            }
        }
        for (arrived, block) in inbox.try_iter().enumerate() {
            if (number + arrived) % 2 == 0 {
                block.free();
            } else {
                held.blocks.push(block);
            }
        }
    }
    held.blocks
}

/// One generation of threads; returns what they left behind.
fn generation(scripts: Vec<Vec<Step>>) -> Vec<Block> {
    let (outboxes, inboxes): (Vec<_>, Vec<_>) = scripts.iter().map(|_| channel()).unzip();
    let threads: Vec<_> = scripts
        .into_iter()
        .zip(inboxes)
        .map(|(steps, inbox)| {
            let outboxes = outboxes.clone();
            thread::spawn(move || {
                let mut left = traffic(steps, &inbox, &outboxes);
                drop(outboxes);
                // Until all others have let go of their senders: nothing is lost on the way.
                left.extend(inbox);
                left
            })
        })
        .collect();
    drop(outboxes);
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

proptest! {
    #![proptest_config(config(15))]

    #[test]
    fn several_threads(
        scripts in prop::collection::vec(prop::collection::vec(prop::collection::vec(step(), 1..300), THREADS), 1..4)
    ) {
        let mut left = Vec::new();
        for scripts in scripts {
            // The next generation works next to the blocks that outlived their threads, and takes over their pages.
            left.extend(generation(scripts));
            check_disjoint(&left);
            let keep = left.len() / 2;
            left.drain(keep..).for_each(Block::free);
        }
        left.into_iter().for_each(Block::free);
    }
}
