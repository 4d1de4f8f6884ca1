//! Gathering the numbers from where they are counted.

use super::{Count, Counter, Stats};
use crate::arena;
use crate::gauge::Gauge;
use crate::geometry::{SLICE_SHIFT, SLICE_SIZE};
use crate::heap::{self, Heap, Record};
use crate::large;
use crate::page::Page;
use crate::raw::ThreadHeap;
use crate::size_class::CLASS;
use crate::theap::{self, OF_HEAP, Tally, Theap, here};
use crate::thread;

impl Stats {
    /// The numbers of the whole process, of all its threads and heaps.
    ///
    /// Other threads go on meanwhile, so the numbers are those of about the same moment. Blocks that a thread keeps to
    /// allocate from count as in use, unless it is the calling thread and they are of the [main](Heap::main) heap. A peak
    /// is the sum of the peaks of the threads' parts of heaps, those that have ended included, or the most that was held at a
    /// time if that is less: of many parts, one after the other, it may be more than they had at a time.
    ///
    /// ```
    /// use mimalloc_rs::{MiMalloc, stats::Stats};
    /// #[global_allocator]
    /// static GLOBAL: MiMalloc = MiMalloc;
    ///
    /// let before = Stats::process().malloc_normal.current;
    /// let block = vec![0u8; 1000];
    /// assert!(Stats::process().malloc_normal.current >= before + 1000);
    /// # drop(block);
    /// ```
    #[must_use]
    pub fn process() -> Self {
        settle(None);
        let mut stats = Self::empty();
        for theap in theap::POOL.all() {
            // SAFETY: theaps are never unmapped.
            stats.add(&unsafe { Theap::tally(theap) });
        }
        stats.add(&theap::PAST.tally());
        stats.add(&theap::PAST_OF_MAIN.tally());
        stats.look_at_pages(|_| true);
        stats.derive();
        stats.look_at_large_blocks();
        stats.look_at_gauges();
        stats
    }

    /// What the process has, and no heap: memory, arenas, threads, heaps. The others are zero.
    ///
    /// ```
    /// use mimalloc_rs::stats::Stats;
    ///
    /// let stats = Stats::apart_from_heaps();
    /// assert!(stats.heaps.current > 0 && stats.malloc_normal.current == 0);
    /// ```
    #[must_use]
    pub fn apart_from_heaps() -> Self {
        let mut stats = Self::empty();
        stats.look_at_gauges();
        stats
    }

    /// The numbers of one heap: its blocks and pages. The others are zero. Blocks that other threads keep to allocate from
    /// count as in use.
    ///
    /// ```
    /// use mimalloc_rs::{Heap, stats::Stats};
    ///
    /// let heap = Heap::new().expect("memory for one more heap");
    /// let p = heap.here().expect("memory for this thread's part").malloc(1000);
    /// assert!(!p.is_null() && Stats::of(&heap).malloc_normal.current >= 1000);
    /// ```
    #[must_use]
    pub fn of(heap: &Heap) -> Self {
        settle(Some(heap));
        let mut stats = Self::empty();
        for theap in theap::POOL.all() {
            // SAFETY: theaps are never unmapped.
            unsafe {
                if core::ptr::eq(Theap::heap(theap), heap.record()) {
                    stats.add(&Theap::tally(theap));
                }
            }
        }
        if core::ptr::eq(heap.record(), &raw const heap::MAIN) {
            stats.add(&theap::PAST_OF_MAIN.tally());
        }
        stats.look_at_pages(|home| core::ptr::eq(heap_of(home), heap.record()));
        stats.derive();
        stats
    }

    /// The numbers of the calling thread's part of a heap: what it did, and what is in use in its pages, by whichever thread.
    /// Blocks with memory of their own count where the heap is not the [main](Heap::main) one; there they are no thread's.
    ///
    /// ```
    /// use mimalloc_rs::{raw::{self, ThreadHeap}, stats::Stats};
    ///
    /// let p = ThreadHeap::current().malloc(1000);
    /// let in_use = Stats::of_thread(ThreadHeap::current()).malloc_normal;
    /// assert!(in_use.current >= 1000 && in_use.total >= in_use.current);
    /// // SAFETY: `p` is a live block, given up here.
    /// unsafe { raw::free(p) };
    /// ```
    #[must_use]
    pub fn of_thread(here: ThreadHeap<'_>) -> Self {
        let mut stats = Self::empty();
        if let Some(id) = here.settle() {
            stats.add(&here.tally());
            stats.look_at_pages(|home| home == id);
            stats.derive();
        }
        stats
    }

