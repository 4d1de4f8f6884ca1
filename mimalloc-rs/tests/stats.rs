//! Statistics against what the test knows it has done. One test: the numbers are those of the process.

use std::ffi::{c_ulonglong, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::{self, Bin, Holding, Stats};
use mimalloc_rs::{Heap, MiMalloc, hooks};

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

/// A class no one else uses much.
const SIZE: usize = 7000;

fn bin(stats: &Stats) -> Bin {
    bin_of(stats, SIZE)
}

fn bin_of(stats: &Stats, size: usize) -> Bin {
    stats.bins().find(|bin| bin.block_size >= size).unwrap()
}

#[test]
fn numbers_are_those_of_what_was_done() {
    let start = Stats::process();
    let heap = Heap::new().unwrap();
    let here = heap.here().unwrap();
    let blocks: Vec<_> = (0..1000).map(|_| here.malloc(SIZE)).collect();
    let stats = Stats::of(&heap);
    let full = bin(&stats);
    assert_eq!((full.blocks.total, full.blocks.current), (1000, 1000));
    assert_eq!(full.blocks.peak, 1000);
    let guard = if cfg!(feature = "secure") { 4096 } else { 0 };
    let per_page = ((64 << 10) - guard) / full.block_size as i64;
    assert_eq!(full.pages.current, 1000_i64.div_euclid(per_page) + i64::from(1000 % per_page != 0));
    assert_eq!(stats.malloc_normal.current, 1000 * full.block_size as i64);

    let own = bin(&Stats::of_thread(here));
    assert_eq!((own.blocks, own.pages), (full.blocks, full.pages));

    for &p in &blocks[..900] {
        // SAFETY: the block is live and given up.
        unsafe { raw::free(p) };
    }
    let mostly_freed = bin(&Stats::of(&heap));
    assert_eq!(
        (mostly_freed.blocks.total, mostly_freed.blocks.current, mostly_freed.blocks.peak),
        (1000, 100, 1000)
    );

    assert_eq!(bin(&Stats::of_thread(here)).blocks, mostly_freed.blocks);

    let before = Stats::process();
    // A little less, which leaves room for padding and guards.
    let large = here.malloc((10 << 20) - 5000);
    let with_large = Stats::process();
    spans_add_up_to(&with_large, large.addr());
    assert_eq!(with_large.malloc_huge.current - before.malloc_huge.current, 10 << 20);
    assert_eq!(with_large.heaps.current, 2);
    assert!(with_large.committed.current - before.committed.current >= 10 << 20);
    // SAFETY: the block is live and given up.
    unsafe { raw::free(large) };
    heap.destroy();
    let after = Stats::process();
    assert_eq!(after.malloc_huge.current, before.malloc_huge.current);
    assert_eq!(bin(&after).blocks.current, bin(&start).blocks.current, "the heap is gone");
    assert!(bin(&after).blocks.total >= 1000, "what it did is not");
    assert_eq!(after.heaps.current, 1);

    std::thread::spawn(|| {
        let threads = Stats::process().threads;
        assert!(threads.current >= 2 && threads.peak >= threads.current);
        (0..500).for_each(|_| drop(vec![1u8; SIZE]));
    })
    .join()
    .unwrap();
    frees_of_other_threads_count_at_once();
    lists_of_heaps_that_may_end_are_left_alone();
    peaks_are_no_more_than_was_held_at_a_time();
    counts_stay_when_heaps_end();
    heaps_that_are_destroyed_have_allocated_no_more_than_they_did();
    counts_of_the_main_heap_stay_when_threads_end();
    memory_that_goes_back_before_it_is_free_counts();
    deferred_frees_have_a_steady_heartbeat();
}

/// Also before the thread that owns the page has noticed.
fn frees_of_other_threads_count_at_once() {
    let before = bin(&Stats::process()).blocks.current;
    let blocks: Vec<_> = (0..100).map(|_| vec![1u8; SIZE]).collect();
    assert_eq!(bin(&Stats::process()).blocks.current, before + 100);
    std::thread::spawn(|| drop(blocks)).join().unwrap();
    assert_eq!(bin(&Stats::process()).blocks.current, before);
}

/// Blocks that a thread keeps to allocate from are told from those in use where their heap cannot end meanwhile.
fn lists_of_heaps_that_may_end_are_left_alone() {
    let heap = Heap::new().unwrap();
    let current = |stats: &Stats| bin_of(stats, 100).blocks.current;
    let before = current(&Stats::process());
    assert!(!heap.here().unwrap().malloc(100).is_null());
    assert!(current(&Stats::process()) > before + 1);
    assert!(stats::spans().count() > 0 && current(&Stats::process()) > before + 1);
    assert_eq!(current(&Stats::of(&heap)), 1);
    heap.destroy();
}

/// Also where each thread makes pages that another one ends.
fn peaks_are_no_more_than_was_held_at_a_time() {
    let (batches, received) = mpsc::sync_channel::<Vec<Vec<u8>>>(1);
    let consumer = std::thread::spawn(move || received.iter().for_each(drop));
    for _ in 0..500 {
        batches.send((0..500).map(|_| vec![1; SIZE]).collect()).unwrap();
    }
    drop(batches);
    consumer.join().unwrap();
    let stats = Stats::process();
    let bin = bin(&stats);
    assert!(bin.blocks.total >= 250_000);
    assert!(bin.blocks.peak * bin.block_size as i64 <= stats.committed.peak, "{bin:?}");
    assert!(bin.pages.peak * stats::SLICE as i64 <= stats.committed.peak, "{bin:?}");
    assert!(stats.malloc_normal.peak <= stats.committed.peak, "{:?}", stats.malloc_normal);
    assert!(stats.pages.peak * stats::SLICE as i64 <= stats.committed.peak, "{:?}", stats.pages);
}

/// What lies where is what is counted elsewhere; a block of 10 MiB starts at `large`.
fn spans_add_up_to(stats: &Stats, large: usize) {
    let (mut normal, mut huge, mut committed, mut pages, mut end) = (0, 0, 0, 0, 0);
    for span in stats::spans() {
        assert!(span.bytes > 0 && span.bytes.is_multiple_of(stats::SLICE));
        assert!(span.address >= end, "one arena here, in order of address");
        end = span.address + span.bytes;
        if !matches!(span.holding, Holding::Free | Holding::Vacant) {
            committed += span.bytes;
        }
        match span.holding {
            Holding::Page { block_size, used, linked, fits } => {
                assert!(used <= linked && linked <= fits && fits * block_size <= span.bytes);
                normal += used * block_size;
                pages += 1;
            }
            Holding::Block => huge += span.bytes,
            _ => {}
        }
        if span.address == large {
            assert_eq!((span.bytes, span.holding), (10 << 20, Holding::Block));
        }
    }
    assert!(end > large);
    assert_eq!((normal as i64, huge as i64), (stats.malloc_normal.current, stats.malloc_huge.current));
    assert_eq!(committed as i64, stats.committed.current);
    assert!(pages <= stats.pages.current);
}

/// A thread's part of the main heap may serve another heap when the thread has ended, and what it did stays done.
fn counts_of_the_main_heap_stay_when_threads_end() {
    let total = || Stats::of(Heap::main()).malloc_normal.total;
    let fill = |here: ThreadHeap<'_>| {
        for _ in 0..1000 {
            // SAFETY: the block is given up at once.
            unsafe { raw::free(here.malloc(1000)) };
        }
    };
    std::thread::spawn(move || fill(ThreadHeap::current())).join().unwrap();
    let before = total();
    let heaps = [(); 3].map(|()| Heap::new().unwrap());
    heaps.iter().for_each(|heap| fill(heap.here().unwrap()));
    assert!(total() >= before);
}

