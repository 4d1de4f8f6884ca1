//! Giving memory back: free slices that stay unused for a while lose their contents.
//!
//! There is no timer thread. Threads come by from their slow paths ([`purge_if_due`]); the clock is only read
//! while something waits to be given back. A pass gives back what was free at the pass before as well, so
//! slices that are in constant exchange stay resident. When most of what was held is freed, all of it goes back at once (see
//! [`super::ebb`]). One thread purges at a time, the others go on without it: where all is to go back, it does so once more.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::bitmap::{Group, mask};
use super::ebb;
use super::huge;
use super::patience::HOLDS;
use super::pending::Pending;
use super::region::{Region, Slice};
use super::task::Task;
use crate::geometry::{GROUP_SLICES, PASSES_AT_ONCE, PURGED_AT_ONCE, SLICE_SHIFT};
use crate::options::{self, Opt};
use crate::os;
use crate::report;

/// Whether a free slice may be resident.
static PENDING: Pending = Pending::new(AtomicU32::new(0));
/// When the next pass is due; zero before the first.
static DUE_MS: AtomicU64 = AtomicU64::new(0);
/// Who has it gives memory back.
pub(super) static PURGING: Task = Task::new(AtomicU32::new(0));
/// Whether there was an ebb since all was last to go back.
static WAS_EBB: AtomicBool = AtomicBool::new(false);
/// Whether there was one, and no thread has asked [`follows_ebb`] since.
static UNFOLLOWED: AtomicBool = AtomicBool::new(false);

/// Which free slices a pass gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Those that were free at the last pass already.
    Idle,
    /// All of them.
    All,
}

/// To be told when slices came free.
#[inline]
pub(super) fn note_release() {
    PENDING.note_release();
}

/// Runs a pass when one is due.
#[inline]
pub(crate) fn purge_if_due() {
    if PENDING.is_set() {
        look_at_clock();
    }
}

#[cold]
fn look_at_clock() {
    let now = os::coarse_ms();
    let due = DUE_MS.load(Ordering::Relaxed);
    let Ok(period) = u64::try_from(options::get(Opt::PurgeDelay)) else { return };
    // If it is due later than from now on, the period was a longer one.
    if now < due && due <= now + period {
        return;
    }
    let pass = if period == 0 { Pass::All } else { Pass::Idle };
    if DUE_MS.compare_exchange(due, now + period, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        purge(pass);
    }
}

/// Gives all free slices back because most of what was held came free, unless the user wants none to go back by itself.
pub(super) fn purge_at_ebb() {
    if options::get(Opt::PurgeDelay) >= 0 {
        WAS_EBB.store(true, Ordering::Relaxed);
        UNFOLLOWED.store(true, Ordering::Relaxed);
        purge(Pass::All);
    }
}

/// Whether there was an ebb just now, for a thread that has released slices: what it keeps for later should be free then, too.
#[inline]
pub(crate) fn follows_ebb() -> bool {
    UNFOLLOWED.load(Ordering::Relaxed) && UNFOLLOWED.swap(false, Ordering::Relaxed)
}

/// Has the system take back what lies behind slices that stay held, if it may have it: the holder needs nothing of it.
///
/// # Safety
/// The caller holds the slices, and nothing refers to what is in them.
pub(crate) unsafe fn empty(first: Slice, count: usize) {
    huge::note_use(first, count);
    if !first.region.is_pinned() && options::get(Opt::PurgeDelay) >= 0 {
        // SAFETY: as the caller says.
        unsafe { drop_memory(first, count, count) };
    }
}

/// Has slices that stay held read as zero by giving back what lies behind them. False if the system may not have it, or refuses.
///
/// # Safety
/// As for [`empty`].
pub(crate) unsafe fn renew(first: Slice, count: usize) -> bool {
    let region = first.region;
    let may = !region.is_pinned() && !region.is_foreign() && options::get(Opt::PurgeDelay) >= 0;
    // SAFETY: as the caller says.
    let renewed = may && unsafe { os::purge(first.start(), count << SLICE_SHIFT) };
    if renewed {
        count_purged(count);
    }
    renewed
}

