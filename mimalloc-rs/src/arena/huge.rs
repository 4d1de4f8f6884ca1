//! Huge pages behind a large heap, as long as they come quickly.
//!
//! A huge page saves some five hundred page faults and as many entries of the cache of translations, and holds memory that
//! nobody uses. In a large heap, slices that are handed out of a place for one which nobody has touched get it. A small heap,
//! the start of a region, has them only behind blocks that hold the whole place. What lies between is like the one or the
//! other, by how much of the places before is used: a heap with a few blocks in each of many pages leaves them empty. Nor has
//! a large heap more of them while most of what its latest pages hold is empty, as where many threads have a few blocks each.
//!
//! It can take several times as long as the page faults it saves: when the system has to move things to make room, or in
//! a virtual machine whose host has taken free memory back. So the first huge page of each run is put there at once and
//! timed, and a [`Trial`] says when the next one is worth it.
//!
//! Of the threads that are handed slices of one place, the first chooses. The others may touch theirs before it has, and
//! small pages would stand there then; so the places behind, which will be next, are always spoken for as well. Where others
//! were faster all the same, nothing has been shown.
//!
//! What has memory is told from what was handed out and linked, and not asked of the system: a program that shuts itself in, as
//! servers do for each connection, allows few calls, and dies of others.
//!
//! A program may ask for more than it uses, and each block would round that up to a huge page. A block that holds one has
//! as many as it is likely to use.

use core::ops::Range;
use core::sync::atomic::Ordering;

use super::bitmap::mask;
use super::purge;
use super::region::{Region, Slice};
use super::trial::{TRIAL, Trial};
use crate::geometry::{
    GROUP_SLICES, GUARDED, HUGE_AHEAD, HUGE_SIZE, HUGE_SLICES, HUGE_WITHIN_NS, LARGE_HEAP, SLICE_SHIFT,
    SMALL_HEAP,
};
use crate::options::{self, Opt};
use crate::os;

/// Places for huge pages in a group of slices.
const GROUP_PLACES: usize = GROUP_SLICES / HUGE_SLICES;
/// The same in a small heap, and where a large one begins.
const SMALL_HEAP_PLACES: usize = SMALL_HEAP / HUGE_SLICES;
const LARGE_HEAP_PLACES: usize = LARGE_HEAP / HUGE_SLICES;

/// Whether the allocator chooses which pages stand behind its regions. Guards would break huge ones up.
pub(super) fn are_wanted() -> bool {
    !GUARDED && options::get(Opt::AllowThp) == 1
}

/// Chooses which pages stand behind the slices of one run.
#[derive(Debug)]
pub(super) struct PageChoice<'a> {
    trial: &'a Trial,
    region: &'static Region,
    /// Its first slice.
    start: usize,
    /// Whether it is large enough for a huge page.
    is_large: bool,
    /// Whether others like it would leave gaps between them.
    leaves_gaps: bool,
    /// From this place on, the run is not likely to be used.
    used_until: usize,
    /// Whether its other places have huge pages, once that is chosen for the first that nobody has touched.
    huge: Option<bool>,
    /// From the first to behind the last of these other places.
    others: Range<usize>,
}

impl<'a> PageChoice<'a> {
    /// For a run that is about to be handed out, and had to start at a multiple of `align` bytes.
    #[inline]
    pub(super) fn new(
        trial: &'a Trial,
        region: &'static Region,
        start: usize,
        count: usize,
        align: usize,
    ) -> Self {
        let is_large = count >= HUGE_SLICES;
        let used_until =
            if is_large { trial.expected_use(Slice { region, index: start }, count) } else { usize::MAX };
        let leaves_gaps = align > count << SLICE_SHIFT;
        Self { trial, region, start, is_large, leaves_gaps, used_until, huge: None, others: 0..0 }
    }

