//! What a theap does with pages it comes to own, and with those it does not need any more.

use core::ptr;

use super::Theap;
use super::queue::Queue;
use crate::abandoned;
use crate::arena::{self, Slice};
use crate::geometry::{CLASSES, SLICES_PER_SPARE, SPARE_IN_ALL, SPARE_SLICES};
use crate::options::{self, Opt};
use crate::page::{self, Block, Link, Page};
use crate::size_class::CLASS;
use crate::thread;

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// Takes over a page that the caller has become the owner of by freeing into it, or lists it for others.
    pub(crate) unsafe fn adopt(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap.
        unsafe {
            Page::collect_remote(page);
            let class = Page::class(page);
            let is_wanted =
                Self::wants(theap, class, Page::origin(page)) && !Page::slice(page).region.is_exclusive();
            if (*page).used != 0 && is_wanted {
                Self::sign(theap, page);
                (*theap).queues[class].push_back(page);
                (*theap).tally.reclaimed_on_free += 1;
            } else if !abandoned::give_up(page) {
                Self::end_unused(theap, page);
            }
        }
    }

    /// Tells everyone that the page, which the caller owns, is this theap's.
    pub(super) unsafe fn sign(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap.
        unsafe { Page::slice(page).owner().set((*theap).id) };
    }

    /// Whether the theap takes over one more page of a class, that the theap with the id `origin` owned last. Those that own
    /// nothing may be passed here: they have room.
    pub(crate) unsafe fn wants(theap: *mut Theap, class: usize, origin: u32) -> bool {
        // SAFETY: as for `Theap::is_none`.
        let (own, pages) = unsafe { (origin == (*theap).id, (*theap).queues[class].len()) };
        let (level, limit) = if own { (0, Opt::PageMaxReclaim) } else { (1, Opt::PageCrossThreadMaxReclaim) };
        options::get(Opt::PageReclaimOnFree) >= level
            && usize::try_from(options::get(limit)).map_or(true, |limit| pages < limit)
    }

    /// After the last block of a page was freed: gives its memory back, unless allocation goes on there.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn on_page_unused(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the theap owns the page.
        unsafe {
            if (*page).queued {
                (*theap).queues[Page::class(page)].remove(page, &mut (*theap).round);
            } else if !Self::is_bequest_apart(theap, page) {
                return;
            }
            Self::end_unused(theap, page);
        }
    }

    /// Ends a page of which the last block was freed.
    unsafe fn end_unused(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns the theap, and the page, of which no block is in use and which is in no queue.
        unsafe {
            let slices = u32::from(Page::facts(page).slices);
            Self::dissolve(theap, page);
            Self::follow_ebb(theap);
            if (*theap).tear_down.goes_on(slices) {
                Self::collect(theap, false);
                let pages = (*theap).queues.iter().map(Queue::len).sum();
                (*theap).tear_down.collected(pages);
            }
        }
    }

    /// To be told before a page of so many slices is made: if there would be no memory behind them, there is some behind idle pages.
    pub(super) unsafe fn make_room(theap: *mut Theap, slices: usize) {
        // SAFETY: the caller owns the theap.
        unsafe {
            if !arena::is_next_resident(Self::arena(theap), slices) {
                Self::end_idle(theap);
            }
        }
    }

    /// To be told when the thread has released slices: at an ebb idle pages should not stay, here or in the thread's part of the
    /// main heap. Those that own nothing may be passed here.
    pub(crate) unsafe fn follow_ebb(theap: *mut Theap) {
        // SAFETY: the caller owns the theap, and so its thread's own.
        unsafe {
            if !Self::is_none(theap) && arena::follows_ebb() {
                [theap, (*theap).thread].into_iter().for_each(|theap| Self::end_idle(theap));
            }
        }
    }

    /// Ends pages of several slices that allocation goes on in although no block is in use. There is more memory behind them than
    /// their next blocks need.
    #[cold]
    pub(crate) unsafe fn end_idle(theap: *mut Theap) {
        // SAFETY: the caller owns the theap, and with it its current pages.
        unsafe {
            for class in (0..CLASSES).filter(|&class| CLASS[class].slices > 1) {
                // With an empty list, a page whose blocks are all free has none that counts as used.
                Self::return_active(theap, class);
                let current = (*theap).current[class];
                if current != page::EMPTY.as_ptr() && (*current).used == 0 {
                    (*theap).current[class] = page::EMPTY.as_ptr();
                    Self::dissolve(theap, current);
                }
            }
        }
    }

    /// Ends a page that is in no queue and has no block in use.
    pub(super) unsafe fn dissolve(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns the page, and nothing refers to its blocks.
        unsafe {
            if Self::is_of_heap(theap) {
                Self::strike(theap, page);
                return Self::end(theap, page);
            }
            (*theap).tally.on_page_ended(Page::class(page), (*page).capacity.get());
            let (first, slices) = Page::dissolve(page);
            Self::keep_spare(theap, first, slices);
        }
    }

    /// So many slices side by side that the theap, one of the main heap, keeps.
    #[inline]
    pub(crate) unsafe fn take_spare(theap: *mut Theap, slices: usize) -> Option<Slice> {
        // SAFETY: the caller owns the theap.
        unsafe { (*theap).spare.take(slices) }
    }

    /// Has the theap, one of the main heap, keep slices for later, and release others for them; or releases them.
    ///
    /// # Safety
    /// As for [`arena::release`].
    pub(crate) unsafe fn keep_spare(theap: *mut Theap, first: Slice, slices: usize) {
        let may_stay = match slices {
            1 => true,
            2..=SPARE_SLICES => may_keep_more(),
            _ => false,
        } && !first.region.is_exclusive();
        // SAFETY: the caller owns the theap. Nothing of it is borrowed while slices are released, where the program may be told of
        // something and free more.
        unsafe {
            while !(may_stay && (*theap).spare.add(first, slices)) {
                let oldest = if may_stay { (*theap).spare.take_oldest() } else { None };
                let Some((oldest, count)) = oldest else { return arena::release(first, slices) };
                arena::release(oldest, count);
            }
        }
    }

    /// Gives back what the theap holds without need: with `all`, everything, so that it owns nothing afterwards.
    pub(crate) unsafe fn collect(theap: *mut Theap, all: bool) {
        // SAFETY: the caller owns the theap; each page is owned until it is given up.
        unsafe {
            // What is gathered and kept is with the thread's part of the main heap, whichever is collected.
            let thread = (*theap).thread;
            Self::send_gathered(thread);
            Self::collect_pages(theap, all);
            while let Some((first, slices)) = (*thread).spare.take_oldest() {
                arena::release(first, slices);
            }
        }
    }

    /// Gives back pages without a block in use; with `all`, the others as well.
    pub(super) unsafe fn collect_pages(theap: *mut Theap, all: bool) {
        // SAFETY: the caller owns the theap; each page is owned until it is given up.
        unsafe {
            Self::release_returned(theap);
            for class in 0..CLASSES {
                Self::return_active(theap, class);
                let current = core::mem::replace(&mut (*theap).current[class], page::EMPTY.as_ptr());
                if current != page::EMPTY.as_ptr() {
                    (*theap).queues[class].push_back(current);
                }
                for _ in 0..(*theap).queues[class].len() {
                    let Some(page) = (*theap).queues[class].pop_front(&mut (*theap).round) else { break };
                    Page::collect_remote(page);
                    if !all && (*page).used != 0 {
                        (*theap).queues[class].push_back(page);
                    } else if !abandoned::give_up(page) {
                        Self::dissolve(theap, page);
                    }
                }
            }
            if Self::is_of_heap(theap) {
                Self::collect_bequests(theap);
            }
        }
    }

    /// Puts the blocks of all active lists back into their pages.
    pub(crate) unsafe fn return_all_active(theap: *mut Theap) {
        for class in 0..CLASSES {
            // SAFETY: the caller owns the theap.
            unsafe { Self::return_active(theap, class) };
        }
    }

    /// The same, and marks what the thread has gathered, so that pages tell what is in use.
    pub(crate) unsafe fn settle(theap: *mut Theap) {
        // SAFETY: the caller owns the theap, and so its thread's own.
        unsafe {
            Self::send_gathered((*theap).thread);
            Self::return_all_active(theap);
        }
    }

    /// Puts the blocks of an active list back into their page: the current one of the class, which filled the list when
    /// it was last empty.
    pub(super) unsafe fn return_active(theap: *mut Theap, class: usize) {
        // SAFETY: blocks in the active list are the theap's, and count as used in the page, which it owns.
        unsafe {
            // Who is told of a broken link may allocate, and fill the list again.
            loop {
                let list = Self::active(theap, class);
                if list.is_null() {
                    return;
                }
                Self::set_active(theap, class, ptr::null_mut());
                let (mut last, mut count) = (list, 1);
                let link = loop {
                    let (next, link) = Block::next(last);
                    if next.is_null() {
                        break link;
                    }
                    (last, count) = (next, count + 1);
                };
                Page::push_list((*theap).current[class], list, last, count);
                (*theap).tally.classes[class].blocks -= u64::from(count);
                if link == Link::Whole {
                    return;
                }
                link.tell(last);
            }
        }
    }
}

/// Whether threads may keep more than single slices: where many wait, it would be much that nobody else can use.
fn may_keep_more() -> bool {
    let kept_at_most = thread::THREADS.current() * SPARE_SLICES as u64;
    kept_at_most <= SPARE_IN_ALL + arena::HELD.current() / SLICES_PER_SPARE
}
