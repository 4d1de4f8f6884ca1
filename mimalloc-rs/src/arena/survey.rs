//! Which pages there are in a region, for those who look at a heap from outside.

use super::region::{OWNER_INTERIOR, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Region, Slice};
use crate::geometry::GROUP_SLICES;
use crate::page::Page;
use crate::size_class::CLASS;
use crate::sync::Ordering;

impl Region {
    /// See [`super::pages`].
    pub(super) fn pages(&'static self) -> impl Iterator<Item = (Slice, u32)> {
        let end = self.groups_in_use() * GROUP_SLICES;
        let mut index = 0;
        core::iter::from_fn(move || {
            while index < end {
                let first = Slice { region: self, index };
                let (slices, home) = held(first);
                index += slices;
                if let Some(home) = home {
                    return Some((first, home));
                }
            }
            None
        })
    }
}

/// How many slices to go on, and whose page or run starts here, if one does.
fn held(first: Slice) -> (usize, Option<u32>) {
    if !first.is_held() {
        return (1, None);
    }
    let page = first.page();
    // SAFETY: records are never unmapped; their class and length were written before the owner word.
    unsafe {
        match first.owner().load(Ordering::Relaxed) {
            OWNER_NOT_A_PAGE => (1, None),
            owner if owner & OWNER_INTERIOR != 0 => (1, None),
            OWNER_SINGLETON => (Page::run_slices(page).max(1), Some(Page::origin(page))),
            owner => (usize::from(CLASS[Page::class(page)].slices), Some(owner)),
        }
    }
}