    fn add(&mut self, tally: &Tally) {
        for (class, of_class) in tally.classes.iter().enumerate() {
            let blocks = &mut self.malloc_bins[class];
            blocks.total += of_class.blocks.cast_signed();
            blocks.peak += i64::from(of_class.linked.peak);
            let pages = &mut self.page_bins[class];
            pages.total += of_class.pages_made.cast_signed();
            pages.peak += i64::from(of_class.pages.peak);
        }
        let count = |counter: &mut Counter, amount: u64| counter.total += amount.cast_signed();
        count(&mut self.pages_extended, tally.extended);
        count(&mut self.pages_retire, tally.retired);
        count(&mut self.page_searches, tally.searched);
        count(&mut self.page_searches_count, tally.searches);
        count(&mut self.pages_reclaim_on_alloc, tally.reclaimed_on_alloc);
        count(&mut self.pages_reclaim_on_free, tally.reclaimed_on_free);
    }

    /// Counts what is in use, in the pages and runs whose homes are `wanted`.
    fn look_at_pages(&mut self, wanted: impl Fn(u32) -> bool) {
        for (first, home) in arena::pages().filter(|&(_, home)| wanted(home)) {
            // SAFETY: records are never unmapped, and read whole, as they are or were.
            match unsafe { Page::glance(first) } {
                page if page.is_run => {
                    self.malloc_huge.current += page.bytes as i64;
                    self.malloc_huge.total = self.malloc_huge.current;
                    self.malloc_huge.peak = self.malloc_huge.current;
                }
                page => {
                    self.malloc_bins[page.class].current += i64::from(page.used);
                    self.page_bins[page.class].current += 1;
                    self.page_committed.current += page.bytes as i64;
                    self.pages_abandoned.current += i64::from(home == arena::OWNER_NONE);
                }
            }
        }
    }

    /// Sums up what is known by class.
    ///
    /// A page that one theap makes and another ends stays a part of the first one's level, and theaps that were there one after the
    /// other count as if they had been at the same time. So the sum of the peaks may be nearly the total. It was never more than
    /// all memory that was held at a time.
    fn derive(&mut self) {
        let most = committed().peak;
        self.pages_abandoned.total = self.pages_abandoned.current;
        self.pages_abandoned.peak = self.pages_abandoned.current;
        for (class, facts) in CLASS.iter().enumerate() {
            let blocks = &mut self.malloc_bins[class];
            // Blocks that changed hands between two looks do not make a number impossible.
            let size = i64::from(facts.block_size);
            blocks.total = blocks.total.max(blocks.current);
            let linked = blocks.peak.min(most / size).max(blocks.current);
            blocks.peak = linked.min(blocks.total);
            self.page_committed.peak += linked * size;
            let pages = &mut self.page_bins[class];
            let page_size = i64::from(facts.slices) << SLICE_SHIFT;
            pages.total = pages.total.max(pages.current);
            pages.peak = pages.peak.min(most / page_size).clamp(pages.current, pages.total);
            self.malloc_normal_count.total += blocks.total;
            for (sum, count, unit) in [(&mut self.malloc_normal, *blocks, size), (&mut self.pages, *pages, 1)]
            {
                sum.total += count.total * unit;
                sum.peak += count.peak * unit;
                sum.current += count.current * unit;
            }
        }
        for (sum, most) in [
            (&mut self.malloc_normal, most),
            (&mut self.page_committed, most),
            (&mut self.pages, most >> SLICE_SHIFT),
        ] {
            sum.peak = sum.peak.min(most).max(sum.current);
        }
        self.page_committed.total = self.page_committed.peak;
    }

    /// Blocks of all heaps that are counted for the process as a whole.
    fn look_at_large_blocks(&mut self) {
        self.malloc_huge = read(&large::HELD, SLICE_SIZE);
        self.malloc_huge_count.total = read(&large::COUNT, 1).total;
        #[cfg(feature = "secure")]
        {
            self.malloc_guarded_count.total = read(&crate::guarded::COUNT, 1).total;
        }
    }

