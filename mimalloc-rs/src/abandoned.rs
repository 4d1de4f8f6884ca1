//! Pages with free blocks that nobody owns, per class: where a thread looks before it makes a new page.

use crate::arena;
use crate::geometry::CLASSES;
use crate::page::Page;
use crate::page::remote::{Released, Unlisted};
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
        let number = Page::slice(page).number();
        loop {
            Page::collect_remote(page);
            if (*page).used == 0 {
                return false;
            }
            Page::disown(page, 0);
            let full = (*page).local_free.is_null() && !Page::extendable(page);
            let released = if full {
                Page::remote(page).release_full()
            } else {
                match Page::remote(page).release_listed() {
                    Released::ToList => {
                        LISTED[class].push(number, Page::listed_next(page));
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
        // SAFETY: records are never unmapped; only numbers of records are in the stack.
        let number = LISTED[class]
            .pop(|number| unsafe { Page::listed_next(arena::slice_of_number(number).page()) })?;
        let page = arena::slice_of_number(number).page();
        // SAFETY: as above. Claimed means that the caller owns the page from then on.
        unsafe {
            if Page::remote(page).unlist() == Unlisted::Busy {
                continue;
            }
            if Page::class(page) == class {
                return Some(page);
            }
            // The page's memory was used again for another class while the old entry stood here.
            leave(page);
        }
    }
}
