//! Finding free slices of a region, claiming them, and making them usable.

use core::sync::atomic::Ordering;

use super::bitmap::mask;
use super::ebb;
use super::huge::{self, PageChoice};
use super::region::{Region, Slice};
use super::search::first_run;

use super::trial::TRIAL;
use super::{Missing, Run};
use crate::geometry::{GROUP_SLICES, SLICE_SHIFT, SLICE_SIZE};

impl Region {
    pub(super) fn allocate(&'static self, count: usize, align: usize) -> Result<Run, Missing> {
        let attempt = || {
            if count == 1 && align == SLICE_SIZE {
                self.allocate_one()
            } else {
                self.allocate_run(count, align)
            }
        };
        attempt().or_else(|missing| {
            // A slice that came free while the hint was being raised lies before it.
            if self.hint.swap(0, Ordering::Relaxed) == 0 { Err(missing) } else { attempt() }
        })
    }

    fn allocate_one(&'static self) -> Result<Run, Missing> {
        let groups = self.slices() / GROUP_SLICES;
        let from = self.hint.load(Ordering::Relaxed);
        for number in from..groups {
            if let Some(bit) = self.group(number).claim_one() {
                self.raise_hint(from, number);
                return self.hand_out(number * GROUP_SLICES + bit as usize, 1);
            }
        }
        Err(Missing::Slices)
    }

