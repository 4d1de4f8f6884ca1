//! From an empty active list to the next block.

use core::ptr;

use super::Theap;
use crate::abandoned;
use crate::arena::{self, Slice};
use crate::geometry::{LACKING_PAGES, LOOKS, REFILLS_PER_TICK, SLICE_SIZE};
use crate::hooks;
use crate::page::{self, Block, Page};
use crate::size_class::CLASS;

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// A block of `class` when the active list is empty. Null when the system refuses more memory.
    ///
    /// These lines are the warm path: a program that frees about as much as it allocates gets no further.
    #[inline]
    pub(crate) unsafe fn refill(theap: *mut Theap, class: usize) -> *mut u8 {
        // SAFETY: the theap owns its current page, or it is the empty page, whose list is empty.
        unsafe {
            let mut current = (*theap).current[class];
            if Page::local_count(current) < u32::from(CLASS[class].few) && (*theap).queues[class].len() > 0 {
                current = Self::fuller(theap, class);
            }
            let count = Page::local_count(current);
            let list = Page::take_local(current);
            if list.is_null() {
                return Self::refill_slow(theap, class);
            }
            Self::activate(theap, class, list, count)
        }
    }

    /// The current page, after it has changed places with the page that waits longest if that one gives more blocks.
    /// Without this a program whose blocks come back one here, one there would refill for each of them.
    ///
    /// # Safety
    /// A page waits in the queue of the class.
    #[inline(never)]
    unsafe fn fuller(theap: *mut Theap, class: usize) -> *mut Page {
        // SAFETY: the theap owns its current page, or it is the empty page, and those in its queue.
        unsafe {
            let current = (*theap).current[class];
            let first = (*theap).queues[class].first();
            let count = Page::local_count(first);
            let is_worse = count <= Page::local_count(current);
            if current == page::EMPTY.as_ptr() || is_worse || Self::is_lacking(theap, class) {
                return current;
            }
            Self::note_count(theap, class, count);
            (*theap).queues[class].remove(first, &mut (*theap).round);
            (*theap).queues[class].push_back(current);
            (*first).rested = false;
            (*theap).current[class] = first;
            first
        }
    }

    /// To be told how many blocks a page gave that was looked for.
    unsafe fn note_count(theap: *mut Theap, class: usize, count: u32) {
        let is_few = count <= u32::from(CLASS[class].few / 2).max(1);
        // SAFETY: the caller owns the theap.
        unsafe { (*theap).queues[class].note(is_few) };
    }

    /// Whether the pages of a class have too few free blocks to look for. In a heap of its own full pages are not given up.
    unsafe fn is_lacking(theap: *mut Theap, class: usize) -> bool {
        // SAFETY: the caller owns the theap.
        unsafe {
            (*theap).queues[class].is_lacking()
                && (*theap).tally.classes[class].pages.now >= LACKING_PAGES
                && !Self::is_of_heap(theap)
        }
    }

    /// A block of one page more, all of which is linked at once. Where pages are full but for one block here and one there, each
    /// would have to be looked for, as often as not in a page that was given up. With some more free blocks, several come
    /// back to each page before its turn.
    #[cold]
    unsafe fn refill_anew(theap: *mut Theap, class: usize) -> Option<*mut u8> {
        // SAFETY: the caller owns the theap, and with it the pages in its fields and the one it gets.
        unsafe {
            (*theap).queues[class].relieve();
            let page = Self::find_page(theap, class)?;
            // What was reported on the way may have allocated.
            Self::return_active(theap, class);
            let before = core::mem::replace(&mut (*theap).current[class], page);
            if before != page::EMPTY.as_ptr() {
                (*theap).queues[class].push_back(before);
            }
            (*theap).tally.extended += 1;
            (*theap).tally.classes[class].linked.add(Page::extend_all(page));
            let count = Page::local_count(page);
            let list = Page::take_local(page);
            (!list.is_null()).then(|| Self::activate(theap, class, list, count))
        }
    }

    /// Makes `list`, of `count` blocks, the active list and pops its first block.
    #[inline]
    unsafe fn activate(theap: *mut Theap, class: usize, list: *mut Block, count: u32) -> *mut u8 {
        // SAFETY: the list is not empty, and its blocks are the caller's.
        unsafe {
            let (rest, link) = Block::next(list);
            Self::set_active(theap, class, rest);
            Block::erase(list);
            (*theap).tally.classes[class].blocks += u64::from(count);
            (*theap).tick -= 1;
            if (*theap).tick == 0 {
                Self::on_tick(theap);
            }
            link.tell(list);
            list.cast()
        }
    }

    #[cold]
    unsafe fn on_tick(theap: *mut Theap) {
        // SAFETY: the caller owns the theap.
        unsafe {
            (*theap).tick = REFILLS_PER_TICK;
            if Self::is_of_heap(theap) {
                Self::come_by(theap);
            }
            Self::go_round(theap);
            Self::beat(theap, false);
        }
        arena::purge_if_due();
    }

    /// Lets the program do what it put off.
    pub(crate) unsafe fn beat(theap: *mut Theap, force: bool) {
        // SAFETY: the caller owns the theap, and so its thread's own. The program may allocate and free in both: no
        // reference to them is held.
        unsafe {
            let thread = (*theap).thread;
            (*thread).heartbeat += 1;
            hooks::run_deferred(&(*thread).deferring, (*thread).heartbeat, force);
        }
    }

    /// Whether the thread, whose own theap is given, frees what it put off at this moment.
    pub(crate) unsafe fn is_deferring(thread: *mut Theap) -> bool {
        // SAFETY: the caller uses the theap.
        unsafe { (*thread).deferring.get() }
    }

    #[cold]
    #[inline(never)]
    unsafe fn refill_slow(theap: *mut Theap, class: usize) -> *mut u8 {
        // SAFETY: the theap owns the pages it finds in its fields, and those it takes over below.
        unsafe {
            let apart = Self::is_of_heap(theap);
            if apart {
                Self::show_up(theap);
            }
            (*theap).tally.searches += 1;
            Self::send_gathered((*theap).thread);
            if Self::is_lacking(theap, class)
                && let Some(block) = Self::refill_anew(theap, class)
            {
                return block;
            }
            // What was reported on the way may have allocated.
            Self::return_active(theap, class);
            // Pages that could only be extended are passed over once each. In a heap of its own full pages stay in the
            // queue, so only some are looked at.
            let waiting = (*theap).queues[class].len();
            let mut looks_left = if apart { waiting.min(LOOKS) } else { waiting };
            loop {
                let current = (*theap).current[class];
                let (list, count) = Self::take_from_current(theap, class, apart || looks_left == 0);
                (*theap).tally.searched += 1;
                if !list.is_null() {
                    (*current).rested = false;
                    return Self::activate(theap, class, list, count);
                }
                Self::put_aside(theap, class, current);
                let Some(next) = Self::next_page(theap, class, !apart || looks_left > 0) else {
                    return ptr::null_mut();
                };
                if (*theap).current[class] == page::EMPTY.as_ptr() {
                    (*theap).current[class] = next;
                } else {
                    // What was reported on the way may have allocated, and found a page by itself.
                    (*theap).queues[class].push_back(next);
                    Self::return_active(theap, class);
                }
                looks_left = looks_left.saturating_sub(1);
            }
        }
    }

    /// Blocks of the current page, and how many: what was freed into it, or what it is extended by. Memory that was used before
    /// goes first: it is resident, and it lets pages fill up.
    #[inline]
    unsafe fn take_from_current(theap: *mut Theap, class: usize, may_extend: bool) -> (*mut Block, u32) {
        // SAFETY: the theap owns its current page, or it is the empty page, which has no blocks.
        unsafe {
            let current = (*theap).current[class];
            let used = (*current).used;
            let mut list = Page::take_local(current);
            let mut count = (*current).used - used;
            if list.is_null() {
                (list, count) = Page::take_remote(current);
            }
            if !list.is_null() {
                Self::note_count(theap, class, count);
            } else if may_extend && Page::extendable(current) {
                list = Page::extend(current);
                count = (*current).used - used;
                (*theap).tally.extended += 1;
                (*theap).tally.classes[class].linked.add(count);
            }
            (list, count)
        }
    }

    /// The page to go on with: from the queue, if those that wait `may` be looked at, and otherwise from wherever there is one.
    #[inline]
    unsafe fn next_page(theap: *mut Theap, class: usize, may: bool) -> Option<*mut Page> {
        // SAFETY: the caller owns the theap, and with it the pages in its queue.
        unsafe {
            let waiting = if may { (*theap).queues[class].pop_front(&mut (*theap).round) } else { None };
            waiting
                .or_else(|| Self::find_page(theap, class))
                .or_else(|| Self::find_page_after_collecting(theap, class))
                .or_else(|| Self::find_any_free_block(theap, class))
        }
    }

    /// Ends a page's time as the current page: all its linked blocks are used. In a program that frees about as
    /// much as it allocates, blocks come back while the page waits in the queue; a page that has waited
    /// in vain is given up.
    unsafe fn put_aside(theap: *mut Theap, class: usize, page: *mut Page) {
        // SAFETY: the theap owns the page, or it is the empty page, which stays as it is.
        unsafe {
            if page == page::EMPTY.as_ptr() {
                return;
            }
            (*theap).current[class] = page::EMPTY.as_ptr();
            if Page::extendable(page) || !(*page).rested || Self::is_of_heap(theap) {
                (*page).rested = true;
                (*theap).queues[class].push_back(page);
                return;
            }
            Page::disown(page, (*theap).id);
            if !Page::remote(page).release_full() {
                Self::sign(theap, page);
                (*theap).queues[class].push_back(page);
            }
        }
    }

    /// A page of `class` from elsewhere, owned by this theap and in no queue.
    unsafe fn find_page(theap: *mut Theap, class: usize) -> Option<*mut Page> {
        // SAFETY: a page from the stack of ownerless pages is the caller's; fresh slices are as well.
        unsafe {
            let slices = usize::from(CLASS[class].slices);
            if Self::is_of_heap(theap) {
                Self::make_room(theap, slices);
                let first = arena::allocate_in(Self::arena(theap), slices, SLICE_SIZE)?.first;
                let page = Self::make_page(theap, first, class);
                Self::enroll(theap, page);
                return Some(page);
            }
            if let Some(page) = abandoned::pop(class) {
                Page::collect_remote(page);
                Self::sign(theap, page);
                (*theap).tally.reclaimed_on_alloc += 1;
                return Some(page);
            }
            let first = match Self::take_spare(theap, slices) {
                Some(slice) => slice,
                None => {
                    Self::make_room(theap, slices);
                    let run = arena::allocate(slices, SLICE_SIZE)?;
                    if Self::fills_pages(theap, class) {
                        run.expect_use(slices);
                    }
                    run.first
                }
            };
            Some(Self::make_page(theap, first, class))
        }
    }

    /// Whether a new page of `class` is likely to be used in full: the thread holds as much of it as fills one, or has filled
    /// as much that others have freed. One that ends pages of others has to make up for them first.
    unsafe fn fills_pages(theap: *mut Theap, class: usize) -> bool {
        // SAFETY: the caller owns the theap.
        let linked = unsafe { (*theap).tally.classes[class].linked.now };
        // Pages of several slices are for a few large blocks, whose ends may stay unused.
        CLASS[class].slices == 1 && linked >= CLASS[class].reserved.cast_signed()
    }

    unsafe fn make_page(theap: *mut Theap, first: Slice, class: usize) -> *mut Page {
        // SAFETY: the caller owns the theap and holds the slices.
        unsafe {
            (*theap).tear_down.stop();
            (*theap).tally.on_page_made(class);
            let before = Page::class(first.page());
            let page = Page::init(first, class, (*theap).id);
            if before != class && Page::remote(page).is_listed() {
                abandoned::sweep(before);
            }
            page
        }
    }

    /// The same when the system refuses memory: empty pages of other classes will do.
    #[cold]
    unsafe fn find_page_after_collecting(theap: *mut Theap, class: usize) -> Option<*mut Page> {
        // SAFETY: as for `find_page`.
        unsafe {
            Self::collect(theap, false);
            Self::find_page(theap, class)
        }
    }

    /// A page of the queue that has a block to give, when there is no memory for another: each is looked at.
    #[cold]
    unsafe fn find_any_free_block(theap: *mut Theap, class: usize) -> Option<*mut Page> {
        // SAFETY: the theap owns the pages in its queue.
        unsafe {
            for _ in 0..(*theap).queues[class].len() {
                let page = (*theap).queues[class].pop_front(&mut (*theap).round)?;
                Page::collect_remote(page);
                if !(*page).local_free.is_null() || Page::extendable(page) {
                    return Some(page);
                }
                (*theap).queues[class].push_back(page);
            }
        }
        None
    }
}
