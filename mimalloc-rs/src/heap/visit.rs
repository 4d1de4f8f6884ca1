//! Looking at a heap: its pages, and the blocks in use in each.

use core::ptr::{self, NonNull};

use super::{Heap, MAIN, Record};
use crate::arena::{self, OWNER_NONE, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Slice};
use crate::free::page_start;
use crate::geometry::{BLOCKS_MAX, SLICE_SHIFT};
use crate::page::{Block, Page};
use crate::theap::{OF_HEAP, Theap, here};
use crate::usable;

/// A page of a heap, or a run of slices with a single block.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// Where its blocks start.
    pub start: *mut u8,
    /// Bytes that belong to it.
    pub reserved: usize,
    /// Bytes of it that were made into blocks so far.
    pub committed: usize,
    /// Blocks in use.
    pub used: usize,
    /// Bytes of a block that can be used.
    pub block_size: usize,
    /// Bytes of a block, padding included.
    pub full_block_size: usize,
    /// Whether a thread that has not ended owns it, or it is a run of the main heap, which no thread ever owns.
    pub owned: bool,
}

impl Area {
    /// The page that holds `p`, as it is now; `None` if it lies in no page.
    ///
    /// ```
    /// use mimalloc_rs::{Area, Heap};
    ///
    /// let heap = Heap::new().expect("memory for one more heap");
    /// let p = heap.here().expect("memory for this thread's part").malloc(100);
    /// // SAFETY: nobody else uses this heap.
    /// let area = unsafe { Area::of(p) }.expect("a block lies in a page");
    /// assert!(area.used >= 1 && area.block_size >= 100);
    /// ```
    ///
    /// # Safety
    /// Nobody else uses that page meanwhile.
    #[must_use]
    pub unsafe fn of<T>(p: *const T) -> Option<Self> {
        Record::of(p.cast())?;
        let (first, _) = page_start(p.cast())?;
        // SAFETY: a pointer that lies in a heap's page has one; as the caller says.
        Some(unsafe { area_of(first, is_owned(first)) })
    }
}

impl Heap {
    /// Calls `visitor` with every page of the heap, and with `blocks` also with every block in use in it, each
    /// right behind its page. Ends when it returns false; returns whether it got to the end.
    ///
    /// In the main heap, blocks that other threads keep to allocate from, or that were freed by others than the
    /// page's thread and not noticed by that yet, are taken for blocks in use.
    ///
    /// ```
    /// use mimalloc_rs::Heap;
    ///
    /// let heap = Heap::new().expect("memory for one more heap");
    /// let one = Box::leak(Box::new(allocator_api2::boxed::Box::new_in(7u64, &heap)));
    /// let mut blocks = 0;
    /// // SAFETY: nobody else uses this heap.
    /// unsafe { heap.visit(true, |_, block| { blocks += usize::from(block.is_some()); true }) };
    /// assert_eq!((blocks, **one), (1, 7));
    /// ```
    ///
    /// # Safety
    /// Nobody else uses the heap meanwhile, and the visitor does not allocate or free in it.
    pub unsafe fn visit(
        &self,
        blocks: bool,
        mut visitor: impl FnMut(&Area, Option<NonNull<u8>>) -> bool,
    ) -> bool {
        // SAFETY: as the caller says.
        unsafe {
            self.settle();
            if !ptr::eq(self.record, &raw const MAIN) {
                return self.record.theaps().all(|theap| {
                    // A run that is nobody's was being freed when this process came of a fork.
                    let is_live = |first: &Slice| first.owner().get() != OWNER_NOT_A_PAGE;
                    let mut firsts = Theap::rolled(theap).map(|page| Page::slice(page)).filter(is_live);
                    let owned = is_held(theap);
                    firsts.all(|first| visit_page(first, owned, blocks, &mut visitor))
                });
            }
            arena::pages()
                .filter(|(_, home)| home & OF_HEAP == 0)
                .all(|(first, _)| visit_page(first, is_owned(first), blocks, &mut visitor))
        }
    }

    /// As [`visit`](Self::visit), for those pages only whose threads have ended. Runs of the main heap are not among them:
    /// whose they were is not known.
    ///
    /// # Safety
    /// As for [`visit`](Self::visit).
    pub unsafe fn visit_abandoned(
        &self,
        blocks: bool,
        mut visitor: impl FnMut(&Area, Option<NonNull<u8>>) -> bool,
    ) -> bool {
        // SAFETY: as the caller says.
        unsafe { self.visit(blocks, |area, block| area.owned || visitor(area, block)) }
    }

