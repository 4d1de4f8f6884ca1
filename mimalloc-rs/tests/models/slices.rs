//! The bitmap group: slices change hands between allocating threads and the purger.

use std::sync::Arc;

use loom::thread;

use super::page::Guarded;
use super::{AgreedUnpublished, WeakObserve, check};
use crate::bitmap::Group;
use crate::sync::{Ordering, Orders, Strict};

const SLICES: usize = 2;
const BOTH: u64 = 0b11;

struct Slices<O> {
    group: Group<O>,
    /// What each slice contains; zero after a purge.
    memory: [Guarded<u32>; SLICES],
}

impl<O: Orders> Slices<O> {
    fn new() -> Self {
        Self { group: Group::default(), memory: core::array::from_fn(|_| Guarded::new(0)) }
    }

    /// Writes to slices the caller has just claimed, as their new owner would.
    fn write(&self, bits: u64, value: u32) {
        let zero = self.group.soil(bits) & bits == 0;
        for memory in self.of(bits) {
            assert!(!zero || memory.get() == 0, "a slice that is not zero was handed out as zero");
            memory.set(value);
        }
    }

    /// What the purger does.
    fn purge(&self) {
        let wanted = self.group.free() & self.group.dirty.load(Ordering::Relaxed) & BOTH;
        let held = self.group.claim_free_of(wanted);
        if held != 0 {
            self.of(held).for_each(|memory| memory.set(0));
            self.group.clean(held);
            self.group.release(held);
        }
    }

    fn of(&self, bits: u64) -> impl Iterator<Item = &Guarded<u32>> {
        self.memory
            .iter()
            .enumerate()
            .filter(move |(slice, _)| bits >> slice & 1 == 1)
            .map(|(_, memory)| memory)
    }
}

/// A run, a single slice and the purger want the same slices: each has one owner at a time, who sees what the
/// last one did.
fn slices_change_hands<O: Orders + 'static>() {
    check(|| {
        let slices = Arc::new(Slices::<O>::new());
        assert!(slices.group.claim(BOTH));
        slices.write(BOTH, 1);
        slices.group.release(BOTH);

        let purger = {
            let slices = Arc::clone(&slices);
            thread::spawn(move || slices.purge())
        };
        let single = {
            let slices = Arc::clone(&slices);
            thread::spawn(move || {
                if let Some(bit) = slices.group.claim_one()
                    && (bit as usize) < SLICES
                {
                    slices.write(1 << bit, 2);
                    slices.group.release(1 << bit);
                }
            })
        };
        if slices.group.claim(BOTH) {
            slices.write(BOTH, 3);
            slices.group.release(BOTH);
        }
        purger.join().unwrap();
        single.join().unwrap();
        assert!(slices.group.claim(BOTH), "a slice was lost");
        slices.write(BOTH, 4);
    });
}

/// Who puts a huge page behind a slice that it does not hold marks that slice too.
fn a_slice_is_marked_without_need<O: Orders + 'static>() {
    check(|| {
        let slices = Arc::new(Slices::<O>::new());
        let purger = {
            let slices = Arc::clone(&slices);
            thread::spawn(move || slices.purge())
        };
        let neighbour = {
            let slices = Arc::clone(&slices);
            thread::spawn(move || slices.group.soil(BOTH))
        };
        if slices.group.claim(BOTH) {
            slices.write(BOTH, 1);
            slices.group.release(BOTH);
        }
        purger.join().unwrap();
        neighbour.join().unwrap();
        assert!(slices.group.claim(BOTH), "a slice was lost");
        slices.write(BOTH, 2);
    });
}

#[test]
fn a_slice_has_one_owner_who_sees_the_last_ones_work() {
    slices_change_hands::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_release_that_does_not_publish_is_caught() {
    slices_change_hands::<AgreedUnpublished>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_claim_that_does_not_observe_is_caught() {
    slices_change_hands::<WeakObserve>();
}

#[test]
fn a_mark_without_need_does_no_harm() {
    a_slice_is_marked_without_need::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_claim_beside_such_a_mark_that_does_not_observe_is_caught() {
    a_slice_is_marked_without_need::<WeakObserve>();
}
