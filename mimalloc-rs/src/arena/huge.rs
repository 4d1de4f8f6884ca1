//! Huge pages behind a large heap, as long as they come quickly.
//!
//! A huge page saves some five hundred page faults and as many entries of the cache of translations. A small heap has
//! none: it would hold memory that nobody uses. Behind the first part of a region, slices that are handed out of a
//! place for a huge page which nobody has touched get one; in the first part, only blocks that hold the whole place do.
//!
//! It can take several times as long as the page faults it saves: when the system has to move things to make room, or in
//! a virtual machine whose host has taken free memory back. So the first huge page of each run is put there at once and
//! timed, and a [`Trial`] says when the next one is worth it.
//!
//! Of the threads that are handed slices of one place, the first chooses. The others may touch theirs before it has, and
//! small pages would stand there then; so the place behind, which will be next, is always spoken for as well.
//!
//! A program may ask for more than it uses, and each block would round that up to a huge page. A block that holds one has
//! as many as it is likely to use.

use core::ops::Range;

use super::bitmap::mask;
use super::region::{Region, Slice};
use super::trial::Trial;
use crate::geometry::{GROUP_SLICES, GUARDED, HUGE_SIZE, HUGE_SLICES, HUGE_WITHIN_NS, SPARED};
use crate::options::{self, Opt};
use crate::os;

/// Places for huge pages in a group of slices.
const GROUP_PLACES: usize = GROUP_SLICES / HUGE_SLICES;
/// The same in the first part of a region.
const SPARED_PLACES: usize = SPARED / HUGE_SLICES;

/// Whether the allocator chooses which pages stand behind its regions. Guards would break huge ones up.
pub(super) fn are_wanted() -> bool {
    !GUARDED && options::get(Opt::AllowThp) == 1
}

/// Chooses which pages stand behind the slices of one run.
#[derive(Debug)]
pub(super) struct PageChoice<'a> {
    trial: &'a Trial,
    region: &'static Region,
    /// From this place on, the run is not likely to be used.
    used_until: usize,
    /// Whether its other places have huge pages, once that is chosen for the first that nobody has touched.
    huge: Option<bool>,
    /// From the first to behind the last of these other places.
    others: Range<usize>,
}

impl<'a> PageChoice<'a> {
    /// For a run that is about to be handed out.
    #[inline]
    pub(super) fn new(trial: &'a Trial, region: &'static Region, start: usize, count: usize) -> Self {
        let used_until = if count < HUGE_SLICES {
            usize::MAX
        } else {
            trial.expected_use(Slice { region, index: start }, count)
        };
        Self { trial, region, used_until, huge: None, others: 0..0 }
    }

    /// To be told of slices of the run, `bits` of a group, and which slices of the group might have been touched before.
    #[inline]
    pub(super) fn choose(&mut self, group: usize, bits: u64, before: u64) {
        let spared = group < SPARED / GROUP_SLICES;
        if before == u64::MAX
            || spared && bits.count_ones() < HUGE_SLICES as u32
            || !self.region.may_be_huge()
        {
            return;
        }
        for place in group * GROUP_PLACES..(group + 1) * GROUP_PLACES {
            let slices = slices_of(place);
            let comes_in = if spared { bits & slices == slices } else { bits & slices != 0 };
            if comes_in && before & slices == 0 && self.is_huge(place) {
                // Those outside of the run may be resident now.
                self.region.group(group).soil(slices & !bits);
            }
        }
    }

    /// Chooses for a place that nobody has touched. Whether a huge page stands there, or will once it is touched.
    #[cold]
    fn is_huge(&mut self, place: usize) -> bool {
        let likely = place < self.used_until;
        if let Some(huge) = self.huge {
            let from = if self.others.is_empty() { place } else { self.others.start };
            self.others = from..place + 1;
            return huge && likely;
        }
        let tried = likely && self.trial.begin();
        let (came, quick) = if tried { self.put_at_once(place) } else { (false, false) };
        if tried {
            self.trial.end(quick);
        }
        if !quick {
            self.allow(place..place + 1, false);
        }
        self.huge = Some(quick);
        came
    }

    /// Puts a huge page there, and says whether anything came, and whether it came quickly.
    fn put_at_once(&self, place: usize) -> (bool, bool) {
        self.allow(place..place + 1, true);
        let before = os::thread_ns();
        // SAFETY: the place lies in the region; what other threads may have put there by now stays.
        let came = unsafe { os::populate(start_of(self.region, place), HUGE_SIZE) };
        (came, came && os::thread_ns() - before <= HUGE_WITHIN_NS)
    }

