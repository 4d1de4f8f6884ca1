//! What the slices of a region hold, for those who look at a heap from outside.

use core::sync::atomic::Ordering;

use super::region::{Region, Slice};
use super::ring::{OWNER_NOT_A_PAGE, OWNER_SINGLETON, way_back};
use crate::geometry::{
    DENSE_LOOKS, DENSE_REACH, DENSE_SHARE, HUGE_SIZE, HUGE_SLICES, LARGE_HEAP, SLICE_SHIFT, SLICE_SIZE,
};
use crate::page::Page;

/// What neighbouring slices hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nobody holds them.
    Free,
    /// Somebody holds them, and there is no page.
    Other,
    /// A page or run, and the theap it belongs to.
    Page(u32),
}

impl Region {
    /// About how many bytes have memory of each of the first places for a huge page. That is all of one that has it. Elsewhere it is
    /// what was linked, and what was freed and not given back. How much is used of large blocks nobody knows: of those that could
    /// not have a huge page half counts, of the others nothing.
    pub(super) fn filled(&'static self, places: usize) -> impl Iterator<Item = usize> {
        let mut filled = [0; LARGE_HEAP / HUGE_SLICES];
        let places = places.min(filled.len());
        for (first, slices, content) in
            self.contents().take_while(|(first, ..)| first.index < places * HUGE_SLICES)
        {
            filled[first.index / HUGE_SLICES] += match content {
                Content::Free if !first.is_resident() => 0,
                Content::Free | Content::Other => SLICE_SIZE,
                // SAFETY: records are never unmapped.
                Content::Page(_) => match unsafe { Page::extent(first) } {
                    (true, _) if slices >= HUGE_SLICES => 0,
                    (true, _) => slices * SLICE_SIZE / 2,
                    (false, linked) => linked.min(slices * SLICE_SIZE),
                },
            };
        }
        let huge_at = self.huge_at.load(Ordering::Relaxed);
        let of = move |(place, bytes)| if huge_at >> place & 1 == 1 { HUGE_SIZE } else { bytes };
        filled.into_iter().enumerate().map(of).take(places)
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

    /// See [`super::contents`].
    pub(super) fn contents(&'static self) -> impl Iterator<Item = (Slice, usize, Content)> {
        // Before it is ready there are no tables to look at.
        let end = if self.is_ready() { self.reached() >> SLICE_SHIFT } else { 0 };
        let mut index = 0;
        core::iter::from_fn(move || {
            let first = Slice { region: self, index };
            let (slices, content) = (index < end).then(|| look(first))?;
            // A length that is being written does not lead out of the region.
            let slices = slices.clamp(1, end - index);
            index += slices;
            Some((first, slices, content))
        })
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

/// What starts here, and how many slices it has.
fn look(first: Slice) -> (usize, Content) {
    if !first.is_held() {
        return (1, Content::Free);
    }
    let page = first.page();
    // SAFETY: records are never unmapped; their class and length were written before the owner word.
    unsafe {
        match first.owner().get() {
            OWNER_NOT_A_PAGE => (1, Content::Other),
            owner if way_back(owner).is_some() => (1, Content::Other),
            OWNER_SINGLETON => (Page::run_slices(page), Content::Page(Page::origin(page))),
            owner => (usize::from(Page::facts(page).slices), Content::Page(owner)),
        }
    }
}
