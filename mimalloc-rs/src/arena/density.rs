//! How much is used of a region's memory, for whoever chooses between small and huge pages.

use core::sync::atomic::Ordering;

use super::region::{Region, Slice};
use super::ring::OWNER_NOT_A_PAGE;
use super::survey::{Content, look};
use crate::geometry::{
    DENSE, DENSE_LOOKS, DENSE_REACH, DENSE_SHARE, HUGE_SIZE, HUGE_SLICES, LARGE_HEAP, SLICE_SIZE,
};
use crate::page::Page;

impl Region {
    /// Whether most is used of so many places for a huge page at the start.
    pub(super) fn is_dense_at_start(&'static self, places: usize) -> bool {
        let places = places.min(LARGE_HEAP / HUGE_SLICES);
        places > 0 && self.used_at_start(places) >= places * DENSE
    }

    /// About how many bytes that are: what was linked, and what was freed and not given back. How much is used of large blocks
    /// nobody knows. Of those that could have a huge page the places that have one count, of the others half.
    fn used_at_start(&'static self, places: usize) -> usize {
        let huge_at = self.huge_at.load(Ordering::Relaxed);
        let contents = self.contents().take_while(|(first, ..)| first.index < places * HUGE_SLICES);
        let used = contents.map(|(first, slices, content)| match content {
            Content::Free if !first.is_resident() => 0,
            Content::Free | Content::Other => SLICE_SIZE,
            // SAFETY: records are never unmapped.
            Content::Page(_) => match unsafe { Page::extent(first) } {
                (true, _) if slices >= HUGE_SLICES => {
                    let whole = first.index.div_ceil(HUGE_SLICES)..(first.index + slices) / HUGE_SLICES;
                    let is_huge = |&place: &usize| place < places && huge_at >> place & 1 == 1;
                    whole.filter(is_huge).count() * HUGE_SIZE
                }
                (true, _) => slices * SLICE_SIZE / 2,
                (false, linked) => linked.min(slices * SLICE_SIZE),
            },
        });
        used.sum()
    }

    /// Whether enough of the pages before a place is linked, as far as a few of them tell. How much is used of large blocks
    /// nobody knows.
    pub(super) fn is_dense_before(&'static self, place: usize) -> bool {
        let end = place * HUGE_SLICES;
        // An odd distance does not go along with what comes again after so many slices.
        let apart = (end.min(DENSE_REACH) / DENSE_LOOKS).saturating_sub(1) | 1;
        let looked = (end.saturating_sub(apart * DENSE_LOOKS)..end).step_by(apart);
        let linked = looked.filter_map(|index| linked_around(Slice { region: self, index }));
        let (count, sum) = linked.fold((0, 0), |(count, sum), linked| (count + 1, sum + linked));
        sum * DENSE_SHARE >= count * SLICE_SIZE
    }
}

/// How many bytes are linked for each slice of the page that this one is a part of, if it is of one.
fn linked_around(slice: Slice) -> Option<usize> {
    let (first, owner) = slice.is_held().then(|| slice.page_start())?;
    if owner == OWNER_NOT_A_PAGE {
        return None;
    }
    // SAFETY: records are never unmapped. One that is changing may show some other class.
    let (is_large, linked) = unsafe { Page::extent(first) };
    (!is_large).then(|| (linked / look(first).0.max(1)).min(SLICE_SIZE))
}
