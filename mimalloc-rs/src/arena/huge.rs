//! Huge pages behind a large heap, as long as they come quickly.
//!
//! A huge page saves some five hundred page faults and as many entries of the cache of translations. A small heap has
//! none: it would hold memory that nobody uses. Behind the first part of a region, slices that are handed out of a
//! place for a huge page which nobody has touched get one.
//!
//! It can take several times as long as the page faults it saves: when the system has to move things to make room, or in
//! a virtual machine whose host has taken free memory back. So the first huge page of each run is put there at once and
//! timed. After one that came late, small pages do for a while, and for longer each time. A trial that fails costs about as
//! much as the page faults that the heap has had until then.
//!
//! Of the threads that are handed slices of one place, the first chooses. The others may touch theirs before it has, and
//! small pages would stand there then; so the place behind, which will be next, is always spoken for as well.
//!
//! A program may ask for more than it uses, and each block would round that up to a huge page. A block that holds one has
//! some only if the last such block has been used to its end by then.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use super::bitmap::mask;
use super::region::{Region, Slice};
use crate::geometry::{
    GROUP_SLICES, GUARDED, HUGE_SIZE, HUGE_SLICES, HUGE_WITHIN_NS, HUGE_WITHOUT, HUGE_WITHOUT_FACTOR, SPARED,
};
use crate::options::{self, Opt};
use crate::os;

const RELAXED: Ordering = Ordering::Relaxed;

/// Places for huge pages in a group of slices.
const GROUP_PLACES: usize = GROUP_SLICES / HUGE_SLICES;

/// Whether the allocator chooses which pages stand behind its regions. Guards would break huge ones up.
pub(super) fn are_wanted() -> bool {
    !GUARDED && options::get(Opt::AllowThp) == 1
}

/// What the process knows of huge pages.
pub(super) static TRIAL: Trial = Trial::new();

/// Chooses which pages stand behind the slices of one run.
#[derive(Debug)]
pub(super) struct PageChoice<'a> {
    trial: &'a Trial,
    region: &'static Region,
    /// Whether most of the run is likely to be used.
    dense: bool,
    /// Whether its other places have huge pages, once that is chosen for the first that nobody has touched.
    huge: Option<bool>,
    /// From the first to behind the last of these other places.
    others: (usize, usize),
}

impl<'a> PageChoice<'a> {
    /// For a run that is about to be handed out.
    #[inline]
    pub(super) fn new(trial: &'a Trial, region: &'static Region, start: usize, count: usize) -> Self {
        let dense = count < HUGE_SLICES
            || region.may_be_huge()
                && trial.was_last_run_full(Slice { region, index: start + count - 1 }.start());
        Self { trial, region, dense, huge: None, others: (0, 0) }
    }

    /// To be told of slices of the run, `bits` of a group, and which slices of the group might have been touched before.
    #[inline]
    pub(super) fn choose(&mut self, group: usize, bits: u64, before: u64) {
        if group < SPARED / GROUP_SLICES || before == u64::MAX || !self.region.may_be_huge() {
            return;
        }
        for place in group * GROUP_PLACES..(group + 1) * GROUP_PLACES {
            let slices = mask((place * HUGE_SLICES % GROUP_SLICES) as u32, HUGE_SLICES as u32);
            if bits & slices != 0 && before & slices == 0 && self.is_huge(place) {
                // Those outside of the run may be resident now.
                self.region.group(group).soil(slices & !bits);
            }
        }
    }

    /// Chooses for a place that nobody has touched. Whether a huge page stands there, or will once it is touched.
    #[cold]
    fn is_huge(&mut self, place: usize) -> bool {
        if let Some(huge) = self.huge {
            let from = if self.others.0 == 0 { place } else { self.others.0 };
            self.others = (from, place + 1);
            return huge;
        }
        let tried = self.dense && self.trial.begin();
        let (came, quick) = if tried { self.put_at_once(place) } else { (false, false) };
        if tried {
            self.trial.end(quick);
        }
        if !quick {
            self.allow(place, place + 1, false);
        }
        self.huge = Some(quick);
        came
    }

    /// Puts a huge page there, and says whether anything came, and whether it came quickly.
    fn put_at_once(&self, place: usize) -> (bool, bool) {
        self.allow(place, place + 1, true);
        let before = os::thread_ns();
        // SAFETY: the place lies in the region; what other threads may have put there by now stays.
        let came = unsafe { os::populate(self.start_of(place), HUGE_SIZE) };
        (came, came && os::thread_ns() - before <= HUGE_WITHIN_NS)
    }

    /// Has the choice for the first place hold for the others.
    #[inline]
    pub(super) fn finish(self) {
        if let (from @ 1.., end) = self.others {
            self.allow(from, end, self.huge == Some(true));
        }
    }