    /// Has the choice for the first place hold for the others.
    #[inline]
    pub(super) fn finish(self) {
        if !self.others.is_empty() {
            self.allow_others();
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

    /// Says whether huge pages may stand at these places, and at the one behind if others may come in there.
    #[cold]
    fn allow(&self, places: Range<usize>, huge: bool) {
        let behind = usize::from(places.end >= SPARED_PLACES);
        let end = (places.end + behind).min(self.region.area().1 / HUGE_SIZE);
        allow_at(self.region, places.start..end, huge);
    }
}

/// Says whether huge pages may stand at these places, which lie in the region.
fn allow_at(region: &'static Region, places: Range<usize>, huge: bool) {
    // SAFETY: the places lie in the region.
    unsafe { os::allow_huge_pages(start_of(region, places.start), places.len() * HUGE_SIZE, huge) };
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

/// To be told of slices that are about to be given back: what comes next to the first part of a region may be small.
#[inline]
pub(super) fn leave(region: &'static Region, start: usize, count: usize) {
    if count >= HUGE_SLICES && start < SPARED && region.may_be_huge() {
        leave_first_part(region, start..(start + count).min(SPARED));
    }
}

#[cold]
fn leave_first_part(region: &'static Region, slices: Range<usize>) {
    let places = slices.start.div_ceil(HUGE_SLICES)..slices.end / HUGE_SLICES;
    if !places.is_empty() {
        allow_at(region, places, false);
    }
}

const _: () = assert!(SPARED.is_multiple_of(GROUP_SLICES) && GROUP_SLICES.is_multiple_of(HUGE_SLICES));

#[cfg(test)]
mod tests {
    use super::super::allocate;
    use super::super::purge::purge_now;
    use super::super::region::first;
    use super::*;
    use crate::geometry::{HUGE_AT_FIRST, SLICE_SIZE};

    /// Hands out slices of a group that no other test uses, from `from` on, where `before` were used already. Which slices may
    /// hold something afterwards, and whether no huge page was tried.
    fn after(group: usize, from: u32, count: u32, before: u64) -> (u64, bool) {
        let trial = Trial::new();
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        let bits = mask(from, count);
        first().group(group).soil(before);
        let before = first().group(group).soil(bits);
        let start = group * GROUP_SLICES + from as usize;
        let mut pages = PageChoice::new(&trial, first(), start, count as usize);
        pages.choose(group, bits, before);
        pages.finish();
        (first().group(group).soil(0), trial.is_untried())
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
    fn a_small_heap_has_none_but_behind_blocks_that_fill_one() {
        if !are_wanted() {
            return;
        }
        let last_spared = SPARED / GROUP_SLICES - 1;
        assert!(after(last_spared, 63, 1, 0).1);
        assert!(after(last_spared - 1, 1, 32, 0).1, "a part of each of two");
        assert!(!after(last_spared, 0, 32, 0).1);
    }

    #[test]
    fn the_first_part_is_a_small_heap_again_when_such_a_block_is_gone() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        let group = SPARED / GROUP_SLICES - 2;
        let start = (group + 1) * GROUP_SLICES - HUGE_SLICES;
        first().allocate_at(start, HUGE_SLICES).expect("nobody uses the end of the first part");
        let trial = Trial::new();
        PageChoice::new(&trial, first(), start, HUGE_SLICES).choose(group, LOWER << HUGE_SLICES, 0);
        let bytes = Slice { region: first(), index: start }.start();
        // SAFETY: the place is nobody else's, or no longer in use.
        unsafe {
            first().release(start, HUGE_SLICES);
            assert!(os::purge(bytes, HUGE_SIZE));
            bytes.write(1);
            assert!(!os::is_resident(bytes.add(HUGE_SIZE - SLICE_SIZE)), "a huge page");
        }
    }

    #[test]
    fn places_that_are_free_go_back_as_a_whole() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        if !are_wanted() {
            return;
        }
        let of = |free, bits| free_places(first(), free, bits);
        assert_eq!(of(u64::MAX, 1 << 3), LOWER);
        assert_eq!(of(LOWER, 1 << 3 | 1 << 40), LOWER);
        assert_eq!(of(u64::MAX, 1 << 3 | 1 << 40), u64::MAX);
        assert_eq!(of(LOWER & !1, 1 << 3), 0);
    }

    #[test]
    fn a_place_that_came_free_piece_by_piece_may_have_a_huge_page_again() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that there is a region");
        if !are_wanted() {
            return;
        }
        let start = 570 * GROUP_SLICES;
        let [ours, other] =
            [start, start + HUGE_SLICES].map(|index| Slice { region: first(), index }.start());
        let half = HUGE_SLICES / 2;
        // SAFETY: nobody else uses these places, and of what is released nothing is needed.
        unsafe {
            let fills_up = |place: *mut u8| {
                os::allow_huge_pages(place, HUGE_SIZE, true);
                place.write(1);
                os::is_resident(place.add(HUGE_SIZE - SLICE_SIZE))
            };
            fills_up(other);
            for size in [HUGE_SIZE / 2, HUGE_SIZE] {
                assert!(os::purge(other, size));
            }
            for piece in [start, start + half] {
                first().allocate_at(piece, half).expect("nobody uses it");
            }
            fills_up(ours);
            for piece in [start, start + half] {
                first().release(piece, half);
                while first().group(570).resident() != 0 {
                    purge_now();
                }
            }
            assert_eq!(fills_up(ours), fills_up(other), "whether the system lets go of tables at all");
        }
    }

    #[test]
    fn a_run_has_huge_pages_as_far_as_it_is_expected_to_be_used() {
        if !are_wanted() {
            return;
        }
        let (trial, groups) = (Trial::new(), 560..566);
        let start = groups.start * GROUP_SLICES;
        let mut pages = PageChoice::new(&trial, first(), start, groups.len() * GROUP_SLICES);
        groups.for_each(|group| pages.choose(group, u64::MAX, 0));
        pages.finish();
        let whole = |place: usize| {
            let bytes = Slice { region: first(), index: start + place * HUGE_SLICES }.start();
            // SAFETY: the place is nobody else's.
            unsafe {
                bytes.write(1);
                os::is_resident(bytes.add(HUGE_SIZE - 4096))
            }
        };
        // The first place was filled at once; whether there are others is up to the system.
        assert_eq!(whole(1), whole(HUGE_AT_FIRST - 1));
        assert!(!whole(HUGE_AT_FIRST));
    }
}
