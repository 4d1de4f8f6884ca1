//! Finding free slices of a region, claiming them, and making them usable.

use core::sync::atomic::Ordering;

use super::bitmap::mask;
use super::ebb;
use super::huge::{self, PageChoice};
use super::purge;
use super::region::{Region, Slice};
use super::search::first_run;
use super::trial::TRIAL;
use super::{Missing, Run};
use crate::geometry::{GROUP_SLICES, SLICE_SHIFT, SLICE_SIZE};

impl Region {
    /// Takes a run from the groups that may have one, as far as the hint tells.
    pub(super) fn allocate(&'static self, count: usize, align: usize) -> Result<Run, Missing> {
        if count == 1 && align == SLICE_SIZE { self.allocate_one() } else { self.allocate_run(count, align) }
    }

    fn allocate_one(&'static self) -> Result<Run, Missing> {
        let groups = self.slices() / GROUP_SLICES;
        let from = self.hints.first_group(1);
        for number in from..groups {
            if let Some(bit) = self.group(number).claim_one() {
                self.hints.raise(1, from, number);
                return self.hand_out(number * GROUP_SLICES + bit as usize, 1, SLICE_SIZE);
            }
        }
        self.hints.raise(1, from, groups);
        Err(Missing::Slices)
    }

    fn allocate_run(&'static self, count: usize, align: usize) -> Result<Run, Missing> {
        loop {
            let index = self.first_fit(count, align).ok_or(Missing::Slices)?;
            // Otherwise somebody else was faster.
            if self.claim(index, count) {
                return self.hand_out(index, count, align);
            }
        }
    }

    /// Where such a run would be taken: the lowest one keeps the heap dense and its untouched end untouched.
    pub(super) fn first_fit(&'static self, count: usize, align: usize) -> Option<usize> {
        let slices = self.slices();
        let (apart, phase) = (align >> SLICE_SHIFT, self.base.load(Ordering::Relaxed).addr() >> SLICE_SHIFT);
        // To look at all of a large heap takes long.
        if phase.next_multiple_of(apart) - phase + count > slices {
            return None;
        }
        let groups = slices / GROUP_SLICES;
        let free = |number| self.group(number).free();
        let free_hint = self.hints.first_group(1);
        let first_free = (free_hint..groups).find(|&number| free(number) != 0);
        self.hints.raise(1, free_hint, first_free.unwrap_or(groups));
        let hint = self.hints.first_group(count);
        let from = first_free?.max(hint);
        let slices_before = from * GROUP_SLICES;
        let run = first_run((from..groups).map(free), count, apart, phase + slices_before)?;
        let start = slices_before + run;
        // One that was passed over for where it lies is left to others.
        if apart == 1 {
            self.hints.raise(count, hint, start / GROUP_SLICES);
        }
        Some(start)
    }

    pub(super) fn allocate_at(&'static self, start: usize, count: usize) -> Option<Run> {
        if start.checked_add(count)? > self.slices() || !self.claim(start, count) {
            return None;
        }
        self.hand_out(start, count, SLICE_SIZE).ok()
    }

