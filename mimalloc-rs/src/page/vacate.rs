//! Having all blocks of somebody else's page: the one that is freed last, and those that were freed before, taken back.
//!
//! The page stays its owner's, who finds all blocks in use for a while. Meanwhile nobody else reads or writes what is in them, so
//! the memory behind the page can go back to the system. A page with blocks that were never linked, that its owner
//! has freed, or that it keeps to allocate from is not among those: not all of its blocks were freed by others.

use super::marks::Batch;
use super::{Page, Sent};
use crate::arena::Slice;
use crate::size_class::{CLASS, is_compact};

/// # Safety
/// As for all of [`Page`], but that the caller holds the blocks in `last` instead of owning the page in `first`, which has an owner.
impl Page {
    /// Whether these are the last blocks of the page in use, and others have freed all the rest.
    #[inline]
    pub(crate) unsafe fn is_vacant_but_for(first: Slice, last: Batch) -> bool {
        // SAFETY: as the caller says, so the page stays what it is.
        unsafe {
            let class = Self::class(first.page());
            let mut others = last.others(CLASS[class].reserved as usize);
            if is_compact(class) {
                let freed = Self::remote_of(first.page(), class).freed_compact();
                return others.all(|blocks| freed.holds(blocks));
            }
            others.all(|blocks| first.marks().has_all(blocks))
        }
    }

    /// Takes back all that others have freed. If that is not all the rest, nothing has changed.
    pub(crate) unsafe fn vacate_but_for(first: Slice, last: Batch) -> bool {
        // SAFETY: as the caller says.
        unsafe {
            let class = Self::class(first.page());
            let mut others = last.others(CLASS[class].reserved as usize);
            let remote = Self::remote_of(first.page(), class);
            if is_compact(class) {
                return others.all(|blocks| remote.take_back_compact(blocks));
            }
            remote.take_back(first.marks(), others)
        }
    }

    /// Frees all blocks of the page, which the caller has.
    pub(crate) unsafe fn free_all(first: Slice) {
        // SAFETY: as the caller says, so the page stays what it is until the last of them is marked, and it has an owner.
        unsafe {
            let reserved = Self::facts(first.page()).reserved;
            for blocks in Batch::NONE.others(reserved as usize) {
                let sent = Self::free_remote(first, blocks, |_, _| false);
                debug_assert_eq!(sent, Sent::Away);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena;
    use crate::geometry::SLICE_SIZE;
    use crate::size_class;

    /// All that others free into a page with blocks of this size is taken back, if it is all but one block, and freed again.
    fn is_vacated(size: usize) {
        let class = size_class::of(size);
        let slices = usize::from(CLASS[class].slices);
        let first = arena::allocate(slices, SLICE_SIZE).expect("memory").first;
        // SAFETY: the slices are this test's, and so is the page, of which nobody has a pointer to a block.
        unsafe {
            let page = Page::init(first, class, 0);
            Page::extend_all(page);
            Page::take_local(page);
            let blocks = CLASS[class].reserved as usize;
            let last = Batch::of(blocks / 2);
            for block in (0..blocks).filter(|&block| block != blocks / 2) {
                assert!(!Page::is_vacant_but_for(first, last), "block {block} is in use");
                assert!(!Page::vacate_but_for(first, last));
                assert_eq!(Page::free_remote(first, Batch::of(block), |_, _| false), Sent::Away);
            }
            assert!(Page::is_vacant_but_for(first, last));
            assert_eq!(Page::count_marked(first, class) as usize, blocks - 1);
            assert!(Page::vacate_but_for(first, last));
            assert_eq!(Page::count_marked(first, class), 0);
            Page::free_all(first);
            assert!(Page::is_emptied(page));
            Page::forget_remote(page);
            Page::dissolve(page);
            arena::release(first, slices);
        }
    }

    #[test]
    fn all_blocks_are_had_if_the_rest_was_freed() {
        [16, 300, 1024, 7000, 30_000].into_iter().for_each(is_vacated);
    }
}
