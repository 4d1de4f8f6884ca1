//! Pages with free blocks that nobody owns, per class: where a thread looks before it makes a new page.

use core::ptr;

use crate::arena::{self, Slice};
use crate::geometry::{CLASSES, SWEPT_AT_ONCE};
use crate::page::remote::{Released, Unlisted};
use crate::page::{Batch, Page, Sent};
use crate::stack::IndexStack;
use crate::sync::AtomicU64;

static LISTED: [IndexStack; CLASSES] = [const { IndexStack::new(AtomicU64::new(0)) }; CLASSES];

/// Gives up a page: nobody owns it afterwards. Fails when no block of it is in use: it is still the caller's then.
///
/// # Safety
/// The caller owns the page, which is in no queue.
#[must_use]
pub(crate) unsafe fn give_up(page: *mut Page) -> bool {
    // SAFETY: the caller owns the page until one of the releases below succeeds.
    unsafe {
        let class = Page::class(page);
        let first = Page::slice(page);
        loop {
            Page::collect_remote(page);
            if (*page).used == 0 {
                return false;
            }
            Page::disown(page, 0);
            let full = (*page).local_free.is_null() && !Page::extendable(page);
            // What a heap that has ended leaves in an arena of its own waits there for its blocks.
            let released = if full || first.region.is_exclusive() {
                Page::remote(page).release_full()
            } else {
                match Page::remote(page).release_listed() {
                    Released::ToList => {
                        list(first, class);
                        true
                    }
                    Released::Listed => true,
                    Released::Not => false,
                }
            };
            if released {
                return true;
            }
        }
    }
}

/// Puts a page into the stack.
///
/// # Safety
/// The caller has marked it as listed.
unsafe fn list(first: Slice, class: usize) {
    // SAFETY: as the caller says, so nobody else puts it there.
    unsafe { LISTED[class].push(first.number(), Page::listed_next(first.page(), class)) };
}

/// Frees `blocks` into the page in `first`, which the caller does not own. True if it is the caller's now: it had no owner,
/// and the caller `wants` it, given its class and who owned it last, or nobody holds another block of it.
///
/// # Safety
/// The caller gives up the blocks, which are the page's.
#[inline(always)]
pub(crate) unsafe fn free_into(first: Slice, blocks: Batch, wants: impl Fn(usize, u32) -> bool) -> bool {
    // SAFETY: as the caller says. A page whose marks are set may end, and another of any class may be here, of the
    // same kind: who finds it in this stack looks at that.
    unsafe {
        let class = Page::class(first.page());
        match Page::free_remote(first, blocks, wants) {
            Sent::Away => false,
            Sent::Claimed => true,
            Sent::ToList => {
                list(first, class);
                false
            }
        }
    }
}

/// Gives up a page, or gives its memory back.
///
/// # Safety
/// As for [`give_up`].
pub(crate) unsafe fn leave(page: *mut Page) {
    // SAFETY: as the caller says; a page of which no block is in use may end.
    unsafe {
        if !give_up(page) {
            let (first, slices) = Page::dissolve(page);
            arena::release(first, slices);
        }
    }
}

/// Takes a page of `class`; the caller owns it.
pub(crate) fn pop(class: usize) -> Option<*mut Page> {
    loop {
        if let Some(page) = take_entry(class)? {
            // SAFETY: the page was claimed above.
            unsafe {
                if is_here(page, class) {
                    return Some(page);
                }
                leave(page);
            }
        }
    }
}

/// Takes entries of pages that have gone from among the first few of the stack of `class`. A page of another class that is made where
/// such an entry stands cannot be entered in its own stack as long as it does, whatever others free there.
pub(crate) fn sweep(class: usize) {
    let mut here = [ptr::null_mut(); SWEPT_AT_ONCE];
    for place in &mut here {
        let Some(entry) = take_entry(class) else { break };
        if let Some(page) = entry {
            // SAFETY: the page was claimed above.
            unsafe {
                if is_here(page, class) {
                    *place = page;
                } else {
                    leave(page);
                }
            }
        }
    }
    for page in here.into_iter().rev().filter(|page| !page.is_null()) {
        // SAFETY: as above.
        unsafe { leave(page) };
    }
}