/// A heap's part is another heap's when the heap has ended, and what it did stays done.
fn counts_stay_when_heaps_end() {
    const HEAPS: i64 = 20;
    let before = Stats::process().pages_extended.total;
    for _ in 0..HEAPS {
        let heap = Heap::new().unwrap();
        assert!(!heap.here().unwrap().malloc(SIZE).is_null());
        heap.destroy();
    }
    assert!(Stats::process().pages_extended.total >= before + HEAPS);
}

/// What a part of a heap kept to allocate from was not allocated.
fn heaps_that_are_destroyed_have_allocated_no_more_than_they_did() {
    const HEAPS: i64 = 100;
    let total = || bin_of(&Stats::process(), 100).blocks.total;
    let before = total();
    for _ in 0..HEAPS {
        let heap = Heap::new().unwrap();
        assert!(!heap.here().unwrap().malloc(100).is_null());
        heap.destroy();
    }
    let allocated = total() - before;
    assert!((HEAPS..2 * HEAPS).contains(&allocated), "{allocated}");
}

/// That of a heap's blocks which another thread freed, and that of a block which is to be zero.
fn memory_that_goes_back_before_it_is_free_counts() {
    let gone_by = |action: &mut dyn FnMut()| {
        let before = Stats::process();
        action();
        let after = Stats::process();
        let calls = after.purge_calls.total - before.purge_calls.total;
        (after.purged.total - before.purged.total, calls)
    };
    let heap = Heap::new().unwrap();
    let here = heap.here().unwrap();
    let (size, count) = (4 << 20, 50);
    let blocks: Vec<_> = (0..count).map(|_| here.malloc(size).expose_provenance()).collect();
    let (bytes, calls) = gone_by(&mut || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for &p in &blocks {
                    // SAFETY: the block is live and given up.
                    unsafe { raw::free(std::ptr::with_exposed_provenance_mut(p)) };
                }
            });
        });
    });
    // Some may keep theirs, in case this thread goes on.
    assert!(bytes > (size * count / 2) as i64 && calls > count as i64 / 2, "{bytes} in {calls}");
    heap.destroy();

    if cfg!(feature = "debug") {
        // Blocks are filled there.
        return;
    }
    let (here, size) = (ThreadHeap::current(), 1 << 30);
    // So that most is still in use: otherwise it would go back when it is free.
    let kept = here.malloc(size / 2);
    // SAFETY: the blocks have this size, are live, and given up.
    unsafe {
        let used = here.malloc(size);
        used.write(1);
        raw::free(used);
        let (bytes, calls) = gone_by(&mut || {
            let zero = here.zalloc(size);
            assert!(zero == used && zero.read() == 0);
            raw::free(zero);
        });
        assert!(bytes >= size as i64 && calls > 0, "{bytes} in {calls}");
        raw::free(kept);
    }
}

