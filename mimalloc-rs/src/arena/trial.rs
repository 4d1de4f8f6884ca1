//! What a process knows of huge pages: how quickly they come, and how much is used of blocks that hold one.
//!
//! After one that came late, small pages do for a while, and for longer each time. A trial that fails costs about as much as
//! the page faults of 16 MiB.
//!
//! A block that holds a huge page, a table for instance, may be larger than what is put into it. It is likely to be used as far
//! as the one that ended before had been by then, which its memory tells. Those in use nobody may look at: if none has ended, time
//! has to tell, for who takes one right behind the other has put nothing into the first yet. Of the first one nothing is known, so
//! that only its start comes in.

use core::slice;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::region::Slice;
use crate::geometry::{
    FILL_SLICE_NS, HUGE_AT_FIRST, HUGE_SLICES, HUGE_WITHOUT, HUGE_WITHOUT_FACTOR, HUGE_WITHOUT_MOST,
    RENEWED_AFTER, SYSTEM_PAGE_MIN,
};
use crate::os;
use crate::zero::is_zero;

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
    /// The last run that was large enough for a huge page, see [`name_of`], and when it was handed out. Zero if it has ended, or
    /// there was none.
    last_run: AtomicU64,
    handed_out_ns: AtomicU64,
    /// How many of its parts the last one that ended had been used in, plus one. Zero once a run was handed out by it.
    ended_use: AtomicU8,
    /// How many of the last ones that ended had hardly been used, about; one that had been used takes half of the number away.
    hardly_used: AtomicU8,
}

impl Trial {
    pub(super) const fn new() -> Self {
        Self {
            quick: AtomicBool::new(false),
            without: AtomicU32::new(0),
            penalty: AtomicU32::new(HUGE_WITHOUT),
            last_run: AtomicU64::new(0),
            handed_out_ns: AtomicU64::new(0),
            ended_use: AtomicU8::new(0),
            hardly_used: AtomicU8::new(0),
        }
    }

    /// From which place on a run that is large enough for a huge page is not likely to be used. It starts in `first`.
    #[cold]
    pub(super) fn expected_use(&self, first: Slice, count: usize) -> usize {
        if !first.region.may_be_huge() {
            return 0;
        }
        let last = self.last_run.swap(name_of(first, count), RELAXED);
        let fill_ns = slices_of(last) * FILL_SLICE_NS;
        let since_ns = os::now_ns().saturating_sub(self.handed_out_ns.load(RELAXED));
        if last != 0 && since_ns < fill_ns {
            return first.index / HUGE_SLICES;
        }
        match usize::from(self.ended_use.swap(0, RELAXED)).checked_sub(1) {
            None if last == 0 => first.index.div_ceil(HUGE_SLICES) + HUGE_AT_FIRST,
            None | Some(PARTS) => usize::MAX,
            Some(parts) => (first.index + count * parts / PARTS) / HUGE_SLICES,
        }
    }

    /// To be told when such a run is handed out, after all that takes time there.
    pub(super) fn handed_out(&self, now_ns: u64) {
        self.handed_out_ns.store(now_ns, RELAXED);
    }

    /// To be told of such a run that is about to be given back: what it was used for shows until then.
    #[cold]
    pub(super) fn end_of_run(&self, first: Slice, count: usize) {
        let used = used_parts(first, count);
        self.ended_use.store(used as u8 + 1, RELAXED);
        let before = self.hardly_used.load(RELAXED);
        let is_hardly_used = used == 0 && (before == HARDLY_USED_MAX || is_unused(first, count));
        let now = if is_hardly_used { (before + 1).min(HARDLY_USED_MAX) } else { before / 2 };
        self.hardly_used.store(now, RELAXED);
        let _ = self.last_run.compare_exchange(name_of(first, count), 0, RELAXED, RELAXED);
    }

    /// How a run that has been used comes to read as zero. Most are written to, and used, in full: then to find out what was used
    /// of one, or to have memory come in again, would cost more than it saves.
    #[cold]
    fn way_to_zero(&self, first: Slice, count: usize) -> Zeroing {
        if count >= HUGE_SLICES && self.hardly_used.load(RELAXED) < RENEWED_AFTER {
            Zeroing::Write
        } else if count >= HUGE_SLICES && is_unused(first, count) {
            Zeroing::Renew
        } else {
            Zeroing::WriteWhereUsed
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
        let next = (penalty * HUGE_WITHOUT_FACTOR).min(HUGE_WITHOUT_MOST);
        let (without, penalty) = if quick { (0, HUGE_WITHOUT) } else { (penalty, next) };
        self.without.store(without, RELAXED);
        self.penalty.store(penalty, RELAXED);
    }

    #[cfg(test)]
    pub(super) fn is_untried(&self) -> bool {
        !self.quick.load(RELAXED) && self.without.load(RELAXED) == 0
    }
}

/// A run in one word: the number of its first slice, and in the upper half, how many it has.
fn name_of(first: Slice, count: usize) -> u64 {
    (count as u64) << u32::BITS | u64::from(first.number())
}

fn slices_of(name: u64) -> u64 {
    name >> u32::BITS
}

/// How a run that has been used is to be made zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeroing {
    /// By writing to all of it.
    Write,
    /// By writing to what is not zero.
    WriteWhereUsed,
    /// By giving back what lies behind it: it was hardly used, as others before it, and is not likely to be now.
    Renew,
}