    /// Whether nobody holds a slice from `start` up to the end of the region at this moment.
    pub(super) fn is_free_from(&self, start: usize) -> bool {
        self.each_group(start, self.slices() - start, |group, bits| self.group(group).free() & bits == bits)
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
            self.give_up_claim(start, done);
        }
        complete
    }

    /// Lets go of slices that were claimed and not used. A purge that passed by meanwhile has left them out.
    fn give_up_claim(&self, start: usize, count: usize) {
        self.unclaim(start, count);
        purge::note_release();
    }

    pub(super) fn unclaim(&self, start: usize, count: usize) {
        self.each_group(start, count, |group, bits| {
            self.group(group).release(bits);
            true
        });
        let (before, behind) = (self.free_before(start), self.free_from(start + count));
        self.hints.lower(before + count + behind, (start - before) / GROUP_SLICES);
    }

    /// How many free slices end where `start` begins, as far as its group and the one before tell.
    fn free_before(&self, start: usize) -> usize {
        let (group, bit) = (start / GROUP_SLICES, start % GROUP_SLICES);
        let here = match bit {
            0 => 0,
            bit => (self.group(group).free() << (GROUP_SLICES - bit)).leading_ones() as usize,
        };
        let goes_on = here == bit && group > 0;
        here + if goes_on { self.group(group - 1).free().leading_ones() as usize } else { 0 }
    }

    /// How many begin at `start`, in the same way.
    fn free_from(&self, start: usize) -> usize {
        let (group, bit) = (start / GROUP_SLICES, start % GROUP_SLICES);
        let groups = self.slices() / GROUP_SLICES;
        if group >= groups {
            return 0;
        }
        let here = (self.group(group).free() >> bit).trailing_ones() as usize;
        let goes_on = here == GROUP_SLICES - bit && group + 1 < groups;
        here + if goes_on { self.group(group + 1).free().trailing_ones() as usize } else { 0 }
    }

    /// Makes claimed slices usable, which had to start at a multiple of `align` bytes, and says whether they are zero.
    fn hand_out(&'static self, start: usize, count: usize, align: usize) -> Result<Run, Missing> {
        if start + count > self.committed.load(Ordering::Acquire) && !self.commit(start + count) {
            self.give_up_claim(start, count);
            return Err(Missing::Memory);
        }
        let reads_as_zero = match self.commit_by_program(start, count) {
            None => {
                self.give_up_claim(start, count);
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
        let mut pages = PageChoice::new(&TRIAL, self, start, count, align);
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
        huge::leave(self, start, count);
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
    use std::vec;
    use std::vec::Vec;

    use super::super::region::{Traits, first};
    use super::super::supply::reserve;
    use super::super::{allocate, allocate_in};
    use super::*;

    #[test]
    fn a_run_that_is_refused_leaves_nothing_claimed() {
        assert!(allocate(1, SLICE_SIZE).is_some());
        let (region, border) = (first(), 100 * GROUP_SLICES);
        let _behind = region.allocate_at(border, 1).expect("nobody uses the hundredth group");
        assert!(region.allocate_at(border - 1, 2).is_none(), "its second half is used");
        assert!(region.allocate_at(border - 1, 1).is_some(), "its first half stayed claimed");
    }

    #[test]
    fn a_region_that_cannot_hold_a_run_is_not_searched() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that it is not the first");
        let exclusive = Traits { exclusive: true, ..Traits::default() };
        let region = reserve(32 << 20, false, exclusive).expect("there is address space");
        let slices = region.slices();
        while region.allocate(1, SLICE_SIZE).is_ok() {}
        region.hints.forget();
        for (count, align) in
            [(slices + 1, SLICE_SIZE), (usize::MAX >> SLICE_SHIFT, SLICE_SIZE), (1, 1 << 62)]
        {
            assert_eq!(region.allocate(count, align).err(), Some(Missing::Slices));
            assert_eq!(region.hints.first_group(1), 0, "{count} slices at {align}");
        }
        assert!(region.allocate(slices, SLICE_SIZE).is_err());
        assert_ne!(region.hints.first_group(1), 0, "it could hold as many as it has");
    }

    /// Runs come and go at random, in a region of a few groups: the lowest that will do is taken each time.
    #[test]
    fn hints_pass_over_nothing_that_would_do() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that it is not the first");
        let exclusive = Traits { exclusive: true, pinned: true, ..Traits::default() };
        let region = reserve(64 << 20, false, exclusive).expect("there is address space");
        let slices = region.slices();
        let (mut used, mut runs) = (vec![false; slices], Vec::new());
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % below
        };
        for round in 0..20_000 {
            // More is taken than given back, and then less.
            if random(3) < if round / 2000 % 2 == 0 { 2 } else { 1 } {
                let longest = [1, 3, 8, 70, 130][random(5)];
                let (count, apart) = (1 + random(longest), 1 << random(4));
                let phase = region.base.load(Ordering::Relaxed).addr() >> SLICE_SHIFT;
                let fits = |&from: &usize| {
                    (from + phase).is_multiple_of(apart) && used[from..from + count].iter().all(|&used| !used)
                };
                let lowest = (0..=slices - count).find(fits);
                let run = region.allocate(count, apart << SLICE_SHIFT).ok();
                assert_eq!(run.map(|run| run.first.index), lowest, "{count} slices, one in {apart}");
                if let Some(start) = lowest {
                    used[start..start + count].fill(true);
                    runs.push((start, count));
                }
            } else if !runs.is_empty() {
                let (start, count) = runs.swap_remove(random(runs.len()));
                used[start..start + count].fill(false);
                // SAFETY: the run was taken above.
                unsafe { region.release(start, count) };
            }
        }
    }

    #[test]
    fn a_full_region_is_not_searched_but_looked_at_before_it_is_given_up() {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that it is not the first");
        let exclusive = Traits { exclusive: true, ..Traits::default() };
        let region = reserve(32 << 20, false, exclusive).expect("there is address space");
        let groups = region.slices() / GROUP_SLICES;
        for count in [1, 2] {
            while region.allocate(count, SLICE_SIZE).is_ok() {}
            assert_eq!(region.hints.first_group(1), groups);
            // As if they had come free while the hint was being raised.
            region.group(1).release(mask(0, count as u32));
            assert_eq!(region.allocate(count, SLICE_SIZE).err(), Some(Missing::Slices));
            let run = allocate_in(Some(region), count, SLICE_SIZE).expect("what came free is found");
            assert_eq!(run.first.index, GROUP_SLICES);
        }
        // A gap in each group, the last one of which is longer.
        (0..groups).for_each(|group| region.unclaim(group * GROUP_SLICES + 5, 2 + group / (groups - 1)));
        let hints = || [1, 2, 3, 4].map(|count| region.hints.first_group(count));
        assert_eq!(hints(), [0; 4]);
        assert!(region.allocate(3, SLICE_SIZE).is_ok());
        assert_eq!(hints(), [0, 0, groups - 1, 0], "the next search begins where this one ended");
        region.unclaim(7, 1);
        assert_eq!(hints(), [0; 4], "that made a gap longer");
    }
}
