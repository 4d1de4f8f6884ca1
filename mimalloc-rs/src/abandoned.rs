//! Pages with free blocks that nobody owns, per class: where a thread looks before it makes a new page.

use crate::arena;
use crate::geometry::CLASSES;
use crate::page::Page;
use crate::page::remote::Unlisted;
use crate::stack::IndexStack;
use crate::sync::AtomicU64;

static LISTED: [IndexStack; CLASSES] = [const { IndexStack::new(AtomicU64::new(0)) }; CLASSES];

/// Gives up a page: nobody owns it afterwards.
///
/// # Safety
/// The caller owns the page, which is in no queue.
pub(crate) unsafe fn give_up(page: *mut Page) {
    // SAFETY: the caller owns the page until one of the releases below succeeds.
    unsafe {
        let class = Page::class(page);
        let number = Page::slice(page).number();
        Page::disown(page, 0);
        let full = (*page).local_free.is_null() && !Page::extendable(page);
        if full && Page::remote(page).release_full() {
            return;
        }
        if Page::remote(page).release_listed() {
            LISTED[class].push(number, Page::listed_next(page));
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
            give_up(page);
        }
    }
}
