//! Pages of a first-class heap that others empty while the theap's user stays away.
//!
//! They stay with the theap, and nobody else ends them: what they hold would stay as well. So whoever frees the last block of
//! such a page has the system take its memory, as that of a run. A user that was there a moment ago is likely to go on
//! allocating, and then a page fault for each system page would be a high price.

use super::Theap;
use crate::arena::{self, Slice};
use crate::geometry::AWAY_MS;
use crate::os;
use crate::page::{Batch, Page};
use crate::sync::Ordering;

/// # Safety
/// As for all of [`Theap`]; `theap` is one of a first-class heap.
impl Theap {
    /// To be told from time to time that the user is there.
    pub(super) unsafe fn show_up(theap: *mut Theap) {
        // SAFETY: theaps are never unmapped, and this is only touched atomically.
        unsafe { (*theap).seen_ms.store(os::coarse_ms(), Ordering::Relaxed) };
    }

    /// Frees the last block in use of the page in `first`, which is `theap`'s, and gives the page's memory back. False, and
    /// nothing is done, if there are others, or the theap's user has been there lately. The theap may be anybody's.
    ///
    /// # Safety
    /// The caller gives up the block.
    #[inline]
    pub(crate) unsafe fn free_last(theap: *mut Theap, first: Slice, last: Batch) -> bool {
        // SAFETY: as the caller says. A page that others have freed into is owned.
        unsafe { Page::is_vacant_but_for(first, last) && Self::is_away(theap) && vacate(first, last) }
    }

    unsafe fn is_away(theap: *mut Theap) -> bool {
        // SAFETY: as for `show_up`.
        let seen = unsafe { (*theap).seen_ms.load(Ordering::Relaxed) };
        os::coarse_ms().saturating_sub(seen) >= AWAY_MS
    }
}

/// # Safety
/// The caller has the blocks in `last` of the page in `first`, which has an owner, and gives them up.
#[cold]
unsafe fn vacate(first: Slice, last: Batch) -> bool {
    // SAFETY: as the caller says. Who has all blocks of a page has the page's memory.
    unsafe {
        if !Page::vacate_but_for(first, last) {
            return false;
        }
        arena::empty(first, usize::from(Page::facts(first.page()).slices));
        Page::free_all(first);
    }
    true
}