    /// Says whether huge pages may stand at these places, and the one behind.
    #[cold]
    fn allow(&self, from: usize, end: usize, huge: bool) {
        let end = (end + 1).min(self.region.area().1 / HUGE_SIZE);
        // SAFETY: the places lie in the region.
        unsafe { os::allow_huge_pages(self.start_of(from), (end - from) * HUGE_SIZE, huge) };
    }

    fn start_of(&self, place: usize) -> *mut u8 {
        Slice { region: self.region, index: place * HUGE_SLICES }.start()
    }
}

/// When huge pages are tried, and how long they are done without. Lost updates make that less exact, and nothing else.
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

    /// Whether the last run that was large enough for a huge page has been used to its end. The last slice of the next one
    /// starts at `end`.
    #[cold]
    fn was_last_run_full(&self, end: *mut u8) -> bool {
        let last = self.last_end.swap(end, RELAXED);
        // SAFETY: regions are never unmapped.
        !last.is_null() && unsafe { os::is_resident(last) }
    }

    /// Begins a trial; false if the next huge page is to be done without. While it is open how they come, there is one trial
    /// at a time, which has failed if it does not end.
    fn begin(&self) -> bool {
        let next = |left: u32| Some(left.checked_sub(1).unwrap_or(self.penalty.load(RELAXED)));
        self.quick.load(RELAXED) || self.without.fetch_update(RELAXED, RELAXED, next) == Ok(0)
    }

    fn end(&self, quick: bool) {
        self.quick.store(quick, RELAXED);
        let penalty = self.penalty.load(RELAXED);
        let (without, penalty) =
            if quick { (0, HUGE_WITHOUT) } else { (penalty, penalty.saturating_mul(HUGE_WITHOUT_FACTOR)) };
        self.without.store(without, RELAXED);
        self.penalty.store(penalty, RELAXED);
    }
}

const _: () = assert!(SPARED.is_multiple_of(GROUP_SLICES) && GROUP_SLICES.is_multiple_of(HUGE_SLICES));

#[cfg(test)]
mod tests {
    use super::super::allocate;
    use super::super::region::first;
    use super::*;
    use crate::geometry::SLICE_SIZE;

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

    /// Hands out slices of a group that no other test uses, from `from` on, where `before` were used already. Which slices may
    /// hold something afterwards, and whether no huge page was tried.
    fn after(group: usize, from: u32, count: u32, before: u64) -> (u64, bool) {
        after_others(&Trial::new(), group, from, count, before)
    }

    fn after_others(trial: &Trial, group: usize, from: u32, count: u32, before: u64) -> (u64, bool) {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        let bits = mask(from, count);
        first().group(group).soil(before);
        let before = first().group(group).soil(bits);
        let start = group * GROUP_SLICES + from as usize;
        let mut pages = PageChoice::new(trial, first(), start, count as usize);
        pages.choose(group, bits, before);
        pages.finish();
        let untried = !trial.quick.load(RELAXED) && trial.without.load(RELAXED) == 0;
        (first().group(group).soil(0), untried)
    }

    const LOWER: u64 = mask(0, HUGE_SLICES as u32);

    #[test]
    fn what_a_huge_page_brings_along_can_go_back() {
        if !are_wanted() {
            return;
        }
        assert_eq!(after(500, 3, 2, 0), (LOWER, false));
        assert_eq!(after(501, 3, 2, !LOWER), (u64::MAX, false));
    }

    #[test]
    fn a_place_that_was_touched_keeps_its_pages() {
        assert_eq!(after(502, 3, 2, 1), (0b11001, true));
        assert_eq!(after(503, 3, 2, 0b11000), (0b11000, true));
    }

    #[test]
    fn a_small_heap_has_none() {
        let (_, untried) = after(SPARED / GROUP_SLICES - 1, 63, 1, 0);
        assert!(untried);
    }

    #[test]
    fn a_large_run_has_some_if_the_last_one_was_used_to_its_end() {
        if !are_wanted() {
            return;
        }
        let trial = Trial::new();
        let (_, untried) = after_others(&trial, 504, 0, 40, 0);
        assert!(untried, "there was none before");
        let (_, untried) = after_others(&trial, 505, 0, 40, 0);
        assert!(untried, "the last one was not touched");
        // SAFETY: the slice is nobody else's.
        unsafe { trial.last_end.load(RELAXED).write(1) };
        let (soiled, untried) = after_others(&trial, 506, 0, 40, 0);
        assert!(!untried);
        assert!(soiled == mask(0, 40) || soiled == u64::MAX, "all of them, if it came quickly");
    }
}
