//! The roll of a theap of a first-class heap: all its pages, and all its runs with a single block, so that the heap can
//! end without anyone looking at blocks.
//!
//! Only the theap's user writes the roll. A run that another thread frees stays in it until the user comes by: its
//! memory goes back to the system at once, if it may and the user is not expected soon, and its address space waits in a stack.
//!
//! In the child of a fork, whoever was about to free a run or a block, or used the theap, may not exist. So a run that is nobody's
//! and not in the stack is taken for freed when the heap ends, marks are looked for wherever there can be some, and the roll is
//! walked by its links forward only, each of which changes in one step.

use core::ptr;
use core::sync::atomic::{Ordering, fence};

use super::Theap;
use crate::abandoned;
use crate::arena::{self, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice};
use crate::large;
use crate::page::Page;

/// # Safety
/// As for all of [`Theap`]; `theap` is one of a first-class heap.
impl Theap {
    /// Enters a page or run.
    pub(crate) unsafe fn enroll(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap; what is in the roll is the theap's.
        unsafe {
            let next = (*theap).roll;
            *Page::roll(page) = (next, ptr::null_mut());
            (*theap).roll = page;
            // In a child that is made in between, to take `next` out loses `page`. The other way round it would be found once more.
            fence(Ordering::Release);
            if !next.is_null() {
                (*Page::roll(next)).1 = page;
            }
        }
    }

    /// All pages and runs. The next may not be struck while one is looked at.
    pub(crate) unsafe fn rolled(theap: *mut Theap) -> impl Iterator<Item = *mut Page> {
        // SAFETY: what is in the roll is the theap's.
        let mut next = unsafe { (*theap).roll };
        core::iter::from_fn(move || {
            let page = next;
            if page.is_null() {
                return None;
            }
            // SAFETY: as above.
            next = unsafe { (*Page::roll(page)).0 };
            Some(page)
        })
    }

    /// Takes a page or run out.
    pub(super) unsafe fn strike(theap: *mut Theap, page: *mut Page) {
        // SAFETY: as for `enroll`; the page is in the roll.
        unsafe {
            let (next, prev) = *Page::roll(page);
            if !next.is_null() {
                (*Page::roll(next)).1 = prev;
            }
            if prev.is_null() {
                (*theap).roll = next;
            } else {
                (*Page::roll(prev)).0 = next;
            }
        }
    }

    /// Frees a run of `theap`, which may be anybody's; `thread` is the calling thread's own theap.
    ///
    /// # Safety
    /// The caller gives up the block in the run at `first`, which is in the roll.
    pub(crate) unsafe fn free_run(theap: *mut Theap, thread: *mut Theap, first: Slice) {
        let page = first.page();
        // SAFETY: until it is in the stack, nobody else touches the run: the caller held its block.
        unsafe {
            if Self::is_held_by(theap, thread) {
                Self::strike(theap, page);
                large::release(first);
            } else {
                // Nothing is there to free any more, however long the run waits.
                first.owner().set(OWNER_NOT_A_PAGE);
                let slices = Page::run_slices(page);
                if !Self::leaves_whole(theap, slices) {
                    arena::empty(first, slices);
                }
                (*theap).returned.push(first.number(), Page::returned_next(page));
            }
        }
    }

    /// Gives back the runs that other threads freed. Theaps of the main heap have none.
    pub(crate) unsafe fn release_returned(theap: *mut Theap) {
        // SAFETY: numbers in the stack are of runs in this theap's roll, which their holders gave up.
        unsafe {
            Self::note_return(theap);
            let next_of = |number| Page::returned_next(arena::slice_of_number(number).page());
            while let Some(number) = (*theap).returned.pop(next_of) {
                let first = arena::slice_of_number(number);
                Self::strike(theap, first.page());
                large::release_emptied(first);
            }
        }
    }

    /// Ends all pages and runs, whatever blocks they hold. The theap is as good as new afterwards. It may be the copy of one that
    /// another process made.
    ///
    /// # Safety
    /// Nobody uses the theap, or any block of it, now or later.
    pub(crate) unsafe fn destroy(theap: *mut Theap, is_copy: bool) {
        // SAFETY: all that is in the roll is the theap's; nothing refers to its blocks. Its lists are whole, unless it is a copy.
        unsafe {
            // The stack stays with the theap: what it names may not outlive the heap.
            Self::release_returned(theap);
            if !is_copy {
                // What they hold was not allocated.
                Self::return_all_active(theap);
            }
            for page in Self::rolled(theap) {
                let first = Page::slice(page);
                match first.owner().get() {
                    OWNER_SINGLETON => large::release(first),
                    OWNER_NOT_A_PAGE => large::release_emptied(first),
                    _ => {
                        Page::forget_remote(page);
                        if is_copy {
                            Page::forget_unsaid(page);
                        }
                        Self::end(theap, page);
                    }
                }
            }
        }
    }

