//! rptest: threads fill and empty slots with blocks of up to 16,000 bytes, and make blocks that other
//! threads free.
//!
//! The original sleeps between its parts, times the parts only, and states operations per second
//! of processor time; here one part follows the other, and the whole is timed. There, threads stop
//! making blocks for others as soon as one thread has ended its part. Here they go on, for whoever
//! has not ended or at last for themselves, so that the work is the same in every run.
//!
//! The unit of `--ops` is one loop of each thread in each of the four parts.

mod blocks;
mod mail;
mod tables;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Barrier;

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most, digest};
use crate::rows::Size;
use crate::table::Table;
use crate::threads::{self, Job, MAX_THREADS};
use blocks::{Blocks, Tally};
use mail::{Mailbox, Parcels};
use tables::{LARGEST, SIZES, SMALLEST, TABLES, Tables};

/// Loops of each thread in each part, at every size. Both presets are the same. Without its pauses the original is so
/// short that which thread runs when decides its time; the calibrated size goes on for longer.
const fn loops(size: Size) -> u64 {
    match size {
        Size::Check => 50,
        Size::Quick | Size::Full => 500,
        Size::Calibrated => 2_000,
    }
}

/// Times that threads are started.
const CREWS: usize = 2;

/// Parts of a thread's life; it frees everything at the end of each.
const PARTS: usize = 2;

/// Slots of each thread.
const SLOTS: usize = 1_000;

/// Slots are filled and emptied in different orders, each of which reaches all of them.
const FILL_STEP: usize = 7;
const EMPTY_STEP: usize = 11;

/// In one loop of so many, a thread makes blocks for another.
const CROSS_RATE: u64 = 2;

/// The row.
#[derive(Debug)]
pub struct Rptest;

impl Workload for Rptest {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let loops = params.ops.unwrap_or(loops(params.size));
        let tallies = perform::<A>(threads, loops, meter);
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
        let (made, freed) = (sum(|tally| tally.bytes), sum(|tally| tally.bytes_freed));
        if made != freed {
            return Err(Failure::Check(format!("{made} bytes were allocated and {freed} freed")));
        }
        let operations = 2 * sum(|tally| tally.blocks);
        let rate = operations as f64 / meter.cpu_time().as_secs_f64().max(f64::MIN_POSITIVE);
        Ok(Outcome {
            operations,
            timed: false,
            figure: format!(
                "{threads} threads random linear fall-off size [{SMALLEST},{LARGEST}] {loops} loops: ...{rate:.0} memory ops/CPU second"
            ),
            checksum: Some(digest(tallies.iter().flat_map(|tally| [tally.blocks, tally.bytes]))),
        })
    }
}

/// What all threads see.
struct Shared {
    loops: u64,
    tables: &'static Tables,
    /// One for each thread.
    mailboxes: Vec<Mailbox>,
    barrier: Barrier,
}

/// Returns what each thread did.
fn perform<A: Api>(threads: usize, loops: u64, meter: &mut Meter) -> Vec<Tally> {
    let mailboxes = (0..threads).map(|_| Mailbox::default()).collect();
    let shared = Shared { loops, tables: &TABLES, mailboxes, barrier: Barrier::new(threads) };
    let mut testers: Vec<_> = (0..CREWS * threads)
        .map(|index| Tester::<A> {
            me: index % threads,
            shared: &shared,
            tally: Tally::default(),
            api: PhantomData,
        })
        .collect();
    meter.start();
    testers.chunks_mut(threads).for_each(|crew| threads::run_all::<A, _>(crew, || ()));
    meter.stop::<A>();
    testers.iter().map(|tester| tester.tally).collect()
}

/// One thread.
struct Tester<'a, A> {
    me: usize,
    shared: &'a Shared,
    tally: Tally,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Job for Tester<'_, A> {
    fn run(&mut self) {
        let (me, shared) = (self.me, self.shared);
        let mut hand = Hand::<A>::new(me, shared);
        for part in 1..=PARTS {
            shared.barrier.wait();
            hand.work((me + 1) * 37 * part % SIZES);
            shared.mailboxes[me].set_closed(true);
            shared.barrier.wait();
            shared.mailboxes[me].set_closed(false);
            hand.free_all();
        }
        // Written at the end: jobs lie side by side and would share cache lines.
        self.tally = hand.blocks.tally;
    }
}

/// A thread's slots and where it is with them.
struct Hand<'a, A: Api> {
    me: usize,
    shared: &'a Shared,
    blocks: Blocks<A>,
    slots: Table<A, Option<NonNull<u8>>>,
    /// The slots to be filled and emptied next.
    fill: usize,
    empty: usize,
    /// The index of the next block's size.
    size: usize,
    /// Who was made blocks for last.
    receiver: usize,
}

impl<'a, A: Api> Hand<'a, A> {
    fn new(me: usize, shared: &'a Shared) -> Hand<'a, A> {
        let slots = Table::of(&[None; SLOTS]);
        Hand { me, shared, blocks: Blocks::new(), slots, fill: 0, empty: 0, size: 0, receiver: me }
    }

    /// One part, with sizes from this index on.
    fn work(&mut self, first_size: usize) {
        self.size = first_size;
        let shared = self.shared;
        let mailbox = &shared.mailboxes[self.me];
        for turn in 0..shared.loops {
            let parcels = mailbox.empty();
            for _ in 0..shared.tables.frees(turn) {
                self.free_slot(self.empty);
                self.empty = (self.empty + EMPTY_STEP) % SLOTS;
            }
            self.free_parcels(parcels);
            let count = shared.tables.allocations(turn);
            for _ in 0..count {
                self.free_slot(self.fill);
                self.slots[self.fill] = Some(self.new_block());
                self.fill = (self.fill + FILL_STEP) % SLOTS;
            }
            if (turn + 1) % CROSS_RATE == 0 {
                let receiver = &shared.mailboxes[self.next_receiver()];
                receiver.send::<A>(self.me, count, || self.new_block());
            }
        }
    }

    /// Frees all that is in the slots and in the mailbox.
    fn free_all(&mut self) {
        (0..SLOTS).for_each(|slot| self.free_slot(slot));
        self.free_parcels(self.shared.mailboxes[self.me].empty());
    }

    fn new_block(&mut self) -> NonNull<u8> {
        let block = self.blocks.allocate(self.shared.tables.size(self.size), self.size);
        self.size += 1;
        block
    }

    #[inline]
    fn free_slot(&mut self, slot: usize) {
        if let Some(block) = self.slots[slot].take() {
            // SAFETY: the block was in this slot only; every block in a slot is this thread's own.
            unsafe { self.blocks.free(block, false) };
        }
    }

    fn free_parcels(&mut self, parcels: Parcels) {
        // SAFETY: all threads of a run have the same `A`, and this is the thread whose number it has.
        unsafe { parcels.free(self.me, &mut self.blocks) };
    }

    /// The next thread that still looks into its mailbox: this one if it is the last.
    fn next_receiver(&mut self) -> usize {
        let mailboxes = &self.shared.mailboxes;
        for _ in 0..mailboxes.len() {
            self.receiver = (self.receiver + 1) % mailboxes.len();
            if self.receiver != self.me && !mailboxes[self.receiver].is_closed() {
                return self.receiver;
            }
        }
        self.me
    }
}

#[cfg(test)]
mod tests;
