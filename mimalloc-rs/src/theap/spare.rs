//! Slices that a thread keeps for its next page or large block: whoever needs as many again has them without a step that other
//! threads see.
//!
//! Few are kept, and the oldest go first: what a thread does not come back to leaves with the next ones that come free.

use crate::arena::{self, Slice};
use crate::geometry::SPARE_SLICES;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Spare {
    /// The oldest first.
    runs: [Run; SPARE_SLICES],
    len: usize,
}

/// Neighbours: the number of the first, and how many.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u32,
    slices: u32,
}

const NO_RUN: Run = Run { first: 0, slices: 0 };

impl Spare {
    pub(super) const EMPTY: Self = Self { runs: [NO_RUN; SPARE_SLICES], len: 0 };

    /// So many slices side by side; those that were kept last.
    #[inline]
    pub(super) fn take(&mut self, slices: usize) -> Option<Slice> {
        let at = self.runs[..self.len].iter().rposition(|run| run.slices as usize == slices)?;
        Some(self.remove(at).0)
    }

    /// Keeps these slices as well, if they are not too many.
    #[inline]
    pub(super) fn add(&mut self, first: Slice, slices: usize) -> bool {
        let kept: usize = self.runs[..self.len].iter().map(|run| run.slices as usize).sum();
        let fits = kept + slices <= SPARE_SLICES;
        if fits {
            self.runs[self.len] = Run { first: first.number(), slices: slices as u32 };
            self.len += 1;
        }
        fits
    }

    /// Those that were kept first, and how many.
    pub(super) fn take_oldest(&mut self) -> Option<(Slice, usize)> {
        (self.len > 0).then(|| self.remove(0))
    }

    fn remove(&mut self, at: usize) -> (Slice, usize) {
        let run = self.runs[at];
        self.runs.copy_within(at + 1..self.len, at);
        self.len -= 1;
        (arena::slice_of_number(run.first), run.slices as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::SLICE_SIZE;

    #[test]
    fn what_was_kept_last_comes_first_and_what_is_oldest_goes() {
        let first = arena::allocate(1, SLICE_SIZE).expect("memory").first;
        let mut spare = Spare::EMPTY;
        assert!(spare.add(first, 1) && spare.add(first.plus(1), 1) && spare.add(first.plus(2), 2));
        assert!(!spare.add(first.plus(4), 1), "five are too many");
        assert_eq!(spare.take_oldest(), Some((first, 1)));
        assert!(spare.add(first.plus(4), 1));
        assert_eq!((spare.take(2), spare.take(2)), (Some(first.plus(2)), None));
        let singles = [spare.take(1), spare.take(1), spare.take(1)];
        assert_eq!(singles, [Some(first.plus(4)), Some(first.plus(1)), None]);
        assert_eq!(spare.take_oldest(), None);
    }

    #[test]
    fn a_run_of_another_length_is_left_whole() {
        let first = arena::allocate(1, SLICE_SIZE).expect("memory").first;
        let mut spare = Spare::EMPTY;
        assert!(spare.add(first, 2));
        assert_eq!((spare.take(1), spare.take(3)), (None, None));
        assert_eq!(spare.take(2), Some(first));
    }
}