    /// To be told of slices of the run, `bits` of a group, and which slices of the group might have been touched before.
    #[inline]
    pub(super) fn choose(&mut self, group: usize, bits: u64, before: u64) {
        let is_small = group < SMALL_HEAP / GROUP_SLICES && bits.count_ones() < HUGE_SLICES as u32;
        if before == u64::MAX || is_small || !self.region.may_be_huge() {
            return;
        }
        for place in group * GROUP_PLACES..(group + 1) * GROUP_PLACES {
            let slices = slices_of(place);
            let is_untouched = bits & slices != 0 && before & slices == 0;
            let comes_in = is_untouched && (bits & slices == slices || self.may_fill_up(place));
            if comes_in {
                self.choose_for(place, slices & !bits);
            }
        }
    }

    /// Whether pages are likely to use most of a place that nobody has touched. Otherwise its memory comes page by page.
    #[cold]
    fn may_fill_up(&self, place: usize) -> bool {
        let is_dense = match place {
            ..SMALL_HEAP_PLACES => return false,
            _ if self.leaves_gaps => false,
            // The last one before is being filled, and what is behind the run's start is the run's.
            SMALL_HEAP_PLACES..LARGE_HEAP_PLACES => {
                self.region.is_dense_at_start((place - 1).min(self.start / HUGE_SLICES))
            }
            LARGE_HEAP_PLACES.. => self.region.is_dense_before(place),
        };
        if !is_dense {
            self.allow(place..place + 1, false);
        }
        is_dense
    }

    /// Chooses for a place that nobody has touched, in which `others` of its group lie outside of the run.
    #[cold]
    fn choose_for(&mut self, place: usize, others: u64) {
        let likely = place < self.used_until;
        let is_huge = likely && self.huge.unwrap_or_else(|| self.trial.begin());
        // They may be resident soon; who is handed one meanwhile need not ask the system for its memory.
        let is_shared = is_huge && self.region.group(place / GROUP_PLACES).soil(others) & others != 0;
        if self.huge.is_some() {
            let from = if self.others.is_empty() { place } else { self.others.start };
            self.others = from..place + 1;
            return;
        }
        self.huge = Some(is_huge && self.put_at_once(place, is_shared));
        if !is_huge {
            self.allow(place..place + 1, false);
        }
    }

    /// Puts a huge page there and says whether it came quickly.
    fn put_at_once(&self, place: usize, is_shared: bool) -> bool {
        self.allow(place..place + 1, true);
        let before = os::thread_ns();
        // SAFETY: the place lies in the region; what other threads may have put there by now stays.
        let came = unsafe { os::populate(start_of(self.region, place), HUGE_SIZE) };
        let quick = came && os::thread_ns() - before <= HUGE_WITHIN_NS;
        if is_shared {
            // Somebody else has got a part of the place meanwhile. Where small pages stand it shows nothing of huge ones.
            self.trial.cancel();
        } else {
            self.trial.end(quick);
        }
        if !quick {
            self.allow(place..place + 1, false);
        } else if place < LARGE_HEAP_PLACES {
            self.region.huge_at.fetch_or(1 << place, Ordering::Relaxed);
        }
        quick
    }

    /// Has the choice for the first place hold for the others.
    #[inline]
    pub(super) fn finish(self) {
        if !self.others.is_empty() {
            self.allow_others();
        }
        if self.is_large {
            self.trial.handed_out(os::now_ns());
        }
    }

    #[cold]
    fn allow_others(&self) {
        let Range { start, end } = self.others;
        let huge_until = if self.huge == Some(true) { self.used_until.clamp(start, end) } else { start };
        for (places, huge) in [(start..huge_until, true), (huge_until..end, false)] {
            if !places.is_empty() {
                self.allow(places, huge);
            }
        }
    }

    /// Says whether huge pages may stand at these places, and at those behind if pages may come in there.
    #[cold]
    fn allow(&self, places: Range<usize>, huge: bool) {
        let ahead = if places.end >= SMALL_HEAP_PLACES { HUGE_AHEAD } else { 0 };
        let end = (places.end + ahead).min(self.region.area().1 / HUGE_SIZE);
        allow_at(self.region, places.start..end, huge);
    }
}

