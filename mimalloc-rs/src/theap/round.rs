//! Going round the pages that other threads emptied.
//!
//! What others free into a page is found when its owner comes there for blocks. It does not come to pages of sizes that it
//! has stopped to allocate. So a thread that refills lists of any class looks at its waiting pages of one class after the other,
//! at all of them in about a second. It looks at marks and not at blocks, and a page with one that is in use stays as it is.

use super::Theap;
use crate::geometry::{CLASSES, ROUND_MS};
use crate::options::{self, Opt};
use crate::os;
use crate::page::Page;

/// How far a theap has come: the last turn it knows of. Each turn is that of the class with its number, counted round and round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round(u32);

/// From the turn of one class to that of the next.
const TURN_MS: u64 = ROUND_MS / CLASSES as u64;

impl Round {
    /// Where nobody has looked yet.
    pub(super) const START: Self = Self(0);

    /// The classes whose turns have come by `now_ms`.
    fn due(&mut self, now_ms: u64) -> impl Iterator<Item = usize> {
        let turn = (now_ms / TURN_MS) as u32;
        let count = turn.wrapping_sub(self.0).min(CLASSES as u32);
        self.0 = turn;
        (0..count).map(move |back| turn.wrapping_sub(back) as usize % CLASSES)
    }
}

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// Ends pages without a block in use, of the classes whose turns have come.
    pub(super) unsafe fn go_round(theap: *mut Theap) {
        // SAFETY: the caller owns the theap.
        let due = unsafe { (*theap).round.due(os::coarse_ms()) };
        if options::get(Opt::PurgeDelay) >= 0 {
            // SAFETY: as above.
            due.for_each(|class| unsafe { Self::end_emptied(theap, class) });
        }
    }

    /// Ends the waiting pages of a class that others emptied.
    unsafe fn end_emptied(theap: *mut Theap, class: usize) {
        // SAFETY: the theap owns the pages in its queue. Of a page with as many marks as blocks in use nobody has a block.
        unsafe {
            // Who is told of memory that goes back may free, and end other pages of the queue.
            for _ in 0..(*theap).queues[class].len() {
                let Some(page) = (*theap).queues[class].pop_front() else { break };
                if Page::is_emptied(page) {
                    Page::forget_remote(page);
                    Self::dissolve(theap, page);
                } else {
                    (*theap).queues[class].push_back(page);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn each_class_has_its_turn_once_in_a_round() {
        let mut round = Round::START;
        assert_eq!(round.due(TURN_MS * 5000).count(), CLASSES, "nobody has looked before");
        let mut turns = [0; CLASSES];
        for ms in 1..=TURN_MS * CLASSES as u64 {
            round.due(TURN_MS * 5000 + ms).for_each(|class| turns[class] += 1);
        }
        assert_eq!(turns, [1; CLASSES]);
    }

    #[test]
    fn turns_that_were_missed_are_made_up_for() {
        let mut round = Round::START;
        let mut due = |turn| round.due(TURN_MS * turn).collect::<Vec<_>>();
        due(CLASSES as u64 * 20);
        assert!(due(CLASSES as u64 * 20).is_empty());
        assert_eq!(due(CLASSES as u64 * 20 + 3), [3, 2, 1]);
        assert_eq!(due(CLASSES as u64 * 20 + 4), [4]);
        assert_eq!(due(5000).len(), CLASSES);
    }
}
