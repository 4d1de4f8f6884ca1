//! A theap, a thread's part of a heap: per size class an active list to allocate from, a current page, and a queue of pages.
//!
//! # The three places a class allocates from
//!
//! 1. The *active list* holds blocks that nobody counts: its pages treat them as used. Allocating is a pop, and
//!    touches no page record.
//! 2. The *current page* refills the active list: with what this thread has freed into it, with what others have freed
//!    into it, or with blocks never used before.
//! 3. The *queue* holds the thread's other pages, oldest first. When the current page has nothing left it goes to
//!    the end, and the queue's head takes its place: pages rest while they wait and gather free blocks. A page
//!    that comes up without any is given up, so nothing is ever scanned twice.
//!
//! # A full page belongs to nobody
//!
//! A page that stays without free blocks is of no use to its thread, so the thread gives it up. The first thread that frees
//! a block into it becomes its owner: the old one, if it frees its own blocks, or the thread that
//! consumes what the old one produced, whose further frees are then its own business and need no atomic operation.
//! The same rule makes thread exit simple: a dying thread gives up its pages, and those with free blocks
//! are listed for others to take.

mod pool;

pub(crate) use pool::{acquire, retire_theap};

use core::ptr;

use crate::abandoned;
use crate::arena::{self, Slice};
use crate::geometry::{ADOPT_MAX, CLASSES, HOMEWARD, REFILLS_PER_TICK, SLICE_CACHE, SLICE_SIZE, THEAP_SIZE};
use crate::page::{self, Block, Page};
use crate::size_class::CLASS;
use crate::sync::AtomicU32;

/// Owner words below this are not theaps; see [`crate::arena`].
const FIRST_ID: u32 = 16;
/// The id of theaps that own nothing. No page has it as its owner.
const NO_ID: u32 = u32::MAX >> 1;

/// See the [module](self). Only its thread touches it, except for `pool_next`.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Theap {
    /// Blocks to allocate, per class.
    pub(crate) active: [*mut Block; CLASSES],
    /// What this theap writes into the owner words of its pages.
    pub(crate) id: u32,
    /// Refills until the next look at what is due.
    tick: u32,
    /// The page that refills the active list; [`page::EMPTY`] if there is none.
    current: [*mut Page; CLASSES],
    /// Blocks of other threads' pages that may still be put into the active list.
    borrow: [u16; CLASSES],
    queues: [Queue; CLASSES],
    /// Slices of dissolved pages, kept for the next page.
    cache: [Option<Slice>; SLICE_CACHE],
    /// Link in the pool of theaps without a thread.
    pool_next: AtomicU32,
}

/// Pages that wait, oldest first.
#[derive(Debug, Clone, Copy)]
struct Queue {
    first: *mut Page,
    last: *mut Page,
    len: usize,
}

const _: () = assert!(size_of::<Theap>() <= THEAP_SIZE);

/// A theap that has nothing and gets nothing: what a thread has before its first allocation and after its end.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct NoTheap(Theap);

// SAFETY: these theaps are only read: every list in them is empty, so every path that would write goes
// through `refill` or the slow side of free, which tell them by their id.
unsafe impl Sync for NoTheap {}

impl NoTheap {
    pub(crate) const fn as_ptr(&'static self) -> *mut Theap {
        (&raw const self.0).cast_mut()
    }
}

/// The theap of threads that have not allocated yet.
pub(crate) static UNBORN: NoTheap = NoTheap(Theap::empty(NO_ID));
/// The theap of threads that are ending: they free without a theap of their own.
pub(crate) static LATE: NoTheap = NoTheap(Theap::empty(NO_ID));

impl Queue {
    const EMPTY: Self = Self { first: ptr::null_mut(), last: ptr::null_mut(), len: 0 };

    /// # Safety
    /// The theap owns `page`, which is in no queue.
    unsafe fn push_back(&mut self, page: *mut Page) {
        // SAFETY: pages in the queue belong to the same theap.
        unsafe {
            (*page).next = ptr::null_mut();
            (*page).prev = self.last;
            (*page).queued = true;
            if self.last.is_null() {
                self.first = page;
            } else {
                (*self.last).next = page;
            }
        }
        self.last = page;
        self.len += 1;
    }

    /// # Safety
    /// `page` is in this queue.
    unsafe fn remove(&mut self, page: *mut Page) {
        // SAFETY: neighbours are in the queue as well.
        unsafe {
            let (next, prev) = ((*page).next, (*page).prev);
            if prev.is_null() {
                self.first = next;
            } else {
                (*prev).next = next;
            }
            if next.is_null() {
                self.last = prev;
            } else {
                (*next).prev = prev;
            }
            (*page).queued = false;
        }
        self.len -= 1;
    }

