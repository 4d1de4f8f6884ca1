//! A page: a run of slices that holds blocks of one size class, and has one owner or none.
//!
//! The record lies apart from the blocks, two cache lines per page: the first belongs to the owner, the
//! second is what other threads read and write. A block is in one of these places:
//!
//! | place | counted as used | who may take it |
//! |---|---|---|
//! | allocated | yes | whoever holds the pointer |
//! | the owner's active list of the class (see [`crate::theap`]) | yes | the owner |
//! | `local_free`: freed by the owner | no | the owner |
//! | marked: freed by another thread | yes | whoever owns the page |
//! | not linked yet, beyond `capacity` | no | the owner |
//!
//! When the theap moves a page's whole list to its active list, all blocks count as used, so `used` is set to
//! `capacity` without counting anything. A page with `used == 0` holds no block that anyone could still free.

mod block;
mod compact;
mod guard;
mod inbox;
mod marks;
pub(crate) mod remote;
mod run;
mod shown;
mod vacate;

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16};

use crate::arena::{self, OWNER_NONE, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice, ring};
use crate::geometry::{CACHE_LINE, SLICE_SIZE, SYSTEM_PAGE_MIN};
use crate::report::{self, ErrorKind};
use crate::size_class::{CLASS, Class};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

#[cfg(any(feature = "debug", feature = "secure"))]
pub(crate) use block::choose_secret;
pub(crate) use block::{Block, Link};
pub(crate) use inbox::Sent;
pub(crate) use marks::{Batch, LINES as MARK_LINES, Line as MarkLine, Marks};
use remote::RemoteWord;
use shown::Shown;

/// What a page looks like from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    /// Whether it is a run with a single block.
    pub(crate) is_run: bool,
    pub(crate) class: usize,
    /// Blocks in use.
    pub(crate) used: u32,
    /// Bytes that blocks were made of.
    pub(crate) bytes: usize,
}

