//! mstress: threads that live for one round and leave some of their blocks to those of later rounds;
//! mixed lifetimes, sizes from one word to 5 MB, and every word of every block is checked when it is freed.
//!
//! The unit of `--ops` is one round.

mod random;
mod worker;

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::Size;
use crate::table::Table;
use crate::threads::{self, Job, MAX_THREADS};
use random::Random;
use worker::{Block, MAIN, Worker};

/// Rounds, at every size; each has the same work. Both presets are the same: the program of 2019
/// was another one. The original is so short that which thread runs when decides its time; the calibrated size goes on
/// for longer.
const fn rounds(size: Size) -> u64 {
    match size {
        Size::Check => 2,
        Size::Quick | Size::Full => 25,
        Size::Calibrated => 60,
    }
}

/// How many blocks a thread makes, in hundreds.
const SCALE: u64 = 50;

/// Threads differ in how much they do; this many are different.
const LOADS: u64 = 8;

/// The table through which threads leave blocks to each other.
const TRANSFER_SLOTS: u64 = 1_000;
type Transfer = [AtomicPtr<u64>; TRANSFER_SLOTS as usize];

/// Room in a thread's table of blocks. The original makes it larger when it is full, which it never is.
const DATA_SLOTS: u64 = 100_000;
const _: () = assert!(100 * SCALE * LOADS <= DATA_SLOTS);

/// The row.
#[derive(Debug)]
pub struct Mstress;

impl Workload for Mstress {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let rounds = params.ops.unwrap_or(rounds(params.size));
        let Tally { items, words, words_freed } = perform::<A>(threads, rounds, meter);
        if words != words_freed {
            return Err(Failure::Check(format!("{words} words were allocated and {words_freed} freed")));
        }
        Ok(Outcome {
            operations: items,
            timed: false,
            figure: format!(
                "Using {threads} threads with a {SCALE}% load-per-thread, {rounds} rounds: {items} blocks of {words} words"
            ),
            checksum: Some(digest([threads as u64, rounds, items, words])),
        })
    }
}

/// What became of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    /// Blocks made.
    items: u64,
    /// Words in them.
    words: u64,
    words_freed: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.items += other.items;
        self.words += other.words;
        self.words_freed += other.words_freed;
    }
}

fn perform<A: Api>(threads: usize, rounds: u64, meter: &mut Meter) -> Tally {
    let transfer: Transfer = [const { AtomicPtr::new(ptr::null_mut()) }; TRANSFER_SLOTS as usize];
    let mut stressers = Vec::with_capacity(threads);
    let mut random = Random(43 * 43);
    let mut total = Tally::default();
    meter.start();
    for round in 0..rounds {
        stressers.clear();
        stressers.extend((0..threads as u64).map(|index| Stresser::<A>::new(index, round, &transfer)));
        // The first is the main thread itself.
        if let Some((first, others)) = stressers.split_first_mut() {
            threads::run_all::<A, _>(others, || first.run());
        }
        let mut main = Worker::<A>::new(MAIN);
        for slot in &transfer {
            if random.chance(50) || round + 1 == rounds {
                // SAFETY: slots have blocks of this run that are nowhere else.
                unsafe { main.free(NonNull::new(slot.swap(ptr::null_mut(), Ordering::AcqRel))) };
            }
        }
        total.add(main.tally);
        stressers.iter().for_each(|stresser| total.add(stresser.tally));
    }
    meter.stop::<A>();
    total
}

/// A thread's work in one round.
struct Stresser<'a, A> {
    index: u64,
    me: u64,
    transfer: &'a Transfer,
    tally: Tally,
    api: PhantomData<fn() -> A>,
}

impl<'a, A: Api> Stresser<'a, A> {
    fn new(index: u64, round: u64, transfer: &'a Transfer) -> Stresser<'a, A> {
        // Threads of later rounds are others.
        let me = if index == 0 { MAIN } else { round * MAX_THREADS as u64 + index };
        Stresser { index, me, transfer, tally: Tally::default(), api: PhantomData }
    }
}

impl<A: Api> Job for Stresser<'_, A> {
    fn run(&mut self) {
        let mut worker = Worker::<A>::new(self.me);
        let mut random = Random((self.index + 1) * 43);
        let mut passing = 100 * SCALE * (self.index % LOADS + 1);
        let mut staying = passing / 2;
        let mut retained = Table::<A, Option<Block>>::new(staying as usize);
        let mut data = Table::<A, Option<Block>>::new(DATA_SLOTS as usize);
        while passing > 0 || staying > 0 {
            if staying == 0 || (random.chance(50) && passing > 0) {
                passing -= 1;
                let words = 1 << random.below(5);
                data.push(Some(worker.allocate(words, &mut random)));
            } else {
                staying -= 1;
                let words = 1 << random.below(7);
                retained.push(Some(worker.allocate(words, &mut random)));
            }
            let held = data.len() as u64;
            if random.chance(66) && held > 0 {
                let block = data[random.below(held) as usize].take();
                // SAFETY: the block was in this thread's table and is no longer.
                unsafe { worker.free(block) };
            }
            if random.chance(25) && held > 0 {
                let mine = &mut data[random.below(held) as usize];
                let theirs = &self.transfer[random.below(TRANSFER_SLOTS) as usize];
                let gone = mine.map_or(ptr::null_mut(), NonNull::as_ptr);
                *mine = NonNull::new(theirs.swap(gone, Ordering::AcqRel));
            }
        }
        for block in retained.iter_mut().chain(data.iter_mut()) {
            // SAFETY: the block is in this thread's tables only, and is taken out.
            unsafe { worker.free(block.take()) };
        }
        // Written at the end: jobs lie side by side and would share cache lines.
        self.tally = worker.tally;
    }
}

#[cfg(test)]
mod tests;
