//! Pages of a first-class heap that others empty while the theap's user stays away.
//!
//! They stay with the theap, and nobody else ends them: what they hold would stay as well. So whoever frees the last block of
//! such a page has the system take its memory, as that of a run. A user that was there a moment ago is likely to go on
//! allocating, and then a page fault for each system page would be a high price.

use super::Theap;
use crate::abandoned;
use crate::arena::{self, Slice};
use crate::geometry::AWAY_SHARE;
use crate::options::{self, Opt};
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

    /// To be told when there is no user any more. The theap may be anybody's by now.
    pub(super) unsafe fn go_away(theap: *mut Theap) {
        // SAFETY: as above.
        unsafe { (*theap).seen_ms.store(0, Ordering::Relaxed) };
    }

    /// Frees the last block in use of the page in `first`, which is `theap`'s, and gives the page's memory back. False, and
    /// nothing is done, if there are others, or the theap's user has been there lately. The theap may be anybody's.
    ///
    /// # Safety
    /// The caller gives up the block.
    #[inline]
    pub(crate) unsafe fn free_last(theap: *mut Theap, first: Slice, last: Batch) -> bool {
        // SAFETY: as the caller says.
        unsafe { Page::is_vacant_but_for(first, last) && Self::is_away(theap) && vacate(first, last) }
    }

    /// Whether the user was not there for so long that it is not likely to go on; see [`AWAY_SHARE`].
    unsafe fn is_away(theap: *mut Theap) -> bool {
        let Ok(delay) = u64::try_from(options::get(Opt::PurgeDelay)) else { return false };
        // SAFETY: as for `show_up`.
        let seen = unsafe { (*theap).seen_ms.load(Ordering::Relaxed) };
        os::coarse_ms().saturating_sub(seen) >= delay / AWAY_SHARE
    }
}

/// # Safety
/// The caller has the blocks in `last` of the page in `first`, which has an owner. It gives them up if this is true.
#[cold]
unsafe fn vacate(first: Slice, last: Batch) -> bool {
    // SAFETY: as the caller says. Who has all blocks of a page has the page's memory, and it stays what it is as long as one of
    // them is not free. That is `last`, since the owner counts marks one word after the other, some of them as they were
    // before they were taken back.
    unsafe {
        let others = Page::others(first, last);
        for (number, wanted) in others.clone().enumerate() {
            let taken = Page::take_back(first, wanted);
            if taken != wanted {
                others.take(number).chain([taken]).for_each(|blocks| free_again(first, blocks));
                return false;
            }
        }
        arena::empty(first, usize::from(Page::facts(first.page()).slices));
        others.chain([last]).for_each(|blocks| free_again(first, blocks));
    }
    true
}

/// Frees blocks into the page in `first`, which may have no owner any more if its heap is being deleted.
///
/// # Safety
/// The caller has these blocks of the page.
unsafe fn free_again(first: Slice, blocks: Batch) {
    // SAFETY: as the caller says. What is claimed is the caller's.
    unsafe {
        if blocks.count() > 0 && abandoned::free_into(first, blocks, |_, _| false) {
            abandoned::leave(first.page());
        }
    }
}
