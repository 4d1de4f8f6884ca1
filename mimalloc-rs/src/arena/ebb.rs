//! When so much has come free that it goes back at once.
//!
//! A process that frees most of what it has is often about to be idle, and then no slow path comes by that could give
//! memory back later. So when less than a quarter is held of the most that was held since the last ebb, the free part goes
//! back now. Programs that go on working seldom fall that low between two of their phases. As long as nothing is taken
//! afterwards, a large heap is being freed: then each eighth of what is held goes back as it comes free, and little is left in the
//! end.
//!
//! A program that builds up and tears down in quick cycles would pay for this with a page fault per system page and cycle.
//! Slices that are taken again after an ebb gave them back are therefore counted, and the rule rests while there are more of
//! them than the time that went by makes up for. Time long ago makes up for some only, or a program that has run for a day could do so
//! for minutes.
//!
//! The life of a thread makes up for more of them when it has ended, for it needs nothing again. So an ebb that
//! the rule let pass may be had when a thread ends, unless a flood has followed.

use core::sync::atomic::{AtomicU64, Ordering};

use super::HELD;
use crate::geometry::{
    EBB_CREDIT, EBB_DEPTH, EBB_KEPT, EBB_KEPT_ON, EBB_MS_PER_SLICE, EBB_SHARE_ON, SLICES_PER_THREAD_MS,
};
use crate::os;

const RELAXED: Ordering = Ordering::Relaxed;

// Lost updates make the rule less exact, and nothing else.
/// The most slices held since the last ebb.
static MARK: AtomicU64 = AtomicU64::new(0);
/// Slices held at the last ebb; zero if the rule rested, or some were handed out since.
static LOW: AtomicU64 = AtomicU64::new(0);
/// Slices that ebbs gave back and nobody has taken again.
static GONE: AtomicU64 = AtomicU64::new(0);
/// Slices that were taken again after an ebb.
static REGRETTED: AtomicU64 = AtomicU64::new(0);
/// When the first ebb was.
static FIRST_MS: AtomicU64 = AtomicU64::new(0);
/// How long the threads lived that have ended, together.
static LIVED_MS: AtomicU64 = AtomicU64::new(0);
/// The most slices held before the ebbs at which the rule rested since the last one at which it did not.
static MISSED: AtomicU64 = AtomicU64::new(0);

/// To be told when slices were handed out, `clean` of which the system had got back.
#[inline]
pub(super) fn note_hand_out(clean: usize) {
    let held = HELD.current();
    if held > MARK.load(RELAXED) {
        MARK.store(held, RELAXED);
    }
    if LOW.load(RELAXED) != 0 {
        LOW.store(0, RELAXED);
    }
    if clean > 0 {
        let gone = GONE.load(RELAXED);
        let again = gone.min(clean as u64);
        if again > 0 {
            GONE.store(gone - again, RELAXED);
            REGRETTED.fetch_add(again, RELAXED);
        }
    }
}

/// To be told when slices were released: whether all free memory should go back now.
#[inline]
pub(super) fn is_due() -> bool {
    let held = HELD.current();
    let mark = MARK.load(RELAXED);
    (goes_on(held, LOW.load(RELAXED)) || is_ebb(held, mark)) && is_worth_it(held, mark)
}

/// To be told when a thread has ended which was there since `born_ms`: whether all free memory should go back now.
pub(super) fn is_due_after_thread(born_ms: u64) -> bool {
    LIVED_MS.fetch_add(os::coarse_ms().saturating_sub(born_ms), RELAXED);
    let held = HELD.current();
    let missed = MISSED.load(RELAXED);
    is_ebb(held, missed) && is_worth_it(held, missed)
}

#[inline]
fn is_ebb(held: u64, mark: u64) -> bool {
    EBB_DEPTH * held + EBB_KEPT < mark
}

/// Whether enough came free since the last ebb, which left `low` slices, for the next.
#[inline]
fn goes_on(held: u64, low: u64) -> bool {
    held + (held / EBB_SHARE_ON).max(EBB_KEPT_ON) < low
}

#[cold]
fn is_worth_it(held: u64, mark: u64) -> bool {
    MARK.store(held, RELAXED);
    let now = os::coarse_ms();
    let first = match FIRST_MS.load(RELAXED) {
        0 => {
            FIRST_MS.store(now, RELAXED);
            now
        }
        first => first,
    };
    let made_up_for =
        now.saturating_sub(first) / EBB_MS_PER_SLICE + LIVED_MS.load(RELAXED) * SLICES_PER_THREAD_MS;
    let regretted = REGRETTED.fetch_max(made_up_for.saturating_sub(EBB_CREDIT), RELAXED);
    let worth_it = regretted <= made_up_for;
    MISSED.store(if worth_it { 0 } else { mark.max(MISSED.load(RELAXED)) }, RELAXED);
    LOW.store(if worth_it { held } else { 0 }, RELAXED);
    worth_it
}

/// To be told how many slices went back because of an ebb.
pub(super) fn note_gone(slices: usize) {
    GONE.fetch_add(slices as u64, RELAXED);
}
