//! What a theap has done, in numbers. Its user writes them on the slow paths; others may read them at any time, and see
//! some earlier value.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::geometry::CLASSES;

/// Something that comes and goes while a thread has the theap. Below zero where it ends more than it made, and too high where
/// others end what it made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    pub(crate) now: i32,
    pub(crate) peak: i32,
}

impl Level {
    pub(crate) fn add(&mut self, count: u32) {
        self.now = self.now.wrapping_add_unsigned(count);
        self.peak = self.peak.max(self.now);
    }

    pub(crate) fn sub(&mut self, count: u32) {
        self.now = self.now.wrapping_sub_unsigned(count);
    }
}

/// What was done for one size class.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct ClassTally {
    /// Blocks that were put into the active list and not taken back: those allocated, but for what is still there.
    pub(crate) blocks: u64,
    /// Blocks that are linked. Pages link blocks when all others are in use, so the peak is nearly that of use.
    pub(crate) linked: Level,
    pub(crate) pages: Level,
    /// Pages that were made.
    pub(crate) pages_made: u64,
}

/// See the [module](self).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Tally {
    pub(crate) classes: [ClassTally; CLASSES],
    /// Times that a page linked more of its blocks.
    pub(crate) extended: u64,
    /// Pages that were looked at for free blocks.
    pub(crate) searched: u64,
    /// Searches.
    pub(crate) searches: u64,
    /// Ownerless pages that were taken to allocate from them.
    pub(crate) reclaimed_on_alloc: u64,
    /// Ownerless pages that were taken because this theap's thread freed into them.
    pub(crate) reclaimed_on_free: u64,
    /// Pages that ended because their last block was freed.
    pub(crate) retired: u64,
}

impl Tally {
    pub(crate) const ZERO: Self = Self {
        classes: [ClassTally {
            blocks: 0,
            linked: Level { now: 0, peak: 0 },
            pages: Level { now: 0, peak: 0 },
            pages_made: 0,
        }; CLASSES],
        extended: 0,
        searched: 0,
        searches: 0,
        reclaimed_on_alloc: 0,
        reclaimed_on_free: 0,
        retired: 0,
    };

    /// The counts that are not of a class.
    fn others(&self) -> [u64; OTHERS] {
        let Self { extended, searched, searches, reclaimed_on_alloc, reclaimed_on_free, retired, .. } = *self;
        [extended, searched, searches, reclaimed_on_alloc, reclaimed_on_free, retired]
    }

    /// To be told that another thread has the theap from now on, which holds nothing yet.
    pub(super) fn on_new_user(&mut self) {
        for class in &mut self.classes {
            class.linked.now = 0;
            class.pages.now = 0;
        }
    }

    pub(super) fn on_page_made(&mut self, class: usize) {
        let class = &mut self.classes[class];
        class.pages_made += 1;
        class.pages.add(1);
    }

    /// Notes the end of a page with `linked` blocks.
    pub(super) fn on_page_ended(&mut self, class: usize, linked: u32) {
        let class = &mut self.classes[class];
        class.pages.sub(1);
        class.linked.sub(linked);
        self.retired += 1;
    }
}

/// How many counts a tally has that are not of a class.
const OTHERS: usize = 6;

/// What theaps have done that serve another heap now.
pub(crate) struct Past {
    classes: [PastOfClass; CLASSES],
    others: [AtomicU64; OTHERS],
}

/// See [`ClassTally`].
struct PastOfClass {
    blocks: AtomicU64,
    pages_made: AtomicU64,
    /// The peaks that the theaps had, added up: nobody knows which of them were there at the same time.
    linked_peaks: AtomicU64,
    pages_peaks: AtomicU64,
}

/// That of the main heap.
pub(crate) static PAST_OF_MAIN: Past = Past::NOTHING;
/// That of all others.
pub(crate) static PAST: Past = Past::NOTHING;

impl Past {
    #[allow(clippy::declare_interior_mutable_const, reason = "what something new is made of")]
    const NOTHING: Self = Self {
        classes: [const {
            PastOfClass {
                blocks: AtomicU64::new(0),
                pages_made: AtomicU64::new(0),
                linked_peaks: AtomicU64::new(0),
                pages_peaks: AtomicU64::new(0),
            }
        }; CLASSES],
        others: [const { AtomicU64::new(0) }; OTHERS],
    };

