//! Going round the pages that other threads emptied.
//!
//! What others free into a page is found when its owner comes there for blocks. It does not come to pages of sizes that it
//! has stopped to allocate. So a thread that refills lists of any class looks at its waiting pages of one class after the other,
//! at all of them in about a second. It looks at marks and not at blocks, and a page with one that is in use stays as it is.
//!
//! An allocation has to wait for the looks that are taken in it, so they are few at a time, however many pages wait.

use core::ptr;

use super::Theap;
use crate::geometry::{CLASSES, LOOKS_PER_TICK, ROUND_MS};
use crate::options::{self, Opt};
use crate::os;
use crate::page::Page;

/// How far a theap has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    /// The last turn that it began. Each is that of the class with its number, counted round and round.
    turn: u32,
    /// Pages to look at still: those that go to the end of the queue meanwhile would come up again.
    left: u32,
    /// The next of them; null if there is none.
    ahead: *mut Page,
}

/// From the turn of one class to that of the next.
const TURN_MS: u64 = ROUND_MS / CLASSES as u64;

impl Round {
    /// Where nobody has looked yet.
    pub(super) const START: Self = Self { turn: 0, left: 0, ahead: ptr::null_mut() };

    /// The class whose turn comes next, if it has by `now`. Whole rounds that were missed are not made up for.
    fn next_class(&mut self, now: u32) -> Option<usize> {
        const ROUND: u32 = CLASSES as u32;
        let behind = now.wrapping_sub(self.turn);
        if behind == 0 {
            return None;
        }
        let missed = (behind / ROUND).saturating_sub(1) * ROUND;
        self.turn = self.turn.wrapping_add(missed + 1);
        Some(self.turn as usize % CLASSES)
    }

    /// The next page.
    ///
    /// # Safety
    /// The caller owns the theap.
    unsafe fn next_page(&mut self) -> Option<*mut Page> {
        self.left = self.left.checked_sub(1)?;
        let page = self.ahead;
        // SAFETY: it is in the queue of its class, so it is the theap's: what leaves the queue is passed over.
        self.ahead = unsafe { page.as_ref()?.next };
        Some(page)
    }