/// The record of a page; see the [module](self).
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Page {
    // Written by the owner.
    /// Blocks the owner freed.
    pub(crate) local_free: *mut Block,
    /// Blocks somebody holds, or that wait in an active list or are marked.
    pub(crate) used: u32,
    /// Blocks that were linked so far.
    pub(crate) capacity: Shown,
    /// Blocks that fit.
    reserved: u32,
    /// Neighbours in the owner's queue of the class.
    pub(crate) next: *mut Page,
    pub(crate) prev: *mut Page,
    /// Where its first slice starts, and the blocks of a page.
    start: *mut u8,
    /// Whether the page stands in its owner's queue (and is not the current page of the class).
    pub(crate) queued: bool,
    /// Whether the page has waited in the queue since it last had nothing left to give.
    pub(crate) rested: bool,

    // Written by other threads, or rarely.
    shared: Shared,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Shared {
    /// Where other threads freed blocks, and ownership; see [`inbox`] for why there are two.
    remote: [RemoteWord; 2],
    /// Links of the stacks of ownerless pages.
    listed_next: [AtomicU32; 2],
    /// The theap that owned the page last; written by the owner when it gives the page up.
    origin: AtomicU32,
    /// Size class; written before the page has blocks.
    class: AtomicU8,
    /// Blocks in use when the page was last given up; written by the owner just before. Others read it to tell that their
    /// free is the last.
    awaited: AtomicU16,
    /// Link of the stack of runs that came back to a first-class heap.
    returned_next: AtomicU32,
    /// Slices of a run that holds a single block, and where that starts; written by whoever holds the run.
    run_slices: Shown,
    run_block: AtomicPtr<u8>,
    /// Neighbours in the roll of a first-class heap's theap, next and previous; written by that theap's user.
    roll: UnsafeCell<(*mut Page, *mut Page)>,
}

const _: () = assert!(size_of::<Page>() == 2 * CACHE_LINE);
const _: () = assert!(core::mem::offset_of!(Page, shared) == CACHE_LINE);

/// A page without blocks, for theaps that have no current page. Never written.
pub(crate) static EMPTY: EmptyPage = EmptyPage(Page {
    local_free: ptr::null_mut(),
    used: 0,
    capacity: Shown::new(0),
    reserved: 0,
    next: ptr::null_mut(),
    prev: ptr::null_mut(),
    start: ptr::null_mut(),
    queued: false,
    rested: false,
    shared: Shared {
        remote: [const { RemoteWord::new(AtomicU64::new(remote::OWNED)) }; 2],
        listed_next: [const { AtomicU32::new(0) }; 2],
        origin: AtomicU32::new(0),
        class: AtomicU8::new(0),
        returned_next: AtomicU32::new(0),
        awaited: AtomicU16::new(0),
        run_slices: Shown::new(0),
        run_block: AtomicPtr::new(ptr::null_mut()),
        roll: UnsafeCell::new((ptr::null_mut(), ptr::null_mut())),
    },
});

#[derive(Debug)]
pub(crate) struct EmptyPage(Page);

// SAFETY: the empty page is only ever read.
unsafe impl Sync for EmptyPage {}

impl EmptyPage {
    /// The empty page as a pointer like any other page's.
    pub(crate) const fn as_ptr(&'static self) -> *mut Page {
        (&raw const self.0).cast_mut()
    }
}

/// The operations below take a raw pointer to the record: two threads may look at one
/// record at once, each at its own half.
///
/// # Safety
/// Where not said otherwise, the caller owns the page and `page` is its record.
impl Page {
    /// Makes a page of `class` from the slices at `first`, which the caller holds.
    pub(crate) unsafe fn init(first: Slice, class: usize, owner: u32) -> *mut Page {
        let Class { reserved, slices, .. } = CLASS[class];
        let page = first.page();
        // SAFETY: the caller holds the slices, so nobody else writes the record's owner half; the remote word is
        // touched by atomic operations only.
        unsafe {
            (*page).local_free = ptr::null_mut();
            (*page).used = 0;
            (*page).capacity.set(0);
            (*page).reserved = reserved;
            (*page).shared.class.store(class as u8, Ordering::Relaxed);
            (*page).next = ptr::null_mut();
            (*page).prev = ptr::null_mut();
            (*page).start = first.start();
            (*page).queued = false;
            (*page).rested = false;
            Self::set_origin(page, 0);
            Self::remote(page).own_fresh();
        }
        guard::raise(first, usize::from(slices));
        mark_interior(first, 1, usize::from(slices));
        first.owner().set(owner);
        page
    }

    /// Ends the page: these slices are the caller's afterwards. No block may be in use.
    pub(crate) unsafe fn dissolve(page: *mut Page) -> (Slice, usize) {
        // SAFETY: the caller owns the page.
        let (first, slices) = unsafe { (Self::slice(page), usize::from(Self::facts(page).slices)) };
        mark_no_page(first, 0, slices);
        (first, guard::usable(first, slices))
    }

    /// The slice the page starts in.
    pub(crate) unsafe fn slice(page: *mut Page) -> Slice {
        // SAFETY: the caller owns the page.
        arena::slice_at(unsafe { (*page).start })
    }

    /// The size class of the blocks. Anybody may ask; whoever holds one of them can rely on it: it was written before the first was
    /// handed out, and is not written again before the last one has come back.
    #[inline(always)]
    pub(crate) unsafe fn class(page: *mut Page) -> usize {
        // SAFETY: records are never unmapped, and this is only touched atomically.
        unsafe { usize::from((*page).shared.class.load(Ordering::Relaxed)) }
    }

    /// What is the same for all pages of its class. As for [`Page::class`].
    #[inline(always)]
    pub(crate) unsafe fn facts(page: *mut Page) -> &'static Class {
        // SAFETY: records are made of zeros, and `init` is given a class.
        unsafe { CLASS.get_unchecked(Self::class(page)) }
    }

    /// Whether blocks are left that were never linked.
    #[inline]
    pub(crate) unsafe fn extendable(page: *mut Page) -> bool {
        // SAFETY: the caller owns the page.
        unsafe { (*page).capacity.get() < (*page).reserved }
    }

    /// Links some more blocks, in address order unless [`guard`] has it otherwise, and returns the first. They count as used.
    pub(crate) unsafe fn extend(page: *mut Page) -> *mut Block {
        // SAFETY: the caller owns the page; the new blocks lie between `capacity` and `reserved`, inside
        // the page's slices, and nobody knows of them yet.
        unsafe {
            let Class { block_size, extend, .. } = *Self::facts(page);
            let block_size = block_size as usize;
            // Pages that are used in full soon need fewer visits.
            let grown = u32::from(extend).max((*page).capacity.get() / 4);
            let count = grown.min((*page).reserved - (*page).capacity.get());
            let first = (*page).start.add((*page).capacity.get() as usize * block_size);
            let place = |n| first.add(guard::place_of(n, count, first) as usize * block_size);
            let mut at = place(0);
            let head = at;
            for n in 1..count {
                let next = place(n);
                Block::set_next(at.cast(), next.cast());
                at = next;
            }
            Block::set_next(at.cast(), ptr::null_mut());
            (*page).capacity.add(count);
            (*page).used += count;
            head.cast()
        }
    }

    /// Links all blocks that are not yet, as ones that the owner freed. Says how many.
    pub(crate) unsafe fn extend_all(page: *mut Page) -> u32 {
        // SAFETY: the caller owns the page, and with it what was linked just now.
        unsafe {
            let before = (*page).capacity.get();
            while Self::extendable(page) {
                let used = (*page).used;
                let list = Self::extend(page).cast();
                let mut last = list;
                while let (next, _) = Block::next(last)
                    && !next.is_null()
                {
                    last = next;
                }
                Self::push_list(page, list, last, (*page).used - used);
            }
            (*page).capacity.get() - before
        }
    }

    /// How many blocks [`Page::take_local`] would give.
    #[inline(always)]
    pub(crate) unsafe fn local_count(page: *mut Page) -> u32 {
        // SAFETY: the caller owns the page.
        unsafe { (*page).capacity.get() - (*page).used }
    }

    /// Takes the list of the owner's frees. All blocks count as used afterwards.
    #[inline]
    pub(crate) unsafe fn take_local(page: *mut Page) -> *mut Block {
        // SAFETY: the caller owns the page.
        unsafe {
            let list = (*page).local_free;
            if !list.is_null() {
                (*page).local_free = ptr::null_mut();
                (*page).used = (*page).capacity.get();
            }
            list
        }
    }

    /// Frees a block of the page.
    #[inline(always)]
    pub(crate) unsafe fn push_local(page: *mut Page, block: *mut Block) {
        // SAFETY: the caller owns the page and gives up the block.
        unsafe {
            Block::set_next(block, (*page).local_free);
            (*page).local_free = block;
            (*page).used -= 1;
        }
    }

    /// Frees a list of `count` blocks of the page, of which `last` is the last.
    pub(crate) unsafe fn push_list(page: *mut Page, list: *mut Block, last: *mut Block, count: u32) {
        // SAFETY: the caller owns the page and gives up the blocks.
        unsafe {
            Block::set_next(last, (*page).local_free);
            (*page).local_free = list;
            (*page).used -= count;
        }
    }

    /// A look at the page or run that starts in `first`, which may be anybody's: as it is, or was a moment ago.
    pub(crate) unsafe fn glance(first: Slice) -> Glance {
        let page = first.page();
        // SAFETY: records are never unmapped. The owner may be writing how many are used, and nothing depends on that number.
        unsafe {
            let (is_run, bytes) = Self::extent(first);
            if is_run {
                return Glance { is_run, class: 0, used: 1, bytes };
            }
            let (class, capacity) = (Self::class(page), (*page).capacity.get());
            let used = (&raw const (*page).used).read_volatile().min(capacity);
            let used = used.saturating_sub(Self::count_marked(first, class));
            Glance { is_run, class, used, bytes }
        }
    }

    /// Whether a large block starts in `first`, of whose memory nobody knows how much is used, and how many bytes blocks were made
    /// of. It may be anybody's. A run that is one for the place of its block counts as if that were small.
    pub(crate) unsafe fn extent(first: Slice) -> (bool, usize) {
        let page = first.page();
        // SAFETY: records are never unmapped.
        unsafe {
            if first.owner().get() == OWNER_SINGLETON {
                match (*page).shared.run_slices.get() {
                    1 if Self::run_block(page) != first.start() => (false, SYSTEM_PAGE_MIN),
                    slices => (true, slices as usize * SLICE_SIZE),
                }
            } else {
                (false, (*page).capacity.get() as usize * Self::facts(page).block_size as usize)
            }
        }
    }

    /// The id of the theap that owned the page last. The caller need not own it: then this may be one of earlier.
    pub(crate) unsafe fn origin(page: *mut Page) -> u32 {
        // SAFETY: records are never unmapped.
        unsafe { (*page).shared.origin.load(Ordering::Relaxed) }
    }

    /// Gives the page up as far as its other fields tell; the caller clears the ownership bit next.
    pub(crate) unsafe fn disown(page: *mut Page, origin: u32) {
        // SAFETY: the caller still owns the page.
        let first = unsafe {
            Self::set_origin(page, origin);
            (*page).shared.awaited.store((*page).used as u16, Ordering::Relaxed);
            Self::slice(page)
        };
        first.owner().set(OWNER_NONE);
    }

    /// See [`Page::origin`]; of a run, the theap it belongs to. The caller holds the page or run.
    pub(crate) unsafe fn set_origin(page: *mut Page, origin: u32) {
        // SAFETY: records are never unmapped.
        unsafe { (*page).shared.origin.store(origin, Ordering::Relaxed) }
    }

    /// The link in the stack of runs that came back. As for [`Page::remote`].
    pub(crate) unsafe fn returned_next<'a>(page: *mut Page) -> &'a AtomicU32 {
        // SAFETY: as for `remote`.
        unsafe { &(*page).shared.returned_next }
    }

    /// The next and previous page or run in the roll. The caller uses the theap it belongs to.
    pub(crate) unsafe fn roll(page: *mut Page) -> *mut (*mut Page, *mut Page) {
        // SAFETY: records are never unmapped.
        unsafe { (*page).shared.roll.get() }
    }
}

/// Reports a block that was freed before.
#[cold]
#[inline(never)]
pub(crate) fn freed_twice(block: *mut Block) {
    report::error(ErrorKind::DoubleFree, format_args!("double free of {block:p}; ignored"));
}

/// Has the slices `from .. to` behind `first` lead back to it.
fn mark_interior(first: Slice, from: usize, to: usize) {
    for distance in from..to {
        first.plus(distance).owner().set(ring::interior(distance));
    }
}

/// Has the slices `from .. to` behind `first` say that they are in no page.
pub(crate) fn mark_no_page(first: Slice, from: usize, to: usize) {
    for distance in from..to {
        first.plus(distance).owner().set(OWNER_NOT_A_PAGE);
    }
}