/// A thread's heartbeats rise, and are the same in every run.
fn deferred_frees_have_a_steady_heartbeat() {
    static SEEN: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    static LAST: AtomicU64 = AtomicU64::new(0);
    unsafe extern "C" fn deferred(_: bool, heartbeat: c_ulonglong, run: *mut c_void) {
        // Whatever it allocates does not call it again.
        for _ in 0..5000 {
            let p = ThreadHeap::current().malloc(5000);
            // SAFETY: the block is live and given up.
            unsafe { raw::free(p) };
        }
        assert!(LAST.swap(heartbeat, Ordering::Relaxed) < heartbeat);
        let digest = &SEEN[run.addr()];
        digest.store(
            digest.load(Ordering::Relaxed).wrapping_mul(31).wrapping_add(heartbeat),
            Ordering::Relaxed,
        );
    }
    for run in 0..2 {
        LAST.store(0, Ordering::Relaxed);
        std::thread::spawn(move || {
            // SAFETY: the function takes any argument.
            unsafe { hooks::register_deferred_free(Some(deferred), std::ptr::without_provenance_mut(run)) };
            let mut kept = Vec::new();
            for n in 0..20_000 {
                kept.push(ThreadHeap::current().malloc(n % 3000));
                if n % 5 == 0 {
                    // SAFETY: the block is live and given up.
                    unsafe { raw::free(kept.swap_remove(n / 7)) };
                }
            }
            ThreadHeap::current().collect(true);
            for p in kept {
                // SAFETY: the block is live and given up.
                unsafe { raw::free(p) };
            }
        })
        .join()
        .unwrap();
    }
    // SAFETY: no function is registered any more.
    unsafe { hooks::register_deferred_free(None, std::ptr::null_mut()) };
    let [one, other] = [&SEEN[0], &SEEN[1]].map(|seen| seen.load(Ordering::Relaxed));
    assert!(one > 10);
    assert_eq!(one, other, "two equal runs had different heartbeats");
}
