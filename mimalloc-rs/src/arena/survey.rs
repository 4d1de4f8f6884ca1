//! What the slices of a region hold, for those who look at a heap from outside.

use super::region::{Region, Slice};
use super::ring::{OWNER_NOT_A_PAGE, OWNER_SINGLETON, way_back};
use crate::geometry::SLICE_SHIFT;
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

/// What starts here, and how many slices it has.
pub(super) fn look(first: Slice) -> (usize, Content) {
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
