//! Guarded blocks, in builds with the crate feature `secure`: one in so many allocations ends right before a guard, so
//! that a write behind it ends the process at once.

use crate::gauge::Gauge;
use crate::geometry::{GUARD_SIZE, SLICE_SIZE};
use crate::large;
use crate::options::{self, Opt};
use crate::os;
use crate::theap::Theap;
use crate::usable;

/// Guarded blocks that were allocated.
pub(crate) static COUNT: Gauge = Gauge::new();

/// Blocks are aligned to this, unless they are to end exactly at the guard.
const ALIGN: usize = 16;

/// No rate: the options have not been read.
const UNREAD: u32 = u32::MAX;

/// Which of a theap's allocations are guarded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling {
    /// Allocations until the next one to look at; none before the first.
    countdown: u32,
    /// One in so many; none if zero. [`UNREAD`] until the options are read; what is set from then on stays.
    rate: u32,
    min: usize,
    max: usize,
}

impl Sampling {
    /// To be set up at the first allocation, or before anything else is set.
    pub(crate) const NEW: Self = Self { countdown: 0, rate: UNREAD, min: 0, max: usize::MAX };

    /// Does what the options say, if they have not been read yet.
    fn set_up(&mut self) {
        if self.rate != UNREAD {
            return;
        }
        self.min = options::get_clamp(Opt::GuardedMin, 0, i64::MAX) as usize;
        self.max = options::get_clamp(Opt::GuardedMax, 0, i64::MAX) as usize;
        let rate = options::get_clamp(Opt::GuardedSampleRate, 0, u32::MAX.into()) as u32;
        self.start(rate, options::get(Opt::GuardedSampleSeed) as usize);
    }

    /// Guards one in `rate` allocations. `seed` says which comes first; zero leaves it to chance.
    pub(crate) fn set_rate(&mut self, rate: u32, seed: usize) {
        self.set_up();
        self.start(rate, seed);
    }

    fn start(&mut self, rate: u32, seed: usize) {
        self.rate = rate.min(UNREAD - 1);
        let seed = if seed == 0 { os::coarse_ms() as usize } else { seed };
        self.countdown = match rate {
            0 => u32::MAX,
            rate => 1 + (seed % rate as usize) as u32,
        };
    }

    /// Guards blocks of `min` to `max` bytes only.
    pub(crate) fn set_sizes(&mut self, min: usize, max: usize) {
        self.set_up();
        (self.min, self.max) = (min, max.max(min));
    }

    /// Whether this allocation might be the one.
    #[inline(always)]
    fn is_due(&mut self) -> bool {
        if self.countdown == 0 {
            return true;
        }
        self.countdown -= 1;
        self.countdown == 0
    }
}

/// A guarded block, if this is an allocation to guard and there is memory for it.
///
/// # Safety
/// As for [`allocate`](crate::alloc::allocate).
#[inline(always)]
pub(crate) unsafe fn allocate(theap: *mut Theap, size: usize, align: usize) -> Option<*mut u8> {
    // SAFETY: as the caller says. Theaps that own nothing cannot be written, and have nothing to guard.
    unsafe {
        if Theap::is_none(theap) || !(*Theap::sampling(theap)).is_due() {
            return None;
        }
        allocate_due(theap, size, align)
    }
}

/// # Safety
/// As for [`allocate`], with a theap that owns something.
#[cold]
#[inline(never)]
unsafe fn allocate_due(theap: *mut Theap, size: usize, align: usize) -> Option<*mut u8> {
    // SAFETY: the theap is the calling thread's.
    let sampling = unsafe { &mut *Theap::sampling(theap) };
    if sampling.rate == UNREAD {
        sampling.set_up();
        return None;
    }
    if sampling.rate == 0 {
        sampling.countdown = u32::MAX;
        return None;
    }
    sampling.countdown = sampling.rate;
    if !(sampling.min..=sampling.max).contains(&size) || size > isize::MAX as usize / 2 || align > GUARD_SIZE
    {
        return None;
    }
    let align = if options::is_enabled(Opt::GuardedPrecise) { align } else { align.max(ALIGN) };
    let behind = (size + usable::padding()).max(1).next_multiple_of(align);
    let run = (behind + GUARD_SIZE).next_multiple_of(SLICE_SIZE);
    // SAFETY: as the caller says. The block ends where the guard begins, but for its alignment.
    let block = unsafe { large::allocate(theap, behind, SLICE_SIZE, run - GUARD_SIZE - behind).start };
    if block.is_null() {
        return None;
    }
    COUNT.add(1);
    Some(block)
}
