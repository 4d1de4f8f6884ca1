//! Having all blocks of somebody else's page: the one that is freed last, and those that were freed before, taken back.
//!
//! The page stays its owner's, who finds all blocks in use for a while. Meanwhile nobody else reads or writes what is in them, so
//! the memory behind the page can go back to the system. A page with blocks that were never linked, that its owner
//! has freed, or that it keeps to allocate from is not among those: not all of its blocks were freed by others.

use super::Page;
use super::marks::Batch;
use crate::arena::Slice;
use crate::size_class::is_compact;
use crate::sync::Strict;

/// # Safety
/// As for all of [`Page`], but that the caller holds the blocks in `last` instead of owning the page in `first`, which has an owner.
impl Page {
    /// Whether these are the last blocks of the page in use, and others have freed all the rest.
    #[inline]
    pub(crate) unsafe fn is_vacant_but_for(first: Slice, last: Batch) -> bool {
        // SAFETY: as the caller says, so the page stays what it is.
        unsafe {
            let class = Self::class(first.page());
            let mut others = Self::others(first, last);
            if is_compact(class) {
                let freed = Self::remote_of(first.page(), class).freed_compact();
                return others.all(|blocks| freed.holds(blocks));
            }
            others.all(|blocks| first.marks().has_all(blocks))
        }
    }

    /// Takes those of some blocks back that others have freed: they are the caller's then.
    pub(crate) unsafe fn take_back(first: Slice, blocks: Batch) -> Batch {
        // SAFETY: as the caller says.
        unsafe {
            let class = Self::class(first.page());
            if is_compact(class) {
                return Self::remote_of(first.page(), class).take_back_compact(blocks);
            }
            first.marks().take_back::<Strict>(blocks)
        }
    }

    /// The other blocks of the page.
    pub(crate) unsafe fn others(first: Slice, last: Batch) -> impl Iterator<Item = Batch> + Clone {
        // SAFETY: as the caller says.
        last.others(unsafe { Self::facts(first.page()) }.reserved as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sent;
    use super::*;
    use crate::arena;
    use crate::geometry::SLICE_SIZE;
    use crate::size_class::{self, CLASS};

    /// All that others free into a page with blocks of this size is known for that when it is all but one block, and is taken back.
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
                assert_eq!(Page::free_remote(first, Batch::of(block), |_, _| false), Sent::Away);
            }
            assert!(Page::is_vacant_but_for(first, last));
            assert_eq!(Page::count_marked(first, class) as usize, blocks - 1);
            for others in Page::others(first, last) {
                assert_eq!(Page::take_back(first, others), others);
            }
            assert_eq!(Page::count_marked(first, class), 0);
            assert!(!Page::is_vacant_but_for(first, last));
            Page::dissolve(page);
            arena::release(first, slices);
        }
    }

    #[test]
    fn all_blocks_are_had_if_the_rest_was_freed() {
        [16, 300, 1024, 7000, 30_000].into_iter().for_each(is_vacated);
    }
}