    fn pop_front(&mut self) -> Option<*mut Page> {
        let page = self.first;
        if page.is_null() {
            return None;
        }
        // SAFETY: the first page of the queue is in it.
        unsafe { self.remove(page) };
        Some(page)
    }
}

/// The operations take a raw pointer: the lists they work on reach into memory that the program
/// writes, and the theap may be found again through the thread's slot.
///
/// # Safety
/// Throughout, `theap` is the calling thread's own theap, and not one of the two that own nothing, unless said
/// otherwise.
impl Theap {
    const fn empty(id: u32) -> Self {
        Self {
            active: [ptr::null_mut(); CLASSES],
            id,
            tick: REFILLS_PER_TICK,
            current: [page::EMPTY.as_ptr(); CLASSES],
            borrow: [0; CLASSES],
            queues: [Queue::EMPTY; CLASSES],
            cache: [None; SLICE_CACHE],
            pool_next: AtomicU32::new(0),
        }
    }

    /// Whether this is one of the two theaps that own nothing. Those may be passed here.
    #[inline]
    pub(crate) unsafe fn is_none(theap: *mut Theap) -> bool {
        // SAFETY: all theaps can be read by their thread.
        unsafe { (*theap).id == NO_ID }
    }

    /// A block of `class` when the active list is empty. Null when the system refuses more memory.
    ///
    /// The first lines are the warm path: a program that frees about as much as it allocates gets no further.
    #[inline]
    pub(crate) unsafe fn refill(theap: *mut Theap, class: usize) -> *mut u8 {
        // SAFETY: the theap owns its current page, or it is the empty page, whose list is empty.
        unsafe {
            let list = Page::take_local((*theap).current[class]);
            if list.is_null() {
                return Self::refill_slow(theap, class);
            }
            Self::activate(theap, class, list)
        }
    }

    /// Makes `list` the active list and pops its first block.
    #[inline]
    unsafe fn activate(theap: *mut Theap, class: usize, list: *mut Block) -> *mut u8 {
        // SAFETY: the list is not empty, and its blocks are the caller's.
        unsafe {
            (*theap).active[class] = (*list).next;
            (*theap).borrow[class] = CLASS[class].borrow;
            (*theap).tick -= 1;
            if (*theap).tick == 0 {
                Self::on_tick(theap);
            }
            list.cast()
        }
    }

    #[cold]
    unsafe fn on_tick(theap: *mut Theap) {
        // SAFETY: the caller owns the theap.
        unsafe { (*theap).tick = REFILLS_PER_TICK };
        arena::purge_if_due();
    }

    #[cold]
    #[inline(never)]
    unsafe fn refill_slow(theap: *mut Theap, class: usize) -> *mut u8 {
        // SAFETY: the theap owns the pages it finds in its fields, and those it takes over below.
        unsafe {
            // Pages that could only be extended are passed over once each.
            let mut others = (*theap).queues[class].len;
            loop {
                let current = (*theap).current[class];
                let mut list = Page::take_local(current);
                if list.is_null() {
                    list = Page::take_remote(current);
                }
                // Memory that was used before goes first: it is resident, and it lets pages fill up.
                if list.is_null() && others == 0 && Page::extendable(current) {
                    list = Page::extend(current);
                }
                if !list.is_null() {
                    (*current).rested = false;
                    return Self::activate(theap, class, list);
                }
                Self::put_aside(theap, class, current);
                let next = (*theap).queues[class]
                    .pop_front()
                    .or_else(|| Self::find_page(theap, class))
                    .or_else(|| Self::find_page_after_collecting(theap, class));
                let Some(next) = next else { return ptr::null_mut() };
                (*theap).current[class] = next;
                others = others.saturating_sub(1);
            }
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
            if Page::extendable(page) || !(*page).rested {
                (*page).rested = true;
                (*theap).queues[class].push_back(page);
                return;
            }
            Page::disown(page, (*theap).id);
            if !Page::remote(page).release_full() {
                Self::own(theap, page);
                (*theap).queues[class].push_back(page);
            }
        }
    }

