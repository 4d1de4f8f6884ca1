//! Pages that wait for their turn, oldest first.

use core::ptr;

use super::round::Round;
use crate::geometry::LACKING;
use crate::page::Page;

/// A list through the pages' own links.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queue {
    first: *mut Page,
    last: *mut Page,
    len: u32,
    /// How many more pages gave few blocks than others did, at most [`LACKING`].
    lacking: u32,
}

impl Queue {
    pub(super) const EMPTY: Self = Self { first: ptr::null_mut(), last: ptr::null_mut(), len: 0, lacking: 0 };

    /// How many pages wait.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// To be told whether a page that was looked for gave few blocks.
    pub(super) fn note(&mut self, few: bool) {
        self.lacking = if few { (self.lacking + 1).min(LACKING) } else { self.lacking.saturating_sub(1) };
    }

    /// Whether its pages have too few free blocks to look for.
    pub(super) fn is_lacking(&self) -> bool {
        self.lacking == LACKING
    }

    /// To be told when there are more.
    pub(super) fn relieve(&mut self) {
        self.lacking = 0;
    }

    /// The page that has waited longest; null if none waits.
    pub(super) fn first(&self) -> *mut Page {
        self.first
    }

    /// # Safety
    /// The queue's theap owns `page`, which is in no queue.
    pub(super) unsafe fn push_back(&mut self, page: *mut Page) {
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
    /// `page` is in this queue, and `round` is that of its theap.
    pub(super) unsafe fn remove(&mut self, page: *mut Page, round: &mut Round) {
        // SAFETY: neighbours are in the queue as well.
        unsafe {
            let (next, prev) = ((*page).next, (*page).prev);
            round.pass_over(page, next);
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

    /// Takes the page that has waited longest.
    ///
    /// # Safety
    /// `round` is that of the queue's theap.
    pub(super) unsafe fn pop_front(&mut self, round: &mut Round) -> Option<*mut Page> {
        let page = self.first;
        if page.is_null() {
            return None;
        }
        // SAFETY: the first page of the queue is in it; else as the caller says.
        unsafe { self.remove(page, round) };
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_give_few_blocks_tell_if_they_are_most() {
        let mut queue = Queue::EMPTY;
        (0..10 * LACKING).for_each(|number| queue.note(number % 2 == 0));
        assert!(!queue.is_lacking());
        (1..10 * LACKING).for_each(|number| queue.note(number % 3 != 1));
        assert!(queue.is_lacking());
        queue.relieve();
        assert!(!queue.is_lacking());
    }
}
