//! Peaks in the statistics: they stay when what had them has ended, and are no more than was held at a time.

mod support;

use mimalloc_rs::Heap;
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::{SLICE, Stats};
use support::heap::new;
use support::process;

const SIZE: usize = 500;

/// Fills as many bytes with blocks, and frees them all.
fn fill(here: ThreadHeap<'_>, bytes: usize) {
    let blocks: Vec<_> = (0..bytes / SIZE).map(|_| here.malloc(SIZE)).collect();
    assert!(!blocks.contains(&std::ptr::null_mut()));
    // SAFETY: the blocks are live and given up.
    blocks.into_iter().for_each(|block| unsafe { raw::free(block) });
}

/// All that depend on what the parts of heaps have had.
fn peaks(stats: &Stats) -> Vec<i64> {
    let sums = [stats.malloc_normal, stats.pages, stats.page_committed];
    let bins = stats.bins().flat_map(|bin| [bin.blocks, bin.pages]);
    sums.into_iter().chain(bins).map(|count| count.peak).collect()
}

#[track_caller]
fn assert_none_fell(before: &[i64], now: &[i64]) {
    let fallen: Vec<_> =
        before.iter().zip(now).enumerate().filter(|(_, (before, now))| now < before).collect();
    assert!(fallen.is_empty(), "number, before and now: {fallen:?}");
}

#[test]
fn peaks_of_threads_stay_when_heaps_have_their_parts() {
    process::alone("peaks_of_threads_stay_when_heaps_have_their_parts", || {
        const BYTES: usize = 25 << 20;
        let now = || [Stats::process(), Stats::of(Heap::main())].map(|stats| peaks(&stats));
        fill(ThreadHeap::current(), SIZE);
        std::thread::spawn(|| fill(ThreadHeap::current(), BYTES)).join().unwrap();
        let before = now();
        assert!(before.iter().all(|peaks| peaks[0] >= BYTES as i64));
        let heaps = [(); 3].map(|()| new());
        assert!(heaps.iter().all(|heap| heap.here().is_some()));
        before.iter().zip(now()).for_each(|(before, now)| assert_none_fell(before, &now));
    });
}

#[test]
fn peaks_of_heaps_stay_when_others_have_their_parts() {
    process::alone("peaks_of_heaps_stay_when_others_have_their_parts", || {
        let mut before = peaks(&Stats::process());
        for (heaps, bytes) in [(5, 4 << 20), (1, 1 << 20), (3, 2 << 20), (20, SIZE)] {
            let heaps: Vec<_> = (0..heaps).map(|_| new()).collect();
            heaps.iter().for_each(|heap| fill(heap.here().unwrap(), bytes));
            heaps.into_iter().for_each(Heap::destroy);
            let now = peaks(&Stats::process());
            assert_none_fell(&before, &now);
            before = now;
        }
    });
}

/// Also where few of the blocks that were made there were handed out.
#[test]
fn peaks_of_memory_in_pages_stay_when_the_pages_end() {
    process::alone("peaks_of_memory_in_pages_stay_when_the_pages_end", || {
        let heap = new();
        assert!(!heap.here().unwrap().malloc(SIZE).is_null());
        let before = Stats::process().page_committed.peak;
        heap.destroy();
        assert!(Stats::process().page_committed.peak >= before);
    });
}

#[test]
fn peaks_of_one_after_the_other_are_no_more_than_was_held() {
    process::alone("peaks_of_one_after_the_other_are_no_more_than_was_held", || {
        for _ in 0..200 {
            let heap = new();
            fill(heap.here().unwrap(), 1 << 20);
            heap.destroy();
            std::thread::spawn(|| fill(ThreadHeap::current(), 1 << 20)).join().unwrap();
        }
        let stats = Stats::process();
        let most = stats.committed.peak;
        assert!(most < 100 << 20);
        assert!(stats.malloc_normal.total > most);
        assert!(stats.malloc_normal.peak <= most && stats.page_committed.peak <= most);
        assert!(stats.pages.peak * SLICE as i64 <= most);
        for bin in stats.bins() {
            assert!(bin.blocks.peak * bin.block_size as i64 <= most, "{bin:?}");
            assert!(bin.pages.peak * SLICE as i64 <= most, "{bin:?}");
        }
    });
}
