//! Options that claim to work do.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use mimalloc_rs::Arena;
use mimalloc_rs::options::{self, Opt};
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use support::process;

const MIB: usize = 1 << 20;

/// Allocates and frees a block that takes a slow path, where memory goes back that is due.
fn pass_by() {
    // SAFETY: the block is live and given up.
    unsafe { raw::free(ThreadHeap::current().malloc(100_000)) };
}

/// Frees a touched block of 32 MiB, passes some time with other blocks of that kind, and tells how much of it is still
/// resident.
fn left_resident(after: Duration) -> usize {
    let before = process::resident();
    let p = ThreadHeap::current().malloc(32 * MIB);
    // SAFETY: the block is live, has this size, and is given up.
    unsafe {
        p.write_bytes(1, 32 * MIB);
        raw::free(p);
    }
    for _ in 0..10 {
        thread::sleep(after / 10);
        pass_by();
    }
    process::resident().saturating_sub(before)
}

#[test]
fn memory_that_is_offered_is_told_from_what_is_given_back() {
    let bytes = 32 * MIB as i64;
    let offers = [("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_PURGE_DECOMMITS", "0")];
    process::alone_with("memory_that_is_offered_is_told_from_what_is_given_back", &offers, || {
        left_resident(Duration::ZERO);
        let stats = Stats::process();
        assert!(stats.reset.total >= bytes && stats.purged.total >= stats.reset.total, "{stats}");
        assert!(stats.reset_calls.total > 0 && stats.purge_calls.total >= stats.reset_calls.total, "{stats}");
        options::set(Opt::PurgeDecommits, 1);
        left_resident(Duration::ZERO);
        let after = Stats::process();
        assert_eq!((after.reset, after.reset_calls), (stats.reset, stats.reset_calls));
        assert!(after.purged.total > stats.purged.total);
    });
}

#[test]
fn freed_memory_goes_back_at_once() {
    process::alone_with("freed_memory_goes_back_at_once", &[("MIMALLOC_PURGE_DELAY", "0")], || {
        // So that most is still in use: otherwise it would go back in any case.
        let kept = ThreadHeap::current().malloc(64 * MIB);
        assert!(left_resident(Duration::ZERO) < MIB);
        // SAFETY: the block is live and given up.
        unsafe { raw::free(kept) };
    });
}

#[test]
fn freed_memory_goes_back_after_a_while() {
    process::alone("freed_memory_goes_back_after_a_while", || {
        // So that most is still in use: otherwise it would go back at once.
        let kept = ThreadHeap::current().malloc(64 * MIB);
        let before = process::resident();
        let delay = options::get(Opt::PurgeDelay);
        options::set(Opt::PurgeDelay, 3_600_000);
        assert!(left_resident(Duration::ZERO) > 30 * MIB, "a moment later it is still there");
        options::set(Opt::PurgeDelay, delay);
        let deadline = Instant::now() + Duration::from_secs(60);
        while process::resident() >= before + MIB {
            assert!(Instant::now() < deadline, "it stays");
            thread::sleep(Duration::from_millis(10));
            pass_by();
        }
        // SAFETY: the block is live and given up.
        unsafe { raw::free(kept) };
    });
}

#[test]
fn when_most_memory_is_freed_it_goes_back_at_once() {
    process::alone("when_most_memory_is_freed_it_goes_back_at_once", || {
        assert!(left_resident(Duration::ZERO) < 4 * MIB);
    });
}

#[test]
fn memory_stays_when_giving_it_back_was_wrong_before() {
    process::alone("memory_stays_when_giving_it_back_was_wrong_before", || {
        let before = process::resident();
        let stays = |_: &i32| {
            left_resident(Duration::ZERO);
            process::resident() > before + 30 * MIB
        };
        let start = Instant::now();
        let gone = (0..20).filter(|round| !stays(round)).count() as u64;
        // In a second it may go back once more: what was wrong is made up for, or it was free all the time.
        assert!(gone <= 2 + start.elapsed().as_secs(), "{gone}");
    });
}

#[test]
fn freed_memory_never_goes_back() {
    process::alone_with("freed_memory_never_goes_back", &[("mimalloc_purge_delay", "-1")], || {
        assert!(left_resident(Duration::from_secs(1)) > 30 * MIB);
    });
}

/// It is left to the thread whose purge is under way and has passed it.
#[test]
fn freed_memory_goes_back_on_demand_behind_a_purge_under_way() {
    // Nothing goes back by itself, and a purge of small pages takes a while.
    let slowly = [("MIMALLOC_PURGE_DELAY", "-1"), ("MIMALLOC_ALLOW_THP", "0")];
    process::alone_with("freed_memory_goes_back_on_demand_behind_a_purge_under_way", &slowly, || {
        let before = process::resident();
        let [passed_first, rest] =
            [64, 512].map(|count| (0..count).map(|_| touched(MIB)).collect::<Vec<_>>());
        let free_and_collect = |blocks: &[usize]| {
            // SAFETY: the blocks are live and given up.
            blocks.iter().for_each(|&p| unsafe { raw::free(std::ptr::with_exposed_provenance_mut::<u8>(p)) });
            ThreadHeap::current().collect(true);
        };
        thread::scope(|scope| {
            scope.spawn(|| free_and_collect(&rest));
            while Stats::process().purged.total == 0 {
                std::hint::spin_loop();
            }
            free_and_collect(&passed_first);
        });
        let left = process::resident().saturating_sub(before);
        assert!(left < 16 * MIB, "{} MiB are left", left / MIB);
    });
}

/// Where a block of this size is that holds its memory.
fn touched(size: usize) -> usize {
    let p = ThreadHeap::current().malloc(size);
    // SAFETY: the block has this size.
    unsafe { p.write_bytes(1, size) };
    p.expose_provenance()
}