    /// Notes that no group from `from`, the hint until now, up to `to` has a free slice.
    fn raise_hint(&self, from: usize, to: usize) {
        if to != from {
            let _ = self.hint.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// First fit: the lowest run keeps the heap dense and its untouched end untouched.
    fn allocate_run(&'static self, count: usize, align: usize) -> Result<Run, Missing> {
        let slices = self.slices();
        let from = self.hint.load(Ordering::Relaxed);
        let free = self.next_free(from * GROUP_SLICES, slices).ok_or(Missing::Slices)?;
        self.raise_hint(from, free / GROUP_SLICES);
        if align > SLICE_SIZE {
            return self.allocate_aligned(free, slices, count, align);
        }
        let first = free / GROUP_SLICES;
        let words = || (first..slices / GROUP_SLICES).map(|number| self.group(number).free());
        loop {
            let start = first * GROUP_SLICES + first_run(words(), count).ok_or(Missing::Slices)?;
            // Otherwise somebody else was faster.
            if self.claim(start, count) {
                return self.hand_out(start, count);
            }
        }
    }

    /// The same at a multiple of `align`, from the free slice `free` on.
    fn allocate_aligned(
        &'static self,
        free: usize,
        slices: usize,
        count: usize,
        align: usize,
    ) -> Result<Run, Missing> {
        let base = self.base.load(Ordering::Relaxed).addr();
        let aligned = |index: usize| {
            let address = base + (index << SLICE_SHIFT);
            let next = address.checked_next_multiple_of(align).ok_or(Missing::Slices)?;
            Ok((next - base) >> SLICE_SHIFT)
        };
        let next_free = |from| self.next_free(from, slices).ok_or(Missing::Slices);
        let mut start = aligned(free)?;
        while start.checked_add(count).is_some_and(|end| end <= slices) {
            match self.first_used(start, count) {
                Some(used) => start = aligned(next_free(used + 1)?)?,
                None if self.claim(start, count) => return self.hand_out(start, count),
                None => {}
            }
        }
        Err(Missing::Slices)
    }

    /// The first free slice at or behind `from`, of the region's `slices`. A large heap is passed over by one
    /// look per group.
    fn next_free(&self, from: usize, slices: usize) -> Option<usize> {
        let mut ahead = u64::MAX << (from % GROUP_SLICES);
        for group in from / GROUP_SLICES..slices / GROUP_SLICES {
            let free = self.group(group).free() & ahead;
            if free != 0 {
                return Some(group * GROUP_SLICES + free.trailing_zeros() as usize);
            }
            ahead = u64::MAX;
        }
        None
    }

    /// The last used slice of the first group, from the left, that stands in the way of a run.
    fn first_used(&self, start: usize, count: usize) -> Option<usize> {
        let mut found = None;
        self.each_group(start, count, |group, bits| {
            let used = !self.group(group).free() & bits;
            if used == 0 {
                return true;
            }
            found = Some(group * GROUP_SLICES + used.ilog2() as usize);
            false
        });
        found
    }

    pub(super) fn allocate_at(&'static self, start: usize, count: usize) -> Option<Run> {
        if start.checked_add(count)? > self.slices() || !self.claim(start, count) {
            return None;
        }
        self.hand_out(start, count).ok()
    }

    fn claim(&self, start: usize, count: usize) -> bool {
        let mut done = 0;
        let complete = self.each_group(start, count, |group, bits| {
            let claimed = self.group(group).claim(bits);
            if claimed {
                done += bits.count_ones() as usize;
            }
            claimed
        });
        if !complete && done > 0 {
            self.unclaim(start, done);
        }
        complete
    }

    pub(super) fn unclaim(&self, start: usize, count: usize) {
        self.each_group(start, count, |group, bits| {
            self.group(group).release(bits);
            true
        });
        self.hint.fetch_min(start / GROUP_SLICES, Ordering::Relaxed);
    }

    /// Makes claimed slices usable and says whether they are zero.
    fn hand_out(&'static self, start: usize, count: usize) -> Result<Run, Missing> {
        if start + count > self.committed.load(Ordering::Acquire) && !self.commit(start + count) {
            self.unclaim(start, count);
            return Err(Missing::Memory);
        }
        let reads_as_zero = match self.commit_by_program(start, count) {
            None => {
                self.unclaim(start, count);
                return Err(Missing::Slices);
            }
            Some(reads_as_zero) => reads_as_zero,
        };
        super::HELD.add(count);
        let high = self.high.load(Ordering::Relaxed);
        if start + count > high {
            self.high.fetch_max(start + count, Ordering::Relaxed);
        }
        let mut clean = 0;
        let mut pages = PageChoice::new(&TRIAL, self, start, count);
        self.each_group(start, count, |group, bits| {
            let before = self.group(group).soil(bits);
            clean += (bits & !before).count_ones() as usize;
            pages.choose(group, bits, before);
            true
        });
        pages.finish();
        ebb::note_hand_out(if start + count <= high { clean } else { 0 });
        Ok(Run { first: Slice { region: self, index: start }, zero: reads_as_zero && clean == count })
    }

    /// Gives slices back.
    ///
    /// # Safety
    /// The caller holds them and nothing refers to their memory.
    pub(super) unsafe fn release(&'static self, start: usize, count: usize) {
        huge::leave(&TRIAL, self, start, count);
        self.unclaim(start, count);
    }

    /// Calls `visit` with each group that the run touches and the bits of the run there, until it says false.
    pub(super) fn each_group(
        &self,
        start: usize,
        count: usize,
        mut visit: impl FnMut(usize, u64) -> bool,
    ) -> bool {
        let (mut at, end) = (start, start + count);
        while at < end {
            let bit = at % GROUP_SLICES;
            let here = (GROUP_SLICES - bit).min(end - at);
            if !visit(at / GROUP_SLICES, mask(bit as u32, here as u32)) {
                return false;
            }
            at += here;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::allocate;
    use super::super::region::first;
    use super::*;

    #[test]
    fn a_run_that_is_refused_leaves_nothing_claimed() {
        assert!(allocate(1, SLICE_SIZE).is_some());
        let (region, border) = (first(), 100 * GROUP_SLICES);
        let _behind = region.allocate_at(border, 1).expect("nobody uses the hundredth group");
        assert!(region.allocate_at(border - 1, 2).is_none(), "its second half is used");
        assert!(region.allocate_at(border - 1, 1).is_some(), "its first half stayed claimed");
    }
}