    /// Keeps the totals and peaks of a theap that is used for another heap from now on.
    pub(super) fn keep(&self, tally: &Tally) {
        for (class, past) in tally.classes.iter().zip(&self.classes) {
            let [linked_peak, pages_peak] =
                [class.linked, class.pages].map(|level| u64::from(level.peak.unsigned_abs()));
            // A theap that only took pages over has blocks all the same, or has linked some.
            if class.blocks | class.pages_made | linked_peak != 0 {
                past.blocks.fetch_add(class.blocks, Ordering::Relaxed);
                past.pages_made.fetch_add(class.pages_made, Ordering::Relaxed);
                past.linked_peaks.fetch_add(linked_peak, Ordering::Relaxed);
                past.pages_peaks.fetch_add(pages_peak, Ordering::Relaxed);
            }
        }
        for (count, past) in tally.others().into_iter().zip(&self.others) {
            past.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// All of it, as if one theap had done it.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::ZERO;
        let peak = |peaks: &AtomicU64| i32::try_from(peaks.load(Ordering::Relaxed)).unwrap_or(i32::MAX);
        for (class, past) in tally.classes.iter_mut().zip(&self.classes) {
            class.blocks = past.blocks.load(Ordering::Relaxed);
            class.pages_made = past.pages_made.load(Ordering::Relaxed);
            class.linked.peak = peak(&past.linked_peaks);
            class.pages.peak = peak(&past.pages_peaks);
        }
        let [extended, searched, searches, reclaimed_on_alloc, reclaimed_on_free, retired] =
            self.others.each_ref().map(|count| count.load(Ordering::Relaxed));
        Tally { extended, searched, searches, reclaimed_on_alloc, reclaimed_on_free, retired, ..tally }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allocated_in_pages_of_others_is_kept() {
        let mut tally = Tally::ZERO;
        tally.classes[3].blocks = 250;
        tally.classes[5].pages_made = 2;
        tally.retired = 7;
        let past = Past::NOTHING;
        past.keep(&tally);
        past.keep(&tally);
        let kept = past.tally();
        assert_eq!((kept.classes[3].blocks, kept.classes[5].pages_made, kept.retired), (500, 4, 14));
    }

    #[test]
    fn every_count_is_kept_as_itself() {
        let mut tally = Tally::ZERO;
        (tally.extended, tally.searched, tally.searches) = (1, 2, 3);
        (tally.reclaimed_on_alloc, tally.reclaimed_on_free, tally.retired) = (4, 5, 6);
        let past = Past::NOTHING;
        past.keep(&tally);
        assert_eq!(past.tally().others(), [1, 2, 3, 4, 5, 6]);
        let Tally { reclaimed_on_alloc, reclaimed_on_free, .. } = past.tally();
        assert_eq!((reclaimed_on_alloc, reclaimed_on_free), (4, 5));
    }

    #[test]
    fn what_ended_is_not_there_when_more_is_made() {
        let mut tally = Tally::ZERO;
        for _ in 0..3 {
            tally.on_page_made(5);
            tally.classes[5].linked.add(250);
            tally.on_page_ended(5, 250);
        }
        let ClassTally { linked, pages, pages_made, .. } = tally.classes[5];
        assert_eq!((linked.peak, pages.peak, pages_made, tally.retired), (250, 1, 3, 3));
        assert_eq!((linked.now, pages.now), (0, 0));
    }

    #[test]
    fn what_a_thread_left_is_not_the_next_ones() {
        let mut tally = Tally::ZERO;
        tally.on_page_made(5);
        tally.classes[5].linked.add(250);
        tally.on_new_user();
        tally.on_page_made(5);
        let ClassTally { linked, pages, pages_made, .. } = tally.classes[5];
        assert_eq!((linked.now, pages.now, linked.peak, pages.peak, pages_made), (0, 1, 250, 1, 2));
    }

    #[test]
    fn peaks_are_kept_also_where_all_that_was_linked_went_back() {
        let mut tally = Tally::ZERO;
        tally.classes[3].linked.add(250);
        tally.classes[3].linked.sub(250);
        tally.on_page_made(5);
        let past = Past::NOTHING;
        past.keep(&tally);
        past.keep(&tally);
        let kept = past.tally();
        assert_eq!((kept.classes[3].linked.peak, kept.classes[5].pages.peak), (500, 2));
    }
}