    /// To be told when a page leaves its queue, in which `next` comes behind it.
    #[inline]
    pub(super) fn pass_over(&mut self, page: *mut Page, next: *mut Page) {
        if self.ahead == page {
            self.ahead = next;
        }
    }
}

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// Ends pages without a block in use, of the classes whose turns have come: as many as are looked at in one allocation.
    pub(super) unsafe fn go_round(theap: *mut Theap) {
        // SAFETY: the theap is the caller's, and so are the pages in its queues. Of a page with as many marks as blocks in use nobody
        // has a block. Who is told of memory that goes back may free, and end other pages.
        unsafe {
            if options::get(Opt::PurgeDelay) < 0 {
                return;
            }
            let turn = (os::coarse_ms() / TURN_MS) as u32;
            for _ in 0..LOOKS_PER_TICK {
                let Some(page) = Self::next_of_round(theap, turn) else { break };
                if Page::is_emptied(page) {
                    (*theap).queues[Page::class(page)].remove(page, &mut (*theap).round);
                    Page::forget_remote(page);
                    Self::dissolve(theap, page);
                }
            }
        }
    }

    /// The next page to look at, of this class or another one whose turn has come.
    unsafe fn next_of_round(theap: *mut Theap, turn: u32) -> Option<*mut Page> {
        // SAFETY: the caller owns the theap.
        unsafe {
            let round = &raw mut (*theap).round;
            loop {
                if let Some(page) = (*round).next_page() {
                    return Some(page);
                }
                let queue = &(*theap).queues[(*round).next_class(turn)?];
                ((*round).ahead, (*round).left) = (queue.first(), queue.len() as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::Heap;
    use crate::raw;

    /// The classes that come up until this turn.
    fn due(round: &mut Round, turn: usize) -> Vec<usize> {
        core::iter::from_fn(|| round.next_class(turn as u32)).collect()
    }

    #[test]
    fn each_class_has_its_turn_once_in_a_round() {
        let mut round = Round::START;
        assert_eq!(due(&mut round, CLASSES * 20).len(), CLASSES, "nobody has looked before");
        let turns: Vec<_> = (1..=CLASSES).flat_map(|turn| due(&mut round, CLASSES * 20 + turn)).collect();
        assert_eq!(turns, (1..CLASSES).chain([0]).collect::<Vec<_>>());
    }

    #[test]
    fn turns_that_were_missed_are_made_up_for() {
        let mut round = Round::START;
        due(&mut round, CLASSES * 20);
        assert!(due(&mut round, CLASSES * 20).is_empty());
        assert_eq!(due(&mut round, CLASSES * 20 + 3), [1, 2, 3]);
        assert_eq!(due(&mut round, CLASSES * 20 + 4), [4]);
        assert_eq!(due(&mut round, CLASSES * 21 + 4).len(), CLASSES);
    }

    /// However long each takes.
    #[test]
    fn no_class_is_left_out() {
        for apart in [1, 3, CLASSES - 1, CLASSES, CLASSES + 1, 5 * CLASSES] {
            let mut round = Round::START;
            let classes = (1..=CLASSES).map(|turn| round.next_class((turn * apart) as u32));
            assert!(classes.eq((1..CLASSES).chain([0]).map(Some)), "{apart}");
        }
    }

    /// Bytes of blocks of which nine at most share a page.
    const SIZE: usize = 7 << 10;

    /// Does something with the calling thread's part of a heap that has so many pages or some more, and all blocks.
    fn with_pages(count: usize, act: impl FnOnce(*mut Theap, Vec<*mut u8>)) {
        let heap = Heap::new().expect("memory for one more heap");
        let here = heap.here().expect("memory for this thread's part");
        // One more is the current page.
        let blocks: Vec<_> = (0..(count + 1) * 9).map(|_| here.malloc(SIZE)).collect();
        assert!(!blocks.contains(&ptr::null_mut()));
        let theap = heap.record().theap_here().expect("it was made above");
        // SAFETY: the calling thread uses the theap.
        unsafe { (*theap).round = Round::START };
        act(theap, blocks);
        heap.destroy();
    }

    /// The page of a block.
    fn page_of(block: *mut u8) -> *mut Page {
        crate::free::page_start(block).expect("a block").0.page()
    }

    /// Ends the pages of these blocks as if others had freed them all.
    fn free_elsewhere(blocks: &[*mut u8]) {
        let blocks: Vec<_> = blocks.iter().map(|block| block.expose_provenance()).collect();
        let free = |block| {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(ptr::with_exposed_provenance_mut(block)) }
        };
        std::thread::spawn(move || blocks.into_iter().for_each(free)).join().expect("it only frees");
    }

    #[test]
    fn an_allocation_waits_for_few_looks_and_all_pages_are_looked_at_in_the_end() {
        const PAGES: usize = 2 * LOOKS_PER_TICK + 9;
        with_pages(PAGES, |theap, blocks| {
            // SAFETY: the calling thread uses the theap.
            let waiting = || unsafe { (*theap).queues.iter().map(super::super::Queue::len).sum::<usize>() };
            let before = waiting();
            assert!(before >= PAGES);
            free_elsewhere(&blocks);
            for looks in 1..=2 {
                // SAFETY: as above.
                unsafe { Theap::go_round(theap) };
                assert_eq!(before - waiting(), looks * LOOKS_PER_TICK);
            }
            // SAFETY: as above.
            unsafe { Theap::go_round(theap) };
            assert_eq!(waiting(), 0);
        });
    }

    #[test]
    fn pages_with_blocks_in_use_stay_where_they_are() {
        with_pages(9, |theap, blocks| {
            // SAFETY: the blocks are live.
            let class = unsafe { Page::class(page_of(blocks[0])) };
            let order = || {
                // SAFETY: the calling thread uses the theap, and the pages are in its queue.
                let next = |page: &*mut Page| unsafe { page.as_ref()?.next.as_ref() }.map(ptr::from_ref);
                // SAFETY: as above.
                let first = unsafe { (*theap).queues[class].first() };
                core::iter::successors(Some(first), |page| next(page).map(<*const Page>::cast_mut))
                    .collect::<Vec<_>>()
            };
            let before = order();
            // All blocks of the third page, and all but one of each of the others.
            let mut kept = Vec::from([before[2]]);
            let freed = blocks.into_iter().filter(|&block| {
                let page = page_of(block);
                let stays = !kept.contains(&page);
                if stays {
                    kept.push(page);
                }
                !stays
            });
            free_elsewhere(&freed.collect::<Vec<_>>());
            // SAFETY: as above.
            unsafe { Theap::go_round(theap) };
            let mut expected = before.clone();
            expected.remove(2);
            assert_eq!(order(), expected);
        });
    }

    #[test]
    fn what_leaves_the_queue_is_passed_over() {
        with_pages(5, |theap, blocks| {
            // SAFETY: the blocks are live.
            let class = unsafe { Page::class(page_of(blocks[0])) };
            // SAFETY: the calling thread uses the theap.
            unsafe {
                (*theap).round.turn = class as u32 - 1;
                let turn = class as u32;
                let waiting = (*theap).queues[class].len();
                let first = Theap::next_of_round(theap, turn).expect("five wait");
                assert_eq!(first, (*theap).queues[class].first());
                let (second, third) = ((*first).next, (*(*first).next).next);
                // One that its thread empties, which ends it, and one that goes to the end.
                blocks
                    .into_iter()
                    .filter(|&block| page_of(block) == second)
                    .for_each(|block| raw::free(block));
                (*theap).queues[class].remove(third, &mut (*theap).round);
                (*theap).queues[class].push_back(third);
                let rest: Vec<_> = core::iter::from_fn(|| Theap::next_of_round(theap, turn)).collect();
                assert_eq!((rest.len(), rest.last()), (waiting - 2, Some(&third)));
                assert!(!rest.contains(&second));
            }
        });
    }
}
