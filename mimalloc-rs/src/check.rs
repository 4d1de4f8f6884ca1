//! What is checked before a block is freed, in builds with the crate features `debug` or `secure`.

use crate::arena::{OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice, ring};
use crate::free::page_start;
use crate::padding;
use crate::page::{Block, Page};
use crate::report::{self, ErrorKind};
use crate::theap::{OF_HEAP, Theap, here};

/// Whether `p` can be freed. If not, that was reported, and nothing may be done. What is no pointer into our memory at
/// all, or lies in a run of its own, is left to others to judge.
///
/// # Safety
/// The caller gives up `p`.
pub(crate) unsafe fn admits(p: *mut u8) -> bool {
    let Some((first, owner)) = page_start(p) else { return true };
    if owner == OWNER_NOT_A_PAGE || ring::way_back(owner).is_some() {
        return true;
    }
    // SAFETY: the page exists if `p` is a block; if it is not, its record is read all the same, and never unmapped.
    unsafe {
        if owner == OWNER_SINGLETON {
            if Page::run_block(first.page()) != p {
                return true;
            }
        } else {
            if !is_block(first, p) {
                report::error(
                    ErrorKind::InvalidPointer,
                    format_args!("free of {p:p}, which points into a block; ignored"),
                );
                return false;
            }
            if is_free(first, owner, p.cast()) {
                report::error(ErrorKind::DoubleFree, format_args!("double free of {p:p}; ignored"));
                return false;
            }
        }
        if cfg!(feature = "debug") {
            padding::open(p);
        }
    }
    true
}

/// Whether a block of the page in `first` that may have been handed out starts at `p`.
///
/// # Safety
/// `p` lies in that page.
unsafe fn is_block(first: Slice, p: *mut u8) -> bool {
    // SAFETY: records are never unmapped; that a block was linked is shown before it is handed out.
    let (size, linked) =
        unsafe { (Page::facts(first.page()).block_size as usize, (*first.page()).capacity.get() as usize) };
    let offset = p.addr() - first.start().addr();
    offset.is_multiple_of(size) && offset / size < linked
}

/// Whether the block is marked as freed by another thread, or is about to be by this one, or waits in a list of its own.
/// Lists of other threads cannot be looked at.
///
/// # Safety
/// The block is one of the page in `first`, whose owner word is given.
unsafe fn is_free(first: Slice, owner: u32, block: *mut Block) -> bool {
    let page = first.page();
    // SAFETY: theaps are never unmapped; this thread's own, and those it holds, are nobody else's, and neither are the
    // pages of theirs.
    unsafe {
        let thread = here::own();
        let theap = if owner & OF_HEAP != 0 { Theap::of_id(owner) } else { thread };
        let own = owner == Theap::id(theap) && (owner & OF_HEAP == 0 || Theap::is_held_by(theap, thread));
        Page::is_marked(first, block)
            || Theap::has_gathered(thread, block)
            || own
                && looks_free(block)
                && (contains((*page).local_free, block)
                    || contains(Theap::active(theap, Page::class(page)), block))
    }
}

/// Whether the block's first word could be a link of a list. A block in use has none: it was erased.
///
/// # Safety
/// The block is one of a page.
unsafe fn looks_free(block: *mut Block) -> bool {
    // SAFETY: the block lies in a page.
    let next = unsafe { Block::peek(block) };
    next.is_null() || page_start(next.cast()).is_some_and(|(other, _)| other.is_held())
}

/// # Safety
/// The list is this thread's.
unsafe fn contains(mut list: *mut Block, block: *mut Block) -> bool {
    while !list.is_null() {
        if list == block {
            return true;
        }
        // SAFETY: as the caller says.
        let (next, link) = unsafe { Block::next(list) };
        link.tell_otherwise(list, "whether a block is free already cannot be told from its list");
        list = next;
    }
    false
}