    fn look_at_gauges(&mut self) {
        self.reserved = read(&arena::RESERVED, 1);
        self.committed = committed();
        self.arena_count.total = arena::regions().len() as i64;
        self.mmap_calls.total = self.arena_count.total;
        self.commit_calls.total = read(&arena::COMMIT_CALLS, 1).total;
        self.purged.total = purged();
        self.purge_calls.total = read(&arena::PURGE_CALLS, 1).total;
        self.reset.total = read(&arena::OFFERED, SLICE_SIZE).total;
        self.reset_calls.total = read(&arena::OFFER_CALLS, 1).total;
        self.arena_purges.total = read(&arena::PURGES, 1).total;
        self.threads = read(&thread::THREADS, 1);
        self.theaps = read(&theap::LIVE, 1);
        self.heaps = read(&heap::LIVE, 1);
        // The main heap was never made.
        self.heaps =
            Count { total: self.heaps.total + 1, peak: self.heaps.peak + 1, current: self.heaps.current + 1 };
    }
}

/// Bytes of memory that are ready for use.
pub(crate) fn committed() -> Count {
    read(&arena::HELD, SLICE_SIZE)
}

/// Bytes that were given back to the system until now: the total of [`Stats::purged`], without a look at all pages.
///
/// ```
/// use mimalloc_rs::stats::{Stats, purged};
///
/// let before = purged();
/// assert!(Stats::process().purged.total >= before);
/// ```
#[must_use]
pub fn purged() -> i64 {
    read(&arena::PURGED, SLICE_SIZE).total
}

fn read(gauge: &Gauge, unit: usize) -> Count {
    let (total, peak, current) = gauge.read();
    let scaled = |count: u64| count.wrapping_mul(unit as u64).cast_signed();
    Count { total: scaled(total), peak: scaled(peak), current: scaled(current) }
}

/// The heap of pages with this home; null if it came this very moment.
fn heap_of(home: u32) -> *const Record {
    if home & OF_HEAP == 0 {
        return &raw const heap::MAIN;
    }
    // SAFETY: theaps are never unmapped; pages of a first-class heap have one of its theaps as their home.
    Theap::find(home).map_or(core::ptr::null(), |theap| unsafe { Theap::heap(theap) })
}

/// Puts blocks that the calling thread keeps to allocate from, or has freed and not marked yet, where they do not count as in
/// use: those of the main heap, and of `heap`, if one is given. Any other heap may be ended by another thread meanwhile, which takes its theaps apart.
pub(super) fn settle(heap: Option<&Heap>) {
    let thread = here::own();
    // SAFETY: this thread's own theap is nobody else's, and so is the one it has of a heap that does not end, since
    // the caller refers to it.
    unsafe {
        if Theap::is_none(thread) {
            return;
        }
        Theap::settle(thread);
        if let Some(theap) = heap.and_then(|heap| Theap::bond(thread, heap.record().serial())) {
            Theap::return_all_active(theap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_of_a_tally_is_added_to_its_own_number() {
        let mut tally = Tally::ZERO;
        let class = &mut tally.classes[3];
        (class.blocks, class.pages_made) = (1, 2);
        (class.linked.now, class.linked.peak) = (3, 4);
        (class.pages.now, class.pages.peak) = (5, 6);
        (tally.extended, tally.searched, tally.searches) = (7, 8, 9);
        (tally.reclaimed_on_alloc, tally.reclaimed_on_free, tally.retired) = (10, 11, 12);
        let mut stats = Stats::empty();
        stats.add(&tally);
        let (blocks, pages) = (&stats.malloc_bins[3], &stats.page_bins[3]);
        assert_eq!([blocks.total, blocks.peak, pages.total, pages.peak], [1, 4, 2, 6]);
        let counters =
            [&stats.pages_extended, &stats.page_searches, &stats.page_searches_count, &stats.pages_retire];
        assert_eq!(counters.map(|counter| counter.total), [7, 8, 9, 12]);
        let reclaimed = [&stats.pages_reclaim_on_alloc, &stats.pages_reclaim_on_free];
        assert_eq!(reclaimed.map(|counter| counter.total), [10, 11]);
    }
}
