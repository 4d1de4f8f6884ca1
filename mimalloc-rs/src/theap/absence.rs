//! Pages and runs of a first-class heap that others empty while the theap's user stays away.
//!
//! They stay with the theap, and nobody else ends them: what they hold would stay as well. So whoever frees a run, or the last block of
//! such a page, has the system take its memory. A user that was there a moment ago is likely to go on
//! allocating, and then a page fault for each system page would be a high price. Of runs, which are large, few are left like that, for
//! a user may stop at any time.

use super::Theap;
use crate::abandoned;
use crate::arena::{self, Slice};
use crate::gauge::Gauge;
use crate::geometry::{AWAY_SHARE, HUGE_SLICES, SLICES_PER_WHOLE, WHOLE_IN_ALL};
use crate::options::{self, Opt};
use crate::os;
use crate::page::{Batch, Page};
use crate::sync::Ordering;

/// Slices of runs that others freed and that wait with their memory, of all theaps.
static WHOLE: Gauge = Gauge::new();

/// # Safety
/// As for all of [`Theap`]; `theap` is one of a first-class heap.
impl Theap {
    /// To be told from time to time that the user is there, who takes back what others have freed.
    pub(crate) unsafe fn come_by(theap: *mut Theap) {
        // SAFETY: the caller owns the theap.
        unsafe {
            Self::show_up(theap);
            Self::release_returned(theap);
        }
    }

    /// The same, without a look at what others have freed.
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

    /// Whether a run of so many slices, which the caller is about to leave to the user, keeps its memory. The theap may be anybody's.
    pub(super) unsafe fn leaves_whole(theap: *mut Theap, slices: usize) -> bool {
        // SAFETY: as for `show_up`.
        unsafe {
            // How far a larger one was used has to be known before the user has it.
            let may_stay = slices < HUGE_SLICES && !Self::is_away(theap);
            let stays = may_stay && WHOLE.current() < WHOLE_IN_ALL + arena::HELD.current() / SLICES_PER_WHOLE;
            if stays {
                // In this order, so that no more goes than has come.
                WHOLE.add(slices);
                (*theap).returned_whole.fetch_add(slices as u32, Ordering::Release);
            }
            stays
        }
    }

    /// To be told before the user takes what others left. Runs that come meanwhile are counted here and there, but once.
    pub(super) unsafe fn note_return(theap: *mut Theap) {
        // SAFETY: as above.
        unsafe {
            if (*theap).returned_whole.load(Ordering::Relaxed) != 0 {
                WHOLE.sub((*theap).returned_whole.swap(0, Ordering::Acquire) as usize);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;
    use crate::geometry::{REFILLS_PER_TICK, SLICE_SIZE};
    use crate::raw;

    /// Has another thread free a run of so many slices of the heap.
    fn free_run_elsewhere(heap: &Heap, slices: usize) {
        let run = heap.here().expect("memory for this thread's part").malloc(slices * SLICE_SIZE);
        assert!(!run.is_null());
        let run = run.expose_provenance();
        // SAFETY: the block is live and given up.
        let free = move || unsafe { raw::free(core::ptr::with_exposed_provenance_mut(run)) };
        std::thread::spawn(free).join().expect("it only frees");
    }

    /// Slices that wait for the calling thread with their memory.
    fn wait_whole(heap: &Heap) -> u32 {
        let theap = heap.record().theap_here().expect("it has allocated");
        // SAFETY: theaps are never unmapped, and this is only touched atomically.
        unsafe { (*theap).returned_whole.load(Ordering::Relaxed) }
    }

    fn come_by(heap: &Heap) {
        let here = heap.here().expect("it has allocated");
        (0..4 * REFILLS_PER_TICK).for_each(|_| assert!(!here.malloc(60_000).is_null()));
    }

    #[test]
    fn runs_wait_with_their_memory_for_a_user_that_was_there_a_moment_ago_who_takes_them_back() {
        let heap = Heap::new().expect("memory for one more heap");
        let waits = |slices| {
            free_run_elsewhere(&heap, slices);
            wait_whole(&heap) as usize >= slices
        };
        // The other thread may take so long that the user counts as gone.
        assert!((0..5).any(|_| waits(3)));
        come_by(&heap);
        assert_eq!(wait_whole(&heap), 0);
        assert!(!(0..5).any(|_| waits(HUGE_SLICES)), "it is too large");
        heap.destroy();
    }
}
