//! Waiting for what another thread holds, or is about to have, for a moment.
//!
//! Never for long: whoever is at it may be interrupted by this very call, or not exist in the child of a fork. Who could do something
//! else instead waits no longer than that would take, so what it loses at most is as much again.

use core::sync::atomic::{AtomicU64, Ordering};

use super::Run;
use super::purge::PURGING;
use super::region::{Region, Slice};
use super::ring::OWNER_NOT_A_PAGE;
use crate::geometry::PATIENCE_MS;
use crate::os;

/// Where the slices lie that are held to give their memory back. Only whoever has the task writes it; for others it is a hint.
pub(super) static HOLDS: Stretch = Stretch(AtomicU64::new(0));

/// Slices by their numbers, from the first in the upper half of the word up to before the one in the lower.
#[derive(Debug)]
pub(super) struct Stretch(AtomicU64);

impl Stretch {
    /// For whoever has the task of purging, as [`clear`](Self::clear).
    pub(super) fn set(&self, region: &'static Region, from: usize, to: usize) {
        let [from, to] = [from, to].map(|index| u64::from(Slice { region, index }.number()));
        self.0.store(from << 32 | to, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether any of these slices are among them.
    pub(super) fn meets(&self, first: Slice, count: usize) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        let (from, to) = (word >> 32, word & u64::from(u32::MAX));
        let number = u64::from(first.number());
        from < number + count as u64 && number < to
    }
}

/// Attempts to have slices; once more if there are none, since another thread may hold some just to give their memory back, or
/// be about to have more.
#[inline]
pub(super) fn with_patience(attempt: impl Fn() -> Option<Run>) -> Option<Run> {
    attempt().or_else(|| {
        wait();
        attempt()
    })
}

/// Waits for the end of a purge under way and for a region that is being set up, for a while.
#[cold]
fn wait() {
    wait_while(|| {
        PURGING.is_under_way(os::process_id()) || super::regions().last().is_some_and(|last| !last.is_ready())
    });
}

/// Waits while a purge may be all that holds some of these slices, but not for longer than so many nanoseconds. False if it is not, or
/// holds them still: it may be the one that a signal handler interrupts.
#[cold]
pub(super) fn outlast(first: Slice, count: usize, patience_ns: u64) -> bool {
    let is_in_it = first.index + count <= first.region.slices();
    // What lies in pages and blocks does not come free with the purge.
    if !is_in_it || !(0..count).all(|distance| first.plus(distance).owner().get() == OWNER_NOT_A_PAGE) {
        return false;
    }
    let start = os::now_ns();
    while PURGING.is_under_way(os::process_id()) && HOLDS.meets(first, count) {
        if os::now_ns() - start >= patience_ns {
            return false;
        }
        os::yield_now();
    }
    true
}

/// Waits while something is under way, but not long: whoever is at it may be interrupted by this very call, or not exist in the
/// child of a fork. Says whether it came to an end.
#[cold]
pub(super) fn wait_while(is_under_way: impl Fn() -> bool) -> bool {
    let start = os::coarse_ms();
    while is_under_way() {
        if os::coarse_ms() - start >= PATIENCE_MS {
            return false;
        }
        os::yield_now();
    }
    true
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use super::super::region;
    use super::super::ring::SAID;
    use super::super::{allocate, allocate_behind, release};
    use super::*;
    use crate::geometry::GROUP_SLICES;

    /// Whether slices that come free at the end of a purge are found by who has looked for them before.
    fn finds_what_a_purge_holds(first: Slice) -> bool {
        while !PURGING.begin(os::process_id()) {
            thread::yield_now();
        }
        let (looked, let_go) = (AtomicBool::new(false), AtomicBool::new(false));
        let looks = Cell::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !looked.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(10));
                let_go.store(true, Ordering::Relaxed);
                PURGING.end();
            });
            let run = with_patience(|| {
                looks.set(looks.get() + 1);
                looked.store(true, Ordering::Relaxed);
                let_go.load(Ordering::Relaxed).then_some(Run { first, zero: false })
            });
            assert_eq!(looks.get(), 2);
            run.is_some()
        })
    }

    #[test]
    fn who_finds_nothing_waits_for_a_purge_under_way_and_looks_again() {
        let first = allocate(1, 1).expect("memory").first;
        // Patience ends sooner if the other thread does not run for so long.
        assert!((0..5).any(|_| finds_what_a_purge_holds(first)));
        // SAFETY: the slice was taken above.
        unsafe { release(first, 1) };
    }

    /// Begins a purge that holds so many slices from `first` on.
    fn hold(first: Slice, count: usize) {
        while !PURGING.begin(os::process_id()) {
            thread::yield_now();
        }
        HOLDS.set(first.region, first.index, first.index + count);
    }

    fn let_go() {
        HOLDS.clear();
        PURGING.end();
    }

    #[test]
    fn who_grows_outlasts_a_purge_that_holds_what_lies_behind() {
        const LONG: u64 = 60_000_000_000;
        let first = allocate(8, 1).expect("memory").first;
        let behind = first.plus(4);
        hold(first.plus(2), 4);
        assert!(!outlast(behind, 4, 0), "it has no end");
        assert!(outlast(first.plus(6), 2, 0), "it holds others");
        let has_gone = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(1));
                has_gone.store(true, Ordering::Relaxed);
                let_go();
            });
            assert!(outlast(behind, 4, LONG) && has_gone.load(Ordering::Relaxed));
        });
        behind.plus(2).owner().set(SAID);
        assert!(!outlast(behind, 4, LONG), "a page lies there");
        behind.plus(2).owner().set(OWNER_NOT_A_PAGE);
        // SAFETY: the slices were taken above.
        unsafe { release(first, 8) };
    }

    #[test]
    fn a_run_grows_into_what_a_purge_gives_back() {
        // Other tests take slices nearer to the start, but they purge as well.
        let first = Slice { region: region::first(), index: 300 * GROUP_SLICES };
        let grows = || {
            assert!(first.region.allocate_at(first.index, 8).is_some());
            let behind = first.plus(4);
            hold(behind, 4);
            let grown = thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(1));
                    // SAFETY: the slices were taken above.
                    unsafe { release(behind, 4) };
                    let_go();
                });
                allocate_behind(behind, 4, 1 << 30)
            });
            // SAFETY: as above.
            unsafe { release(first, if grown { 8 } else { 4 }) };
            grown
        };
        assert!((0..5).any(|_| grows()));
    }
}