/// Says whether huge pages may stand at these places, which lie in the region.
fn allow_at(region: &'static Region, places: Range<usize>, huge: bool) {
    let first = first_places(&places);
    if huge && first != 0 {
        region.allowed_at.fetch_or(first, Ordering::Relaxed);
    }
    // SAFETY: the places lie in the region.
    unsafe { os::allow_huge_pages(start_of(region, places.start), places.len() * HUGE_SIZE, huge) };
}

/// A bit for each of these places that is one of the first of its region.
fn first_places(places: &Range<usize>) -> u8 {
    const { assert!(LARGE_HEAP_PLACES == u8::BITS as usize) };
    let from = |place: usize| u8::MAX.checked_shl(place as u32).unwrap_or(0);
    from(places.start) & !from(places.end)
}

/// Has a run read as zero by giving back what lies behind it, and small pages come in there next. False if the system may not
/// have it, or refuses.
///
/// # Safety
/// As for [`purge::empty`].
#[cold]
pub(crate) unsafe fn renew_for_little(first: Slice, count: usize) -> bool {
    let places = whole_places(&(first.index..first.index + count));
    // SAFETY: as the caller says.
    let renewed = unsafe { purge::renew(first, count) };
    if renewed && first.region.may_be_huge() && !places.is_empty() {
        allow_at(first.region, places, false);
    }
    renewed
}

/// The places all of whose slices are among these.
fn whole_places(slices: &Range<usize>) -> Range<usize> {
    slices.start.div_ceil(HUGE_SLICES)..slices.end / HUGE_SLICES
}

/// The bits of a place's slices in their group.
fn slices_of(place: usize) -> u64 {
    mask((place * HUGE_SLICES % GROUP_SLICES) as u32, HUGE_SLICES as u32)
}

fn start_of(region: &'static Region, place: usize) -> *mut u8 {
    Slice { region, index: place * HUGE_SLICES }.start()
}

/// In a group of which the slices `free` are free, the places that are free as a whole and have one of the slices `bits`. They
/// should go back in one piece: otherwise the system keeps a table of small pages for the place, and no huge one can come there.
#[inline]
pub(super) fn free_places(region: &Region, free: u64, bits: u64) -> u64 {
    if !region.may_be_huge() {
        return 0;
    }
    let places = (0..GROUP_PLACES).map(slices_of);
    places.filter(|place| bits & place != 0 && !free & place == 0).fold(0, |all, place| all | place)
}

/// To be told of a run that nobody uses any more, as long as it holds what it was used for.
#[inline]
pub(super) fn note_use(first: Slice, count: usize) {
    if count >= HUGE_SLICES && first.region.may_be_huge() {
        TRIAL.end_of_run(first, count);
    }
}

/// To be told of slices that are about to be given back.
#[inline]
pub(super) fn leave(region: &'static Region, start: usize, count: usize) {
    if count >= HUGE_SLICES && region.may_be_huge() && start < LARGE_HEAP {
        leave_start(region, start..(start + count).min(LARGE_HEAP));
    }
}

/// What comes next to the start of a region may be small.
#[cold]
fn leave_start(region: &'static Region, slices: Range<usize>) {
    let places = whole_places(&slices);
    let first = first_places(&places);
    region.huge_at.fetch_and(!first, Ordering::Relaxed);
    // To ask again where it is so already would cost each free of a block that holds several places a call.
    if region.allowed_at.fetch_and(!first, Ordering::Relaxed) & first != 0 {
        allow_at(region, places, false);
    }
}

const _: () = assert!(SMALL_HEAP.is_multiple_of(GROUP_SLICES) && GROUP_SLICES.is_multiple_of(HUGE_SLICES));

#[cfg(test)]
mod tests;