    /// Puts blocks that wait to be allocated back where they can be told from those in use, and ends idle pages: what the visitor
    /// frees elsewhere may bring about an ebb, which would end them under the visit.
    ///
    /// # Safety
    /// Nobody else uses the heap, unless it is the main one.
    unsafe fn settle(&self) {
        // SAFETY: nobody else uses the heap.
        unsafe {
            if ptr::eq(self.record, &raw const MAIN) {
                let thread = here::own();
                if !Theap::is_none(thread) {
                    Theap::settle(thread);
                    Theap::end_idle(thread);
                }
            } else {
                for theap in self.record.theaps() {
                    Theap::release_returned(theap);
                    Theap::return_all_active(theap);
                    Theap::end_idle(theap);
                }
            }
        }
    }
}

/// Whether a thread that has not ended holds the theap, which is one of a first-class heap.
fn is_held(theap: *mut Theap) -> bool {
    // SAFETY: theaps are never unmapped, and this word is atomic.
    unsafe { (*theap).tie.holder() != 0 }
}

/// What an [`Area`] says of it.
///
/// # Safety
/// As for [`area_of`].
unsafe fn is_owned(first: Slice) -> bool {
    let owner = first.owner().get();
    // SAFETY: as the caller says.
    let home = if owner == OWNER_SINGLETON { unsafe { Page::origin(first.page()) } } else { owner };
    if home & OF_HEAP == 0 {
        return home != OWNER_NONE || owner == OWNER_SINGLETON;
    }
    Theap::find(home).is_some_and(is_held)
}

/// # Safety
/// A page or run starts in `first`, which nobody else uses.
unsafe fn area_of(first: Slice, owned: bool) -> Area {
    let page = first.page();
    let owner = first.owner().get();
    // SAFETY: as the caller says.
    unsafe {
        if owner == OWNER_SINGLETON {
            let start = Page::run_block(page);
            let bytes = Page::run_slices(page) << SLICE_SHIFT;
            let full_block_size = usable::whole_size(start);
            return Area {
                start,
                reserved: bytes,
                committed: bytes,
                used: 1,
                block_size: full_block_size - usable::padding(),
                full_block_size,
                owned,
            };
        }
        if owner & OF_HEAP != 0 || owner == Theap::id(here::own()) {
            Page::collect_remote(page);
        }
        let class = Page::facts(page);
        let block_size = class.block_size as usize;
        Area {
            start: first.start(),
            reserved: usize::from(class.slices) << SLICE_SHIFT,
            committed: (*page).capacity.get() as usize * block_size,
            used: (*page).used as usize,
            block_size: block_size - usable::padding(),
            full_block_size: block_size,
            owned,
        }
    }
}

/// # Safety
/// As for [`area_of`].
unsafe fn visit_page(
    first: Slice,
    owned: bool,
    blocks: bool,
    visitor: &mut impl FnMut(&Area, Option<NonNull<u8>>) -> bool,
) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        let area = area_of(first, owned);
        if !visitor(&area, None) {
            return false;
        }
        if !blocks {
            return true;
        }
        if first.owner().get() == OWNER_SINGLETON {
            return visitor(&area, NonNull::new(area.start));
        }
        visit_blocks(first.page(), &area, visitor)
    }
}

/// # Safety
/// As for [`visit_page`]; `area` is what `page` is.
unsafe fn visit_blocks(
    page: *mut Page,
    area: &Area,
    visitor: &mut impl FnMut(&Area, Option<NonNull<u8>>) -> bool,
) -> bool {
    let mut free = [0u64; BLOCKS_MAX / 64];
    // SAFETY: the list holds free blocks of the page, all of them below `capacity`.
    unsafe {
        let (mut block, blocks) = ((*page).local_free, (*page).capacity.get() as usize);
        while !block.is_null() {
            let index = block.addr().wrapping_sub(area.start.addr()) / area.full_block_size;
            if index >= blocks {
                // A link that the program has written leads out of the page.
                break;
            }
            free[index / 64] |= 1 << (index % 64);
            let (next, link) = Block::next(block);
            link.tell_otherwise(block, "blocks behind it are taken for blocks in use");
            block = next;
        }
        (0..blocks)
            .filter(|index| free[index / 64] & (1 << (index % 64)) == 0)
            .all(|index| visitor(area, NonNull::new(area.start.add(index * area.full_block_size))))
    }
}
