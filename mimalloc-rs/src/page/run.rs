//! A run: slices that hold a single block, larger than those that share a page, or at an odd place.
//!
//! It has a page's record, of which it uses a few fields. Whoever holds the block holds the run, and is the only one to write
//! those.

use core::sync::atomic::Ordering;

use super::{Page, guard, mark_interior, mark_no_page};
use crate::arena::{OWNER_SINGLETON, Slice};

/// # Safety
/// As for all of [`Page`], with holding the run instead of owning the page.
impl Page {
    /// Slices of a run that holds a single block. Anybody may ask; whoever holds the run can rely on it.
    pub(crate) unsafe fn run_slices(page: *mut Page) -> usize {
        // SAFETY: records are never unmapped, and this is only touched atomically.
        unsafe { (*page).shared.run_slices.get() as usize }
    }

    /// Changes the number of slices of a run, which the caller holds with all of them. False, and nothing is changed, when
    /// the system refuses.
    pub(crate) unsafe fn set_run_slices(page: *mut Page, slices: usize) -> bool {
        // SAFETY: whoever holds the run is the only one to write it.
        let (first, before) = unsafe { (Self::slice(page), Self::run_slices(page)) };
        if !guard::lower(first, before) {
            return false;
        }
        // SAFETY: as above.
        unsafe { (*page).shared.run_slices.set(slices as u32) };
        guard::raise(first, slices);
        mark_interior(first, before, slices);
        mark_no_page(first, slices, before);
        true
    }

    /// Where the block of a run starts. Who does not hold the run may read that of another.
    pub(crate) unsafe fn run_block(page: *mut Page) -> *mut u8 {
        // SAFETY: as the caller says.
        unsafe { (*page).shared.run_block.load(Ordering::Relaxed) }
    }

    /// Makes the record that of a run of `slices` slices at `first`, which the caller holds, with a single block
    /// `ahead` bytes from its start. `home` is the theap of a first-class heap that it belongs to, or 0.
    pub(crate) unsafe fn init_run(first: Slice, slices: usize, ahead: usize, home: u32) -> *mut Page {
        let page = first.page();
        // SAFETY: the caller holds the slices, so nobody else uses these fields.
        unsafe {
            (*page).start = first.start();
            (*page).shared.run_slices.set(slices as u32);
            (*page).shared.run_block.store(first.start().add(ahead), Ordering::Relaxed);
            Self::set_origin(page, home);
        }
        guard::raise(first, slices);
        mark_interior(first, 1, slices);
        first.owner().set(OWNER_SINGLETON);
        page
    }

    /// Ends a run: so many slices are the caller's afterwards. The caller holds it.
    pub(crate) unsafe fn dissolve_run(first: Slice) -> usize {
        // SAFETY: the caller holds the run.
        let slices = unsafe { Self::run_slices(first.page()) };
        mark_no_page(first, 0, slices);
        guard::usable(first, slices)
    }
}
