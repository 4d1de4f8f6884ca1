//! The way back: from a pointer to its page, and from there to the owner's list, to another thread, or to the system.

use crate::abandoned;
use crate::arena::{self, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice, ring};
use crate::check;
use crate::large;
use crate::page::{Batch, Block, Page, freed_twice};
use crate::report::{self, ErrorKind};
use crate::theap::{OF_HEAP, Theap, here};
use crate::thread;

/// Whether blocks are looked at before they are freed.
const CHECKED: bool = cfg!(any(feature = "debug", feature = "secure"));

/// Frees a block.
///
/// # Safety
/// `p` is a live block of this allocator, which the caller gives up.
#[inline(always)]
pub(crate) unsafe fn free(p: *mut u8) {
    // SAFETY: the caller gives up the block.
    if CHECKED && !unsafe { check::admits(p) } {
        return;
    }
    // SAFETY: a page whose owner word has the id of this thread's theap is that theap's: only this thread writes that id,
    // and it takes it back before it gives the page up.
    unsafe {
        let seen = ring::look(p);
        if here::is_id(seen.owner()) {
            let page = seen.page();
            if push_own(page, p.cast()) {
                on_page_unused(page);
            }
        } else {
            free_elsewhere(p);
        }
    }
}

/// Frees a block that does not lie in the first slice of one of this thread's pages, or whose region the fast path does not
/// know.
///
/// # Safety
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_elsewhere(p: *mut u8) {
    let own = here::own();
    // SAFETY: the caller gives up the block.
    unsafe {
        if !Theap::gather_next(own, p.cast()) {
            free_apart(own, p);
        }
    }
}

/// Frees a block that does not follow the one that was freed last.
///
/// # Safety
/// As for [`free`]; `own` is the thread's own theap.
#[inline(never)]
unsafe fn free_apart(own: *mut Theap, p: *mut u8) {
    // SAFETY: the caller gives up the block. A theap that this thread holds is nobody else's, and its id is the owner word of its
    // pages only.
    unsafe {
        let seen = ring::look(p);
        if let Some(home) = Theap::of_seen(seen.owner())
            && Theap::is_held_by(home, own)
        {
            return free_own(home, seen.page(), p.cast());
        }
        if Theap::gather(own, p.cast()) {
            return;
        }
    }
    let Some((first, owner)) = page_start(p) else {
        // Null is no block, and may be freed all the same: it is told apart where it costs nothing.
        if !p.is_null() {
            invalid(p);
        }
        return;
    };
    // SAFETY: as in `free`; which of the cases holds is what the owner word says.
    unsafe {
        match owner {
            OWNER_SINGLETON => {
                if !large::free(own, first, p) {
                    invalid(p);
                }
            }
            OWNER_NOT_A_PAGE => invalid(p),
            owner if owner == Theap::id(own) => free_own(own, first.page(), p.cast()),
            owner if owner & OF_HEAP != 0 => free_in_heap(own, owner, first, p.cast()),
            _ if Theap::is_none(own) => free_unowned(own, first, Page::batch_of(first, p.cast())),
            _ => Theap::free_or_gather(own, first, p.cast()),
        }
    }
}

/// Frees a block of a page that the theap owns.
///
/// # Safety
/// The calling thread uses the theap, and gives up the block.
unsafe fn free_own(theap: *mut Theap, page: *mut Page, block: *mut Block) {
    // SAFETY: the theap owns the page, and the caller gives up the block.
    unsafe {
        if push_own(page, block) {
            Theap::on_page_unused(theap, page);
        }
    }
}

/// Puts a block back into its page, which the calling thread owns. Whether it was the last one in use.
///
/// # Safety
/// The block is one of the page's, and the caller gives it up.
#[inline(always)]
unsafe fn push_own(page: *mut Page, block: *mut Block) -> bool {
    // SAFETY: the caller owns the page, and gives up the block.
    unsafe {
        if (*page).local_free == block {
            freed_twice(block);
            return false;
        }
        Page::push_local(page, block);
        (*page).used == 0
    }
}

/// After the last block of a page was freed.
///
/// # Safety
/// The calling thread's default theap owns the page.
#[cold]
#[inline(never)]
unsafe fn on_page_unused(page: *mut Page) {
    // SAFETY: as the caller says.
    unsafe { Theap::on_page_unused(thread::theap(), page) };
}

/// Frees a block of a first-class heap, in whose page `owner` stands.
///
/// # Safety
/// As for [`free`]; the block lies in the page that starts in `first`, and `own` is the thread's own theap.
unsafe fn free_in_heap(own: *mut Theap, owner: u32, first: Slice, block: *mut Block) {
    let home = Theap::of_id(owner);
    // SAFETY: the caller gives up the block. A theap that this thread holds is nobody else's.
    unsafe {
        if Theap::is_held_by(home, own) {
            free_own(home, first.page(), block);
        } else {
            let block = Page::batch_of(first, block);
            if !Theap::free_last(home, first, block) {
                free_unowned(own, first, block);
            }
        }
    }
}

/// Frees a block into a page that this thread does not own, and looks after the page if nobody does.
///
/// # Safety
/// As for [`free_in_heap`].
unsafe fn free_unowned(own: *mut Theap, first: Slice, block: Batch) {
    // SAFETY: the caller gives up the block. Once claimed, the page is this thread's.
    unsafe {
        let wants = |class, origin| Theap::wants(own, class, origin);
        if !abandoned::free_into(first, block, wants) {
            return;
        }
        match thread::theap_for_free() {
            // Pages without an owner are the main heap's, whatever the thread allocates from by default.
            Some(own) => Theap::adopt(own, first.page()),
            None => abandoned::leave(first.page()),
        }
    }
}

/// The first slice of the page that holds `p`, and its owner word.
#[inline]
pub(crate) fn page_start(p: *const u8) -> Option<(Slice, u32)> {
    arena::find(p).map(Slice::page_start)
}

#[cold]
#[inline(never)]
fn invalid(p: *mut u8) {
    report::error(
        ErrorKind::InvalidPointer,
        format_args!("free of {p:p}, which is not an allocated block; ignored"),
    );
}
