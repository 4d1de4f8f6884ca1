//! From which group of slices on to look for a free run.
//!
//! The lowest run that is long enough is taken, which keeps a heap dense; so a search would go through all of a large heap each
//! time. For each length there is a group before which no run of it begins, as far as is known. Who found one further on says
//! so, and who gives slices back that make a longer run begin earlier.
//!
//! What comes free while another thread looks may be passed over: if that one raises a hint last, then until something comes free
//! before it, or all is looked at again, which is done before more memory is reserved. Nobody relies on a hint for more than
//! where to look first.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::geometry::GROUP_SLICES;

const RELAXED: Ordering = Ordering::Relaxed;

/// Runs of this length and longer ones share a hint, which the longer ones do not raise. One that contains a slice begins in its group or in the one before, if it is
/// no longer.
const LONGEST: usize = GROUP_SLICES - 1;

/// By the length of a run, in slices. That of no slice is not used.
#[derive(Debug)]
pub(super) struct Hints([AtomicU32; LONGEST + 1]);

impl Hints {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; LONGEST + 1])
    }

    /// Before this group no run of `count` slices begins, as far as is known.
    #[inline]
    pub(super) fn first_group(&self, count: usize) -> usize {
        self.0[count.min(LONGEST)].load(RELAXED) as usize
    }

    /// To be told that none begins before the group `to`; `from` was the answer until now.
    #[inline]
    pub(super) fn raise(&self, count: usize, from: usize, to: usize) {
        if to > from && count <= LONGEST {
            let _ = self.0[count].compare_exchange(from as u32, to as u32, RELAXED, RELAXED);
        }
    }

    /// To be told that a run of `count` slices may begin in a group now.
    #[inline]
    pub(super) fn lower(&self, count: usize, group: usize) {
        for hint in &self.0[1..=count.min(LONGEST)] {
            if hint.load(RELAXED) as usize > group {
                hint.fetch_min(group as u32, RELAXED);
            }
        }
    }

    /// Has all searches start from the first slice.
    pub(super) fn forget(&self) {
        self.0.iter().for_each(|hint| hint.store(0, RELAXED));
    }
}
