//! Ten thousand short threads that hand blocks to each other.

mod support;

use std::alloc::Layout;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use mimalloc_rs::MiMalloc;
use support::block::Block;
use support::process;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

const THREADS: usize = 10_000;
/// The process is measured when this many threads have started: warm, and near the end.
const MEASURED: [usize; 2] = [1_000, THREADS - 10];
/// Chains of threads that run next to each other.
const LANES: usize = 3;
/// What the process may grow by in between: until every block that is alive keeps a page of its own.
const TOLERANCE: usize = 32 << 20;
/// What may be left when all blocks are free.
const LEFT: usize = 8 << 20;

/// What thread `number` leaves to others: mostly small blocks, and now and then one of a size of its own.
fn leave(number: usize) -> Vec<Block> {
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    let pattern = (number % 251 + 1) as u8;
    let mut blocks: Vec<_> =
        (0..40).map(|place| Block::new(layout([16, 48, 100, 400][place % 4], 8), pattern)).collect();
    blocks.push(Block::new(layout([2_000, 12_000, 50_000][number % 3], 64), pattern));
    if number.is_multiple_of(16) {
        blocks.push(Block::new(layout(100_000 + number, 4096), pattern));
    }
    blocks
}

/// One thread's life: it frees some of what it was given, makes blocks, frees some of those, and passes the rest on.
fn live(number: usize, mut given: Vec<Block>) -> Vec<Block> {
    let mut own = leave(number);
    // The oldest go; what stays keeps the pages of ended threads in use for a while.
    let keep = given.len() / 3;
    given.drain(..given.len() - keep).for_each(Block::free);
    own.drain(..10).for_each(Block::free);
    given.extend(own);
    given
}

#[test]
fn the_process_keeps_its_size() {
    let start = process::resident();
    let started = AtomicUsize::new(0);
    let sizes = MEASURED.map(|_| AtomicUsize::new(0));
    // Every lane passes its blocks to the next one, across threads that live on.
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..LANES).map(|_| channel::<Vec<Block>>()).unzip();
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for (lane, inbox) in receivers.into_iter().enumerate() {
            let next = senders[(lane + 1) % LANES].clone();
            let (started, sizes) = (&started, &sizes);
            lanes.push(scope.spawn(move || {
                while let number = started.fetch_add(1, Ordering::Relaxed)
                    && number < THREADS
                {
                    let given: Vec<_> = inbox.try_iter().flatten().collect();
                    let left = thread::spawn(move || live(number, given)).join().unwrap();
                    // The lane that comes next may have ended.
                    if let Err(refused) = next.send(left) {
                        refused.0.into_iter().for_each(Block::free);
                    }
                    if let Some(measured) = MEASURED.iter().position(|&at| at == number) {
                        // Not what waits to be given back, which depends on the time.
                        MiMalloc.collect(true);
                        sizes[measured].store(process::resident(), Ordering::Relaxed);
                    }
                }
                // What is still on its way ends with the last sender.
                drop(next);
                inbox.into_iter().flatten().for_each(Block::free);
            }));
        }
        drop(senders);
        // The end of a scope does not wait for what threads do after their last statement.
        for lane in lanes {
            lane.join().unwrap();
        }
    });
    let [warm, last] = sizes.map(AtomicUsize::into_inner);
    assert!(warm > 0 && last > 0);
    assert!(last < warm + TOLERANCE, "grown from {warm} to {last} bytes");
    MiMalloc.collect(true);
    let left = process::resident().saturating_sub(start);
    assert!(left < LEFT, "{left} bytes are left when all blocks are free");
}