/// To be told when a thread has ended which was there since `born_ms`, and has released what it held.
pub(crate) fn purge_after_thread(born_ms: u64) {
    if ebb::is_due_after_thread(born_ms) {
        purge_at_ebb();
    } else {
        purge_if_due();
    }
}

/// Gives all free slices back.
pub(crate) fn purge_now() {
    purge(Pass::All);
}

/// Gives slices back. False if another thread is doing so, which does it once more if all are to go back: it may have passed what
/// came free just now.
fn purge(mut pass: Pass) -> bool {
    let process = os::process_id();
    let has_task = match pass {
        Pass::Idle => PURGING.begin(process),
        Pass::All => PURGING.begin_or_ask(process),
    };
    let mut passes = 0;
    let mut goes_on = has_task;
    while goes_on {
        passes += 1;
        goes_on = pass_through(pass) && passes < PASSES_AT_ONCE && PURGING.begin_or_ask(process);
        pass = Pass::All;
    }
    has_task
}

/// Gives slices back. For whoever has the task, which ends. True if all were to go back meanwhile.
fn pass_through(pass: Pass) -> bool {
    PENDING.take();
    super::PURGES.add(1);
    // What goes back for other reasons tells nothing of ebbs.
    let is_for_ebb = pass == Pass::All && WAS_EBB.swap(false, Ordering::Relaxed);
    let mut total = Outcome { given: 0, left: false };
    for region in super::regions().iter().filter(|region| !region.is_pinned()) {
        let Outcome { given, left } = purge_region(region, pass);
        total.given += given;
        total.left |= left;
    }
    if total.left {
        PENDING.set();
    }
    if is_for_ebb {
        ebb::note_gone(total.given);
    }
    let is_asked_for = PURGING.end();
    if total.given > 0 {
        // Not while this thread has the task: an output function may free and collect, and would ask for it each time.
        report::trace(format_args!("gave {} KiB back", (total.given << SLICE_SHIFT) >> 10));
    }
    is_asked_for
}

/// What a pass through a region came to.
struct Outcome {
    /// Slices that went back.
    given: usize,
    /// Whether resident free slices are left for a later pass.
    left: bool,
}

/// Slices the purger holds, next to each other.
struct Held {
    start: usize,
    count: usize,
    /// How many of them may be resident.
    resident: usize,
}

fn purge_region(region: &'static Region, pass: Pass) -> Outcome {
    let mut outcome = Outcome { given: 0, left: false };
    // Fewer than these do not go back.
    let at_once = PURGED_AT_ONCE.max(options::get_size(Opt::MinimalPurgeSize) >> SLICE_SHIFT);
    let mut held = Held { start: 0, count: 0, resident: 0 };
    for number in 0..region.groups_in_use() {
        let group = region.group(number);
        let resident = group.resident();
        let wanted = match pass {
            Pass::All => resident,
            Pass::Idle => resident & group.idle.load(Ordering::Relaxed),
        };
        let newly_idle = resident & !wanted;
        if newly_idle != 0 {
            group.idle.fetch_or(newly_idle, Ordering::Relaxed);
            outcome.left = true;
        }
        if wanted == 0 {
            continue;
        }
        let end = (number + 1) * GROUP_SLICES;
        let start = if held.count > 0 { held.start } else { number * GROUP_SLICES };
        HOLDS.set(region, start, end);
        let mut mine = group.claim_free_of(wanted | huge::free_places(region, group.free(), wanted));
        while mine != 0 {
            let bit = mine.trailing_zeros();
            let run = (mine >> bit).trailing_ones();
            mine &= !mask(bit, run);
            let start = number * GROUP_SLICES + bit as usize;
            if held.start + held.count != start || held.count >= at_once {
                outcome.given += give_back(region, &held);
                held = Held { start, count: 0, resident: 0 };
            }
            held.count += run as usize;
            held.resident += (wanted & mask(bit, run)).count_ones() as usize;
        }
    }
    outcome.given += give_back(region, &held);
    HOLDS.clear();
    outcome
}

