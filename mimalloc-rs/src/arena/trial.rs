//! What a process knows of huge pages: how quickly they come, and how much is used of blocks that hold one.
//!
//! After one that came late, small pages do for a while, and for longer each time. A trial that fails costs about as much as
//! the page faults that a heap has had until then.
//!
//! A block that holds a huge page is likely to be used to its end if the last one was. Of the first one nothing is known: it
//! may have some at its start, so that a table which is larger than what is put into it does not come in whole.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use super::region::{Region, Slice};
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
    /// Where the last slice starts of the last run that was large enough for a huge page.
    last_end: AtomicPtr<u8>,
}

impl Trial {
    pub(super) const fn new() -> Self {
        Self {
            quick: AtomicBool::new(false),
            without: AtomicU32::new(0),
            penalty: AtomicU32::new(HUGE_WITHOUT),
            last_end: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Up to which place a run that is large enough for a huge page is likely to be used, by what was used of the last one.
    #[cold]
    pub(super) fn expected_use(&self, region: &'static Region, start: usize, count: usize) -> usize {
        if !region.may_be_huge() {
            return 0;
        }
        let end = Slice { region, index: start + count - 1 }.start();
        let last = self.last_end.swap(end, RELAXED);
        if last.is_null() {
            return start.div_ceil(HUGE_SLICES) + HUGE_AT_FIRST;
        }
        // SAFETY: regions are never unmapped.
        if unsafe { os::is_resident(last) } { usize::MAX } else { 0 }
    }

    /// Begins a trial; false if the next huge page is to be done without. While it is open how they come, there is one trial
    /// at a time, which has failed if it does not end.
    pub(super) fn begin(&self) -> bool {
        let next = |left: u32| Some(left.checked_sub(1).unwrap_or(self.penalty.load(RELAXED)));
        self.quick.load(RELAXED) || self.without.fetch_update(RELAXED, RELAXED, next) == Ok(0)
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
        trial.end(true);
        assert!(trial.begin() && trial.begin());
    }

    #[test]
    fn a_large_run_is_expected_to_be_used_as_the_last_one_was() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        if !are_wanted() {
            return;
        }
        let (trial, start) = (Trial::new(), 504 * GROUP_SLICES);
        let expected = |start| trial.expected_use(first(), start, 40 * HUGE_SLICES);
        let at_first = start / HUGE_SLICES + 1 + HUGE_AT_FIRST;
        assert_eq!(expected(start + 1), at_first, "the first one");
        assert_eq!(expected(start), 0, "that was not touched");
        // SAFETY: the slice is nobody else's.
        unsafe { trial.last_end.load(RELAXED).write(1) };
        assert_eq!(expected(start), usize::MAX);
    }
}
