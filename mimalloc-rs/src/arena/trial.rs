//! What a process knows of huge pages: how quickly they come, and how much is used of blocks that hold one.
//!
//! After one that came late, small pages do for a while, and for longer each time. A trial that fails costs about as much as
//! the page faults of 16 MiB.
//!
//! A block that holds a huge page, a table for instance, may be larger than what is put into it. It is likely to be used as far
//! as the last one has been by then. Of the first one nothing is known, so that only its start comes in.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::region::{Slice, slice_of_number};
use crate::geometry::{HUGE_AT_FIRST, HUGE_SLICES, HUGE_WITHOUT, HUGE_WITHOUT_FACTOR};
use crate::os;

const RELAXED: Ordering = Ordering::Relaxed;

/// The process's own.
pub(super) static TRIAL: Trial = Trial::new();

/// Lost updates make it less exact, and nothing else.
#[derive(Debug)]
pub(super) struct Trial {
    /// Whether the last one came quickly.
    quick: AtomicBool,
    /// Otherwise: huge pages to be done without until the next trial, and how many that will be if it fails.
    without: AtomicU32,
    penalty: AtomicU32,
    /// The last run that was large enough for a huge page: the number of its first slice, and in the upper half, how many it
    /// has. Zero if there was none.
    last_run: AtomicU64,
}

impl Trial {
    pub(super) const fn new() -> Self {
        Self {
            quick: AtomicBool::new(false),
            without: AtomicU32::new(0),
            penalty: AtomicU32::new(HUGE_WITHOUT),
            last_run: AtomicU64::new(0),
        }
    }

    /// From which place on a run that is large enough for a huge page is not likely to be used. It starts in `first`.
    #[cold]
    pub(super) fn expected_use(&self, first: Slice, count: usize) -> usize {
        if !first.region.may_be_huge() {
            return 0;
        }
        let run = (count as u64) << u32::BITS | u64::from(first.number());
        let last = self.last_run.swap(run, RELAXED);
        if last == 0 {
            return first.index.div_ceil(HUGE_SLICES) + HUGE_AT_FIRST;
        }
        match used_parts(slice_of_number(last as u32), (last >> u32::BITS) as usize) {
            PARTS => usize::MAX,
            parts => (first.index + count * parts / PARTS) / HUGE_SLICES,
        }
    }

    /// Begins a trial; false if the next huge page is to be done without. While it is open how they come, there is one trial
    /// at a time, which has failed if it does not end.
    pub(super) fn begin(&self) -> bool {
        let next = |left: u32| Some(left.checked_sub(1).unwrap_or(self.penalty.load(RELAXED)));
        self.quick.load(RELAXED) || self.without.fetch_update(RELAXED, RELAXED, next) == Ok(0)
    }

    /// Ends a trial that showed nothing: the next huge page is one.
    pub(super) fn cancel(&self) {
        self.without.store(0, RELAXED);
    }

    pub(super) fn end(&self, quick: bool) {
        self.quick.store(quick, RELAXED);
        let penalty = self.penalty.load(RELAXED);
        let (without, penalty) =
            if quick { (0, HUGE_WITHOUT) } else { (penalty, penalty.saturating_mul(HUGE_WITHOUT_FACTOR)) };
        self.without.store(without, RELAXED);
        self.penalty.store(penalty, RELAXED);
    }

    #[cfg(test)]
    pub(super) fn is_untried(&self) -> bool {
        !self.quick.load(RELAXED) && self.without.load(RELAXED) == 0
    }
}

/// A run is looked at in so many places.
const PARTS: usize = 8;

/// How many parts of a run have been used, from its start on, or all if its end has been.
fn used_parts(first: Slice, count: usize) -> usize {
    let is_used = |parts: &usize| {
        let last = first.plus(count * parts / PARTS - 1).start();
        // SAFETY: regions are never unmapped.
        unsafe { os::is_resident(last) }
    };
    if is_used(&PARTS) { PARTS } else { (1..PARTS).take_while(is_used).count() }
}

#[cfg(test)]
mod tests {
    use super::super::allocate;
    use super::super::huge::are_wanted;
    use super::super::region::first;
    use super::*;
    use crate::geometry::{GROUP_SLICES, SLICE_SIZE};

    /// Huge pages that are done without before the next trial.
    fn passed_over(trial: &Trial) -> u32 {
        (0..).find(|_| trial.begin()).expect("there is always a next trial")
    }

    #[test]
    fn each_failure_in_a_row_has_a_longer_pause() {
        let trial = Trial::new();
        assert_eq!(passed_over(&trial), 0);
        trial.end(false);
        assert_eq!(passed_over(&trial), HUGE_WITHOUT);
        trial.end(false);
        assert_eq!(passed_over(&trial), HUGE_WITHOUT * HUGE_WITHOUT_FACTOR);
        trial.end(true);
        assert_eq!(passed_over(&trial), 0, "it came quickly");
        trial.end(false);
        assert_eq!(passed_over(&trial), HUGE_WITHOUT);
    }

    #[test]
    fn there_is_one_trial_at_a_time_until_one_succeeds() {
        let trial = Trial::new();
        assert!(trial.begin() && !trial.begin());
        trial.cancel();
        assert!(trial.begin() && !trial.begin(), "the next one, at once");
        trial.end(true);
        assert!(trial.begin() && trial.begin());
    }

    #[test]
    fn a_large_run_is_expected_to_be_used_as_the_last_one_was() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        if !are_wanted() {
            return;
        }
        let (trial, count) = (Trial::new(), 40 * HUGE_SLICES);
        let first = Slice { region: first(), index: 640 * GROUP_SLICES };
        let place = first.index / HUGE_SLICES;
        let write_to_part = |part: usize| {
            // SAFETY: the slice is nobody else's.
            unsafe { first.plus(count * part / PARTS - 1).start().write(1) };
        };
        assert_eq!(trial.expected_use(first.plus(1), count), place + 1 + HUGE_AT_FIRST, "the first one");
        assert_eq!(trial.expected_use(first, count), place, "that was not touched");
        write_to_part(1);
        write_to_part(2);
        write_to_part(4);
        assert_eq!(trial.expected_use(first, count), place + 10, "a quarter, and something behind it");
        write_to_part(PARTS);
        assert_eq!(trial.expected_use(first, count), usize::MAX);
    }
}
