//! What is common to all ways of raising a cube: the bits that must stay low because of the OFF-set, and those
//! that may be raised without regret.

use super::cover::Cover;
use super::set::{Flag, Set};
use super::space::{Nearness, Space};
use crate::api::Api;

/// A cube that is raised step by step.
#[derive(Clone, Copy)]
pub(super) struct Raising<'a> {
    /// The bits it has.
    pub(super) raised: Set<'a>,
    /// The bits that are still to be decided.
    pub(super) free: Set<'a>,
}

impl Raising<'_> {
    /// Raises one free bit.
    pub(super) fn raise(&self, bit: usize) {
        self.raised.insert(bit);
        self.free.remove(bit);
    }

    /// Lowers the free bits without which active cubes of the OFF-set would be hit, and drops what
    /// they decide out of `off` and `candidates`.
    ///
    /// # Errors
    /// The cube hits the OFF-set.
    pub(super) fn lower_essential<A: Api>(
        &self,
        space: &Space<A>,
        off: &Cover<'_, A>,
        candidates: Option<&Cover<'_, A>>,
    ) -> Result<(), Hit> {
        let lowered = space.scratch(0);
        lowered.clear();
        for blocking in off.iter_active() {
            match space.nearness(blocking, self.raised) {
                Nearness::Intersecting => return Err(Hit),
                Nearness::Next => {
                    space.add_conflicts(lowered, blocking, self.raised);
                    off.deactivate(blocking);
                }
                Nearness::Far => {}
            }
        }
        if !lowered.is_empty() {
            self.free.minus(self.free, lowered);
            self.drop_decided(space, off, candidates);
        }
        Ok(())
    }

    /// Drops the cubes of the OFF-set that are out of reach and the candidates that are.
    pub(super) fn drop_decided<A: Api>(
        &self,
        space: &Space<A>,
        off: &Cover<'_, A>,
        candidates: Option<&Cover<'_, A>>,
    ) {
        let reach = space.scratch(0);
        reach.or(self.raised, self.free);
        for blocking in off.iter_active() {
            if !space.intersect(blocking, reach) {
                off.deactivate(blocking);
            }
        }
        if let Some(cover) = candidates {
            for candidate in cover.iter_active() {
                if !candidate.is_within(reach) {
                    cover.deactivate(candidate);
                }
            }
        }
    }

    /// Raises the free bits that no active cube of the OFF-set has.
    pub(super) fn raise_unblocked<A: Api>(&self, space: &Space<A>, off: &Cover<'_, A>) {
        let unblocked = space.scratch(0);
        unblocked.clear();
        off.iter_active().for_each(|blocking| unblocked.or(unblocked, blocking));
        unblocked.minus(self.free, unblocked);
        self.raised.or(self.raised, unblocked);
        self.free.minus(self.free, unblocked);
    }

    /// Whether the cube can be raised to cover another one; collects the bits that would have to be lowered
    /// then.
    pub(super) fn can_cover<A: Api>(
        &self,
        space: &Space<A>,
        off: &Cover<'_, A>,
        other: Set<'_>,
        lowered: Set<'_>,
    ) -> bool {
        let both = space.scratch(0);
        both.or(self.raised, other);
        lowered.clear();
        for blocking in off.iter_active() {
            match space.nearness(blocking, both) {
                Nearness::Intersecting => return false,
                Nearness::Next => space.add_conflicts(lowered, blocking, both),
                Nearness::Far => {}
            }
        }
        true
    }
}

/// A cube of the cover intersects the OFF-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit;

/// Makes all cubes active that `active` says so of, and keeps their number.
pub(super) fn activate<A: Api>(cover: &Cover<'_, A>, active: impl Fn(usize, Set<'_>) -> bool) {
    let mut count = 0;
    for (index, cube) in cover.iter().enumerate() {
        let active = active(index, cube);
        cube.put(Flag::ACTIVE, active);
        count += usize::from(active);
    }
    cover.set_active(count);
}
