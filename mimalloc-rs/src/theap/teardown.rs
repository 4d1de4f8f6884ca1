//! When a thread that only frees should collect.
//!
//! A thread that ends one page after the other without making any tears something down. It may be idle afterwards, and
//! then what it keeps for allocations to come would stay, and so would pages of its own that others emptied. So it
//! collects from time to time while it does so.
//!
//! A collection takes longer the more pages a thread has, so the next one waits until more have ended then. And a program that
//! builds up and tears down in quick cycles needs again what a collection puts away, so there is one per millisecond at
//! most, but for some that a thread has saved up.

use crate::geometry::{COLLECT_AFTER, COLLECTIONS_SAVED, PAGES_PER_ENDED};
use crate::os;

/// A thread's tear-down, if there is one. It may be made of zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct TearDown {
    /// Slices of pages that were ended since one was made, or since the last collection.
    ended: u32,
    /// How many lead to a collection, on top of [`COLLECT_AFTER`].
    more: u32,
    /// The millisecond up to which collections have been had, at one for each.
    paid_ms: u64,
}

impl TearDown {
    pub(super) const NONE: Self = Self { ended: 0, more: 0, paid_ms: 0 };

    /// To be told when a page is made.
    #[inline]
    pub(super) fn stop(&mut self) {
        self.ended = 0;
    }

    /// To be told when a page of `slices` slices was ended. Whether it is time to collect.
    #[inline]
    pub(super) fn goes_on(&mut self, slices: u32) -> bool {
        self.ended += slices;
        self.ended >= COLLECT_AFTER + self.more && self.may_collect(os::coarse_ms())
    }

    fn may_collect(&mut self, now_ms: u64) -> bool {
        self.ended = 0;
        let paid = self.paid_ms.max(now_ms.saturating_sub(COLLECTIONS_SAVED));
        let may = paid < now_ms;
        self.paid_ms = paid + u64::from(may);
        may
    }

    /// To be told of a collection and how many pages it has left.
    pub(super) fn collected(&mut self, pages: usize) {
        self.more = (pages / PAGES_PER_ENDED) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends so many slices one by one, and says how often it was time to collect.
    fn collections(thread: &mut TearDown, slices: u32) -> u32 {
        (0..slices).map(|_| u32::from(thread.goes_on(1))).sum()
    }

    #[test]
    fn a_page_that_is_made_begins_the_count_anew() {
        let mut thread = TearDown::NONE;
        for _ in 0..10 {
            assert_eq!(collections(&mut thread, COLLECT_AFTER - 1), 0);
            thread.stop();
        }
        assert_eq!(collections(&mut thread, COLLECT_AFTER), 1);
    }

    #[test]
    fn many_pages_are_looked_through_less_often() {
        let mut thread = TearDown::NONE;
        thread.collected(100 * PAGES_PER_ENDED);
        assert_eq!(collections(&mut thread, COLLECT_AFTER + 99), 0);
        assert_eq!(collections(&mut thread, 1), 1);
    }

    #[test]
    fn collections_that_follow_each_other_are_as_many_as_were_saved_up() {
        let mut thread = TearDown::NONE;
        let allowed =
            |thread: &mut TearDown, now| (0..100).filter(|_| thread.may_collect(now)).count() as u64;
        assert_eq!(allowed(&mut thread, 5000), COLLECTIONS_SAVED);
        assert_eq!(allowed(&mut thread, 5000), 0);
        assert_eq!(allowed(&mut thread, 5003), 3);
        assert_eq!(allowed(&mut thread, 9000), COLLECTIONS_SAVED);
    }
}