/// Takes the entry at the top of a stack, and its page, unless somebody owns that.
fn take_entry(class: usize) -> Option<Option<*mut Page>> {
    // SAFETY: records are never unmapped; only numbers of records are in the stack.
    let number = LISTED[class]
        .pop(|number| unsafe { Page::listed_next(arena::slice_of_number(number).page(), class) })?;
    let page = arena::slice_of_number(number).page();
    // SAFETY: as above. Claimed means that the caller owns the page from then on.
    let is_claimed = unsafe { Page::remote_of(page, class).unlist() == Unlisted::Claimed };
    Some(is_claimed.then_some(page))
}

/// Whether a page that stood in the stack of `class` belongs there: its memory may have been used again for another class while
/// the old entry stood.
///
/// # Safety
/// The caller owns the page.
unsafe fn is_here(page: *mut Page, class: usize) -> bool {
    // SAFETY: as the caller says.
    unsafe { Page::class(page) == class && !Page::slice(page).region.is_exclusive() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::SLICE_SIZE;
    use crate::size_class;

    /// The id of no theap.
    const NOBODY: u32 = 0;

    /// Makes a page of `class` with a block in use, and gives it up.
    fn give_up_page(first: Slice, class: usize) {
        // SAFETY: the caller holds the slice.
        unsafe {
            let page = Page::init(first, class, NOBODY);
            Page::extend(page);
            assert!(give_up(page));
        }
    }

    #[test]
    fn a_page_that_is_there_does_not_keep_old_entries_below_it() {
        let [gone, there] = [(); 2].map(|()| arena::allocate(1, SLICE_SIZE).expect("memory").first);
        let (class, other) = (size_class::of(5000), size_class::of(6000));
        give_up_page(gone, class);
        // SAFETY: the first block is in use, as are the others when the page ends: nobody has a pointer to them.
        unsafe {
            assert!(free_into(gone, Batch::of(0), |_, _| true), "the page has an owner");
            Page::dissolve(gone.page());
        }
        give_up_page(there, class);
        // SAFETY: the slice is the test's, and the page nobody's.
        assert!(unsafe { Page::remote(Page::init(gone, other, NOBODY)).is_listed() });
        sweep(class);
        // SAFETY: as above.
        assert!(unsafe { !Page::remote(gone.page()).is_listed() });
        assert_eq!([pop(class), pop(class)], [Some(there.page()), None]);
        for slice in [gone, there] {
            // SAFETY: as above.
            unsafe {
                Page::dissolve(slice.page());
                arena::release(slice, 1);
            }
        }
    }

    #[test]
    fn an_old_entry_of_a_page_keeps_its_place_in_the_stack() {
        let [first, second, third] = [(); 3].map(|()| arena::allocate(1, SLICE_SIZE).expect("memory").first);
        let (few, many) = (size_class::of(7000), size_class::of(300));
        give_up_page(second, few);
        give_up_page(first, few);
        // SAFETY: the first block is in use, as are the others when the page ends: nobody has a pointer to them.
        unsafe {
            assert!(free_into(first, Batch::of(0), |_, _| true), "the page has an owner");
            Page::dissolve(first.page());
        }
        give_up_page(third, many);
        give_up_page(first, many);
        assert_eq!([pop(few), pop(few)], [Some(second.page()), None]);
        assert_eq!([pop(many), pop(many), pop(many)], [Some(first.page()), Some(third.page()), None]);
        give_up_page(third, many);
        give_up_page(first, few);
        // SAFETY: as above.
        unsafe {
            assert!(free_into(first, Batch::of(0), |_, _| true), "the page has an owner");
            Page::dissolve(first.page());
            let is_listed = |class| Page::remote(Page::init(first, class, NOBODY)).is_listed();
            let other = few + 1;
            assert!(is_listed(other) && !is_listed(many));
            sweep(many);
            assert!(is_listed(other), "a page that is there");
            sweep(few);
            assert!(!is_listed(other));
        }
        assert_eq!([pop(many), pop(many)], [Some(third.page()), None]);
        for slice in [first, second, third] {
            // SAFETY: the pages are this test's; see above.
            unsafe {
                Page::dissolve(slice.page());
                arena::release(slice, 1);
            }
        }
    }
}