#[test]
fn small_stretches_stay() {
    process::alone_with("small_stretches_stay", &[("MIMALLOC_MINIMAL_PURGE_SIZE", "64MiB")], || {
        assert!(left_resident(Duration::from_secs(1)) > 30 * MIB);
    });
}

#[test]
fn memory_is_offered_instead_of_given_back() {
    let offered = [("MIMALLOC_PURGE_DECOMMITS", "0"), ("MIMALLOC_PURGE_DELAY", "0")];
    process::alone_with("memory_is_offered_instead_of_given_back", &offered, || {
        assert!(left_resident(Duration::ZERO) > 30 * MIB, "the system takes it when it needs some");
        let stats = Stats::process();
        assert!(stats.purge_calls.total > 0);
        let p = ThreadHeap::current().zalloc(32 * MIB);
        // SAFETY: the block has this size.
        let bytes = unsafe { std::slice::from_raw_parts(p, 32 * MIB) };
        assert!(bytes.iter().all(|&byte| byte == 0), "what was offered need not be zero");
    });
}

#[test]
fn reservations_have_the_wanted_size() {
    process::alone_with("reservations_have_the_wanted_size", &[("MIMALLOC_ARENA_RESERVE", "1GiB")], || {
        let small = ThreadHeap::current().malloc(100);
        assert!(!small.is_null());
        assert_eq!(Stats::process().reserved.current, 1 << 30);
        assert!(!ThreadHeap::current().malloc(3 << 30).is_null());
        assert!(Stats::process().reserved.current > 3 << 30, "more than that is reserved as needed");
    });
}

#[test]
fn small_reservations_do_not_limit_the_heap() {
    process::alone_with(
        "small_reservations_do_not_limit_the_heap",
        &[("MIMALLOC_ARENA_RESERVE", "4MiB")],
        || {
            let here = ThreadHeap::current();
            let taken = (0..4000).take_while(|_| !here.malloc(MIB).is_null()).count();
            assert_eq!(taken, 4000, "blocks of 1 MiB, of which nothing is used");
        },
    );
}

#[test]
fn nothing_but_what_was_reserved_is_used() {
    let environment = [("MIMALLOC_DISALLOW_OS_ALLOC", "1"), ("MIMALLOC_RESERVE_OS_MEMORY", "64MiB")];
    process::alone_with("nothing_but_what_was_reserved_is_used", &environment, || {
        let here = ThreadHeap::current();
        let taken = (0..100).take_while(|_| !here.malloc(MIB).is_null()).count();
        assert!((50..=64).contains(&taken), "{taken} blocks of 1 MiB in 64 MiB");
        assert_eq!(Arena::all().count(), 1);
    });
}

/// Blocks of many pages, full but for the last, so that nobody owns most of them.
fn blocks() -> Vec<usize> {
    (0..5000).map(|_| ThreadHeap::current().malloc(1000).expose_provenance()).collect()
}

/// Frees blocks, and says how many pages the thread took over because of that.
fn taken_over_with(blocks: Vec<usize>) -> i64 {
    for p in blocks {
        // SAFETY: the block is live and given up.
        unsafe { raw::free(std::ptr::with_exposed_provenance_mut(p)) };
    }
    Stats::process().pages_reclaim_on_free.total
}

/// Pages that a thread takes over which another has filled.
fn taken_over() -> i64 {
    // So that no thread is given the place of one that has ended.
    let first = ThreadHeap::current().malloc(100).expose_provenance();
    let mut others = thread::spawn(blocks).join().unwrap();
    others.push(first);
    taken_over_with(others)
}

#[test]
fn pages_are_taken_over_by_whoever_frees_into_them() {
    let name = "pages_are_taken_over_by_whoever_frees_into_them";
    process::alone_with(name, &[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "1")], || assert!(taken_over() > 30));
}

#[test]
fn pages_of_others_are_left_to_those_who_look_for_one() {
    process::alone("pages_of_others_are_left_to_those_who_look_for_one", || assert_eq!(taken_over(), 0));
}

#[test]
fn pages_go_back_to_who_filled_them() {
    process::alone("pages_go_back_to_who_filled_them", || assert!(taken_over_with(blocks()) > 30));
}

#[test]
fn pages_are_not_taken_over() {
    let name = "pages_are_not_taken_over";
    process::alone_with(name, &[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "-1")], || {
        assert_eq!(taken_over_with(blocks()), 0);
    });
}

#[test]
fn few_pages_are_taken_over() {
    let name = "few_pages_are_taken_over";
    let environment =
        [("MIMALLOC_PAGE_RECLAIM_ON_FREE", "1"), ("MIMALLOC_PAGE_CROSS_THREAD_MAX_RECLAIM", "0")];
    process::alone_with(name, &environment, || assert_eq!(taken_over(), 0));
}

#[test]
fn the_process_has_no_huge_pages() {
    let disabled = || {
        // SAFETY: asks for a number.
        unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) }
    };
    process::alone_with("the_process_has_no_huge_pages", &[("MIMALLOC_ALLOW_THP", "0")], || {
        assert!(!ThreadHeap::current().malloc(100).is_null());
        assert_eq!(disabled(), 1);
    });
}

#[test]
fn large_pages_that_are_not_there_are_done_without() {
    let environment = [("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1"), ("MIMALLOC_RESERVE_HUGE_OS_PAGES", "1")];
    process::alone_with("large_pages_that_are_not_there_are_done_without", &environment, || {
        let p = ThreadHeap::current().malloc(10 * MIB);
        assert!(!p.is_null());
        // SAFETY: the block has this size.
        unsafe { p.write_bytes(1, 10 * MIB) };
    });
}
