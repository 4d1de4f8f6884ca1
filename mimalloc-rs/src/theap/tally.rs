//! What a theap has done, in numbers. Its user writes them on the slow paths; others may read them at any time, and see
//! some earlier value.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::geometry::CLASSES;

/// Something that comes and goes. Below zero where a theap ends more than it made.
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

/// What theaps have done that serve another heap now.
pub(crate) struct Past {
    totals: [[AtomicU64; 2]; CLASSES],
}

/// The only one.
pub(crate) static PAST: Past = Past { totals: [const { [const { AtomicU64::new(0) }; 2] }; CLASSES] };

impl Past {
    /// Keeps the totals of a theap that is used for another heap from now on.
    pub(super) fn keep(&self, tally: &Tally) {
        for (class, [blocks, pages]) in tally.classes.iter().zip(&self.totals) {
            if class.pages_made != 0 {
                blocks.fetch_add(class.blocks, Ordering::Relaxed);
                pages.fetch_add(class.pages_made, Ordering::Relaxed);
            }
        }
    }

    /// Blocks and pages that were made of a class.
    pub(crate) fn of(&self, class: usize) -> (u64, u64) {
        let [blocks, pages] = &self.totals[class];
        (blocks.load(Ordering::Relaxed), pages.load(Ordering::Relaxed))
    }
}