/// As the process's trial has it. The caller holds the run, and nobody uses it yet.
pub(crate) fn way_to_zero(first: Slice, count: usize) -> Zeroing {
    TRIAL.way_to_zero(first, count)
}

/// Where the number of those that were hardly used ends.
const HARDLY_USED_MAX: u8 = 2 * RENEWED_AFTER;

/// A run is looked at in so many places.
const PARTS: usize = 8;

/// How many parts of a run have been used, from its start on; all if its end and half of the others have been. The caller holds
/// the run, and nobody uses it any more.
fn used_parts(first: Slice, count: usize) -> usize {
    let is_used = |&part: &usize| is_part_used(first, count, part);
    if is_used(&PARTS) && (1..PARTS).filter(is_used).count() >= PARTS / 2 {
        PARTS
    } else {
        (1..PARTS).take_while(is_used).count()
    }
}

/// Whether no part of a run has been used. As for [`used_parts`].
fn is_unused(first: Slice, count: usize) -> bool {
    !(1..=PARTS).any(|part| is_part_used(first, count, part))
}

/// Whether a part of a run has been used, as its end tells: something is there that is not zero. As for [`used_parts`].
fn is_part_used(first: Slice, count: usize, part: usize) -> bool {
    let last = first.plus(count * part / PARTS - 1).start();
    // SAFETY: what was handed out can be read, and nobody writes there.
    !is_zero(unsafe { slice::from_raw_parts(last, SYSTEM_PAGE_MIN) })
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
        (0..20).for_each(|_| trial.end(false));
        assert_eq!(passed_over(&trial), HUGE_WITHOUT_MOST);
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

    /// Forty places for huge pages that no other test uses, from a group on.
    fn run(group: usize) -> (Slice, usize) {
        assert!(allocate(1, SLICE_SIZE).is_some() && first().commit(1000 * GROUP_SLICES));
        (Slice { region: first(), index: group * GROUP_SLICES }, 40 * HUGE_SLICES)
    }

    fn write_to_part((first, count): (Slice, usize), part: usize) {
        // SAFETY: the slice is the test's own.
        unsafe { first.plus(count * part / PARTS - 1).start().write(1) };
    }

    #[test]
    fn a_large_run_is_expected_to_be_used_if_there_was_time_to_use_the_last_one() {
        if !are_wanted() {
            return;
        }
        let (trial, (first, count)) = (Trial::new(), run(640));
        let place = first.index / HUGE_SLICES;
        assert_eq!(trial.expected_use(first.plus(1), count), place + 1 + HUGE_AT_FIRST, "the first one");
        // So late that whoever has it cannot have used it yet.
        trial.handed_out(u64::MAX);
        assert_eq!(trial.expected_use(first, count), place);
        trial.handed_out(os::now_ns() - count as u64 * FILL_SLICE_NS);
        assert_eq!(trial.expected_use(first, count), usize::MAX);
    }

    #[test]
    fn how_far_the_last_run_to_end_was_used_tells_of_the_next_ones() {
        if !are_wanted() {
            return;
        }
        let (trial, run) = (Trial::new(), run(620));
        let (first, count) = run;
        let place = first.index / HUGE_SLICES;
        let end = || trial.end_of_run(first, count);
        trial.expected_use(first, count);
        for part in 1..=6 {
            write_to_part(run, part);
        }
        end();
        assert_eq!(trial.expected_use(first, count), place + 30, "six eighths");
        trial.handed_out(os::now_ns());
        assert_eq!(
            trial.expected_use(first.plus(HUGE_SLICES), count),
            place + 1,
            "no time to use the last one"
        );
        // SAFETY: the run is the test's own, and nothing is needed of what is in it.
        unsafe { assert!(os::purge(first.start(), count * SLICE_SIZE)) };
        end();
        trial.handed_out(0);
        assert_eq!(trial.expected_use(first, count), place, "one that is not the last tells as well");
        assert_eq!(trial.expected_use(first, count), usize::MAX, "of one");
    }

    #[test]
    fn memory_is_renewed_after_several_runs_that_were_hardly_used_and_until_others_were_used() {
        let (trial, run) = (Trial::new(), run(660));
        let (first, count) = run;
        let end = || trial.end_of_run(first, count);
        for _ in 0..RENEWED_AFTER {
            assert_eq!(trial.way_to_zero(first, count), Zeroing::Write);
            end();
        }
        assert_eq!(trial.way_to_zero(first, count), Zeroing::Renew);
        write_to_part(run, 5);
        assert_eq!(trial.way_to_zero(first, count), Zeroing::WriteWhereUsed);
        end();
        assert_eq!(trial.way_to_zero(first, count), Zeroing::Write);
        assert_eq!(trial.way_to_zero(first, HUGE_SLICES - 1), Zeroing::WriteWhereUsed);
    }
}