    /// Moves all pages and runs with blocks in use to the main heap, where nobody owns them.
    ///
    /// # Safety
    /// Nobody allocates from the theap, now or later, or frees into it at this moment.
    pub(crate) unsafe fn disperse(theap: *mut Theap) {
        // SAFETY: all that is in the roll is the theap's; each is the caller's until it is given up.
        unsafe {
            Self::release_returned(theap);
            Self::return_all_active(theap);
            for page in Self::rolled(theap) {
                let first = Page::slice(page);
                match first.owner().get() {
                    OWNER_SINGLETON => Page::set_origin(page, 0),
                    OWNER_NOT_A_PAGE => large::release_emptied(first),
                    _ => {
                        (*page).queued = false;
                        (*page).rested = false;
                        if !abandoned::give_up(page) {
                            Self::end(theap, page);
                        }
                    }
                }
            }
        }
    }

    /// Ends the pages without a block in use. Whether the theap has nothing else.
    ///
    /// # Safety
    /// Nobody allocates from the theap or frees into it at this moment.
    pub(crate) unsafe fn end_unused_pages(theap: *mut Theap) -> bool {
        // SAFETY: as the caller says; all that is in the roll is the theap's.
        unsafe {
            Self::collect_pages(theap, false);
            (*theap).roll.is_null()
        }
    }

    /// Has `heir`, a theap of a heap that has no arena of its own, own all pages and runs with blocks in use. This theap owns
    /// nothing afterwards. What lies in an exclusive arena is in the heir's roll only, so that nobody allocates from it.
    ///
    /// # Safety
    /// Nobody allocates from the theap, now or later, or frees into it at this moment; the calling thread uses the heir.
    pub(crate) unsafe fn bequeath(theap: *mut Theap, heir: *mut Theap) {
        // SAFETY: all that is in the roll is the theap's, and then the heir's.
        unsafe {
            for page in Self::rolled(theap) {
                let first = Page::slice(page);
                let owner = first.owner().get();
                if owner == OWNER_NOT_A_PAGE {
                    large::release_emptied(first);
                    continue;
                }
                Self::enroll(heir, page);
                if owner == OWNER_SINGLETON {
                    Page::set_origin(page, (*heir).id);
                    continue;
                }
                (*page).queued = false;
                (*page).rested = false;
                Self::sign(heir, page);
                if !first.region.is_exclusive() {
                    (*heir).queues[Page::class(page)].push_back(page);
                }
            }
        }
    }

    /// Whether a page of the theap, of another heap before, lies in an arena that the theap takes nothing from.
    pub(super) unsafe fn is_bequest_apart(theap: *mut Theap, page: *mut Page) -> bool {
        // SAFETY: the caller owns page and theap.
        unsafe { Page::slice(page).region.is_exclusive() && Self::arena(theap).is_none() }
    }

    /// Takes what lies in an exclusive arena, where the theap takes nothing from any more, out of its queues: it stays in the roll
    /// only. No page is current.
    pub(super) unsafe fn withdraw_bequests(theap: *mut Theap) {
        // SAFETY: all that is in the roll is the theap's. A page of its own that is queued is in the queue of its class; what a run's
        // record says of that is of earlier.
        unsafe {
            for page in Self::rolled(theap) {
                let is_page = Page::slice(page).owner().get() == (*theap).id;
                if is_page && (*page).queued && Self::is_bequest_apart(theap, page) {
                    (*theap).queues[Page::class(page)].remove(page, &mut (*theap).round);
                }
            }
        }
    }

    /// Ends the pages that are in the roll only and have no block in use. Others that do not wait may be current: who is told of
    /// memory that goes back may have allocated. A run that another thread is freeing at this moment is nobody's and looks like
    /// a page that is not queued.
    pub(super) unsafe fn collect_bequests(theap: *mut Theap) {
        // SAFETY: all that is in the roll is the theap's, and a bequest apart is never current. Who is told of memory that goes back
        // may free, and end other pages: so those that end here are struck before.
        unsafe {
            let mut ended: *mut Page = ptr::null_mut();
            for page in Self::rolled(theap) {
                let is_page = Page::slice(page).owner().get() == (*theap).id;
                if is_page && !(*page).queued && Self::is_bequest_apart(theap, page) {
                    Page::collect_remote(page);
                    if (*page).used == 0 {
                        Self::strike(theap, page);
                        *Page::roll(page) = (ended, ptr::null_mut());
                        ended = page;
                    }
                }
            }
            while !ended.is_null() {
                let page = ended;
                ended = (*Page::roll(page)).0;
                Self::end(theap, page);
            }
        }
    }

    /// Ends a page that has been struck off the roll, or whose roll ends.
    pub(super) unsafe fn end(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap, and nothing refers to the page's blocks.
        unsafe {
            (*theap).tally.on_page_ended(Page::class(page), (*page).capacity.get());
            let (first, slices) = Page::dissolve(page);
            arena::release(first, slices);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;
    use crate::page::Batch;
    use crate::sync::Strict;

    #[test]
    fn nothing_is_left_of_a_block_whose_thread_never_said_where_it_marked_it() {
        let heap = Heap::new().expect("memory for one more heap");
        let block = heap.here().expect("memory for a theap").malloc(8);
        let (first, _) = crate::free::page_start(block).expect("a block");
        // SAFETY: the page is there as long as its block.
        let reserved = unsafe { Page::facts(first.page()) }.reserved as usize;
        let marked = [1, reserved - 1].map(Batch::of);
        for block in marked {
            first.marks().set::<Strict>(block);
        }
        heap.record().look_copied();
        heap.destroy();
        assert!(!marked.iter().any(|&block| first.marks().has(block)));
    }
}