    /// A page of `class` from elsewhere, owned by this theap and in no queue.
    unsafe fn find_page(theap: *mut Theap, class: usize) -> Option<*mut Page> {
        // SAFETY: a page from the stack of ownerless pages is the caller's; fresh slices are as well.
        unsafe {
            if let Some(page) = abandoned::pop(class) {
                Page::collect_remote(page);
                Self::own(theap, page);
                return Some(page);
            }
            let slices = usize::from(CLASS[class].slices);
            let first = match Self::cached_slice(theap, slices) {
                Some(slice) => slice,
                None => arena::allocate(slices, SLICE_SIZE)?.first,
            };
            Some(Page::init(first, class, (*theap).id))
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

    /// Tells everyone that the page, which the caller owns, is this theap's.
    unsafe fn own(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap.
        unsafe { Page::slice(page).owner().store((*theap).id, crate::sync::Ordering::Relaxed) };
    }

    /// Takes over a page that the caller has become the owner of by freeing into it, or lists it for others.
    pub(crate) unsafe fn adopt(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns page and theap.
        unsafe {
            Page::collect_remote(page);
            if (*page).used == 0 {
                Self::dissolve(theap, page);
                return;
            }
            let queue = &raw mut (*theap).queues[Page::class(page)];
            if Page::origin(page) == (*theap).id || (*queue).len < ADOPT_MAX {
                Self::own(theap, page);
                (*queue).push_back(page);
            } else {
                abandoned::give_up(page, 0);
            }
        }
    }

    /// Keeps a block of another thread's page for the next allocation here, if the class allows.
    #[inline]
    pub(crate) unsafe fn borrow(theap: *mut Theap, class: usize, block: *mut Block) -> bool {
        // SAFETY: the caller gives up the block; the theaps that own nothing have nothing to borrow.
        unsafe {
            let left = (*theap).borrow[class];
            if left == 0 {
                return false;
            }
            (*theap).borrow[class] = left - 1;
            if left.is_multiple_of(HOMEWARD) {
                return false;
            }
            (*block).next = (*theap).active[class];
            (*theap).active[class] = block;
            true
        }
    }

    /// After the last block of a page was freed: gives its memory back, unless allocation goes on there.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn on_page_unused(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the theap owns the page.
        unsafe {
            if (*page).queued {
                (*theap).queues[Page::class(page)].remove(page);
                Self::dissolve(theap, page);
            }
        }
    }

    /// Ends a page that is in no queue and has no block in use.
    unsafe fn dissolve(theap: *mut Theap, page: *mut Page) {
        // SAFETY: the caller owns the page, and nothing refers to its blocks.
        unsafe {
            let (first, slices) = Page::dissolve(page);
            if slices == 1
                && let Some(place) = (*theap).cache.iter_mut().find(|place| place.is_none())
            {
                *place = Some(first);
            } else {
                arena::release(first, slices);
            }
        }
    }

    unsafe fn cached_slice(theap: *mut Theap, slices: usize) -> Option<Slice> {
        if slices != 1 {
            return None;
        }
        // SAFETY: the caller owns the theap.
        unsafe { (*theap).cache.iter_mut().rev().find_map(Option::take) }
    }

    /// Gives back what the theap holds without need: with `all`, everything, so that it owns nothing afterwards.
    pub(crate) unsafe fn collect(theap: *mut Theap, all: bool) {
        // SAFETY: the caller owns the theap; each page is owned until it is given up.
        unsafe {
            for class in 0..CLASSES {
                Self::return_active(theap, class);
                let current = core::mem::replace(&mut (*theap).current[class], page::EMPTY.as_ptr());
                if current != page::EMPTY.as_ptr() {
                    (*theap).queues[class].push_back(current);
                }
                for _ in 0..(*theap).queues[class].len {
                    let Some(page) = (*theap).queues[class].pop_front() else { break };
                    Page::collect_remote(page);
                    if (*page).used == 0 {
                        Self::dissolve(theap, page);
                    } else if all {
                        abandoned::give_up(page, 0);
                    } else {
                        (*theap).queues[class].push_back(page);
                    }
                }
            }
            for place in &mut (*theap).cache {
                if let Some(slice) = place.take() {
                    arena::release(slice, 1);
                }
            }
        }
    }

    /// Frees the blocks of an active list, each to its page.
    unsafe fn return_active(theap: *mut Theap, class: usize) {
        // SAFETY: blocks in the active list are the theap's, and count as used in their pages.
        unsafe {
            // Otherwise blocks of other threads' pages would come straight back.
            (*theap).borrow[class] = 0;
            let mut block = core::mem::replace(&mut (*theap).active[class], ptr::null_mut());
            while !block.is_null() {
                let next = (*block).next;
                crate::free::free_elsewhere(theap, block.cast());
                block = next;
            }
        }
    }
}

pub(crate) const fn id_of(index: u32) -> u32 {
    index + FIRST_ID
}
