//! What the crate feature `secure` does to a page: an inaccessible system page behind its blocks, so that a write that
//! runs on ends there, and blocks in an order that cannot be guessed. Without the feature both are nothing.

use core::sync::atomic::Ordering;

use crate::arena::Slice;
use crate::geometry::{GUARD_SIZE, GUARDED, SLICE_SHIFT};
use crate::os;
use crate::page::Block;

/// Makes the end of the page or run inaccessible. Where the system refuses, it goes on without.
pub(super) fn raise(first: Slice, slices: usize) {
    if GUARDED {
        let guards = &first.region.guards;
        // SAFETY: the caller holds the slices, and has no use for their end.
        unsafe {
            if os::install_guard(end(first, slices), GUARD_SIZE) {
                guards.installed.store(true, Ordering::Relaxed);
            } else if first.region.is_committed_by_system()
                // Where it is charged for what is accessible, what is made inaccessible might not be given back.
                && !os::charges_untouched()
                && os::protect(end(first, slices), GUARD_SIZE)
            {
                guards.protected.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Makes the end accessible again. False when the system refuses, as it does at a limit on accessible memory.
pub(super) fn lower(first: Slice, slices: usize) -> bool {
    let guards = &first.region.guards;
    // SAFETY: as above.
    !GUARDED
        || unsafe {
            let removed = os::remove_guard(end(first, slices), GUARD_SIZE);
            (removed || !guards.installed.load(Ordering::Relaxed))
                && (!guards.protected.load(Ordering::Relaxed)
                    || os::commit(end(first, slices), GUARD_SIZE, GUARD_SIZE))
        }
}

/// Makes the end accessible again, and says how many slices can be used then: all but the last if the system refuses, which stays
/// with nobody.
pub(super) fn usable(first: Slice, slices: usize) -> usize {
    if lower(first, slices) { slices } else { slices - 1 }
}

fn end(first: Slice, slices: usize) -> *mut u8 {
    first.start().wrapping_add((slices << SLICE_SHIFT) - GUARD_SIZE)
}

/// The place of the `n`th of `count` blocks from `first` on in their list.
#[inline]
pub(super) fn place_of(n: u32, count: u32, first: *mut u8) -> u32 {
    if !GUARDED {
        return n;
    }
    let random = Block::secret_at(first.cast());
    // A step that has no factor in common with the count visits every place once.
    let step = [31u32, 37, 41, 43].into_iter().find(|&step| !count.is_multiple_of(step)).unwrap_or(1);
    let start = (random % count as usize) as u64;
    ((start + u64::from(n) * u64::from(step)) % u64::from(count)) as u32
}