/// Gives slices back, unless the options say otherwise, and lets go of them. Says how many went back.
fn give_back(region: &'static Region, held: &Held) -> usize {
    if held.count == 0 {
        return 0;
    }
    let first = Slice { region, index: held.start };
    // SAFETY: the purger claimed these slices when they were free, so nobody reads or writes them.
    let gone = unsafe { drop_memory(first, held.count, held.resident) };
    if let Some(gone) = gone {
        let mark = if gone == Gone::Zeroed { Group::clean } else { Group::offer };
        region.each_group(held.start, held.count, |group, bits| {
            mark(region.group(group), bits);
            true
        });
    }
    region.unclaim(held.start, held.count);
    if gone.is_some() { held.resident } else { 0 }
}

/// What memory that went back reads as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    /// Zero.
    Zeroed,
    /// Anything: it is the program's, or the system takes it when it needs some.
    Unknown,
}

/// Gives the memory of slices back as the options say, and counts the `resident` ones. `None` if they keep it.
///
/// # Safety
/// The caller holds the slices, and nothing refers to what is in them.
unsafe fn drop_memory(first: Slice, count: usize, resident: usize) -> Option<Gone> {
    let (start, size) = (first.start(), count << SLICE_SHIFT);
    if size < options::get_size(Opt::MinimalPurgeSize) {
        return None;
    }
    let is_offered = !options::is_enabled(Opt::PurgeDecommits);
    // SAFETY: as the caller says.
    unsafe {
        if is_offered {
            os::offer(start, size);
        } else if !os::purge(start, size) {
            return None;
        }
    }
    count_purged(resident);
    if is_offered {
        super::OFFERED.add(resident);
        super::OFFER_CALLS.add(1);
    }
    Some(if is_offered || first.region.is_foreign() { Gone::Unknown } else { Gone::Zeroed })
}

/// Counts slices that were given back or offered in one call.
fn count_purged(slices: usize) {
    super::PURGED.add(slices);
    super::PURGE_CALLS.add(1);
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn much_that_lies_side_by_side_goes_back_a_part_at_a_time() {
        const SLICES: usize = 4 * PURGED_AT_ONCE;
        let first = super::super::allocate(SLICES, 1).expect("memory").first;
        let before = super::super::PURGE_CALLS.current();
        // SAFETY: the slices were taken above.
        unsafe { super::super::release(first, SLICES) };
        while !purge(Pass::All) {
            thread::yield_now();
        }
        assert!(super::super::PURGE_CALLS.current() - before > 3);
    }

    #[test]
    fn a_purge_tells_what_it_holds_as_long_as_it_does() {
        const SLICES: usize = PURGED_AT_ONCE;
        let is_told = || {
            let first = super::super::allocate(SLICES, 1).expect("memory").first;
            let [has_begun, has_ended] = [const { AtomicBool::new(false) }; 2];
            thread::scope(|scope| {
                let looks = scope.spawn(|| {
                    let mut told = false;
                    while !has_ended.load(Ordering::Relaxed) {
                        told |= HOLDS.meets(first, SLICES);
                        has_begun.store(true, Ordering::Relaxed);
                    }
                    told
                });
                while !has_begun.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                // SAFETY: the slices were taken above.
                unsafe {
                    first.start().write_bytes(1, SLICES << SLICE_SHIFT);
                    // Which may be a purge at an ebb.
                    super::super::release(first, SLICES);
                }
                while !purge(Pass::All) {
                    thread::yield_now();
                }
                has_ended.store(true, Ordering::Relaxed);
                looks.join().expect("it only looks")
            })
        };
        // The other thread may not run meanwhile.
        assert!((0..2000).any(|_| is_told()));
        while !PURGING.begin(os::process_id()) {
            thread::yield_now();
        }
        let first = super::super::allocate(1, 1).expect("memory").first;
        assert!(!HOLDS.meets(Slice { index: 0, ..first }, first.region.slices()));
        PURGING.end();
    }

    #[test]
    fn what_comes_free_behind_a_purge_under_way_is_left_to_it() {
        for leave_it in [purge_at_ebb, purge_now] {
            while !PURGING.begin(os::process_id()) {
                thread::yield_now();
            }
            leave_it();
            assert!(pass_through(Pass::Idle));
        }
    }
}
