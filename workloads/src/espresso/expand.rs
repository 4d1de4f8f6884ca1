//! EXPAND: raises every cube to a prime, and drops the cubes that are covered on the way.

use super::array::Array;
use super::cover::Cover;
use super::lower::{Hit, Raising, activate};
use super::order::{ascending, by_commonness};
use super::set::{Flag, HeapSet, Set};
use super::space::{Space, count_members};
use super::sparse::{Matrix, minimum_cover};
use crate::api::Api;

/// Whether the bits of the output variable may be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outputs {
    /// Like all others.
    Raise,
    /// They stay as they are.
    Hold,
}

/// At most so many cubes are made of the lowering sets for the exact choice.
const MOST_LOWERING_SETS: usize = 500;

/// Raises the cubes of a cover as far as the OFF-set lets them.
///
/// # Errors
/// A cube hits the OFF-set.
pub(super) fn expand<'p, A: Api>(
    space: &'p Space<A>,
    cover: Cover<'p, A>,
    off: &Cover<'p, A>,
    outputs: Outputs,
) -> Result<Cover<'p, A>, Hit> {
    let mut cover = by_commonness(space, cover, ascending);
    // The last one is for the union of the covered cubes, at which nobody looks.
    let [raised, free, held, reach, _covered] = [(); 5].map(|()| space.cube());
    if outputs == Outputs::Hold {
        held.set().take(space.outputs_mask());
    }
    for cube in cover.iter() {
        cube.unmark(Flag::COVERED);
        cube.unmark(Flag::NOT_ESSENTIAL);
    }
    let expansion = Expansion {
        space,
        off,
        candidates: &cover,
        cube: Raising { raised: raised.set(), free: free.set() },
    };
    for cube in cover.iter().filter(|cube| !cube.has(Flag::PRIME) && !cube.has(Flag::COVERED)) {
        let others_covered = expansion.raise(cube, held.set(), reach.set())?;
        cube.copy(raised.set());
        cube.mark(Flag::PRIME);
        cube.unmark(Flag::COVERED);
        if others_covered == 0 && !cube.equals(reach.set()) {
            cube.mark(Flag::NOT_ESSENTIAL);
        }
    }
    activate(&cover, |_, cube| !cube.has(Flag::COVERED));
    if cover.active() < cover.count() {
        cover.keep_active();
    }
    Ok(cover)
}

/// One cube on its way to a prime.
struct Expansion<'e, 'p, A: Api> {
    space: &'p Space<A>,
    off: &'e Cover<'p, A>,
    /// The cubes that might be covered.
    candidates: &'e Cover<'p, A>,
    cube: Raising<'e>,
}

impl<A: Api> Expansion<'_, '_, A> {
    /// Makes a prime of a cube. Leaves in `reach` all it could have become, and returns how many other cubes it
    /// covers now.
    fn raise(&self, cube: Set<'_>, held: Set<'_>, reach: Set<'_>) -> Result<usize, Hit> {
        let Expansion { space, off, candidates, cube: Raising { raised, free } } = *self;
        // A cube does not cover itself.
        cube.mark(Flag::PRIME);
        activate(off, |_, _| true);
        activate(candidates, |_, cube| !cube.has(Flag::PRIME) && !cube.has(Flag::COVERED));
        raised.copy(cube);
        free.minus(space.full(), raised);
        if !held.is_empty() {
            free.minus(free, held);
            self.cube.drop_decided(space, off, Some(candidates));
        }
        self.lower_essential()?;
        reach.or(raised, free);
        let covered = if candidates.active() > 0 { self.cover_feasible()? } else { 0 };
        while candidates.active() > 0 {
            self.cube.raise(self.most_frequent(Some(candidates)));
            self.lower_essential()?;
        }
        while off.active() > 0 {
            if !self.raise_most() {
                let Raising { raised, free } = self.cube;
                // Both look for the first free bit, each with counters of its own.
                raised.insert(self.most_frequent(None));
                free.remove(self.most_frequent(None));
                self.cube.lower_essential(space, off, None)?;
            }
        }
        raised.or(raised, free);
        Ok(covered)
    }

    fn lower_essential(&self) -> Result<(), Hit> {
        self.cube.lower_essential(self.space, self.off, Some(self.candidates))
    }

    /// Raises the cube to cover one candidate after the other, as long as that is possible. Returns how many
    /// are covered.
    fn cover_feasible(&self) -> Result<usize, Hit> {
        let Expansion { space, off, candidates, cube } = *self;
        let count = candidates.active();
        let mut lowered_cubes;
        let mut feasible = Array::<A, Set<'_>>::with_room(count);
        candidates.iter_active().for_each(|candidate| feasible.push(candidate));
        let mut lowered = Array::<A, Set<'_>>::with_room(count);
        lowered_cubes = space.cover(count);
        for _ in 0..count {
            lowered_cubes.push_empty();
        }
        lowered_cubes.iter().for_each(|cube| lowered.push(cube));
        let mut covered = 0;
        loop {
            cube.raise_unblocked(space, off);
            let mut kept = 0;
            for index in 0..feasible.len() {
                let candidate = feasible[index];
                if !candidate.has(Flag::ACTIVE) {
                    continue;
                }
                if candidate.is_within(cube.raised) {
                    covered += 1;
                    candidates.deactivate(candidate);
                    candidate.mark(Flag::COVERED);
                } else if cube.can_cover(space, off, candidate, lowered[kept]) {
                    feasible[kept] = candidate;
                    kept += 1;
                }
            }
            feasible.truncate(kept);
            let Some(best) = best_candidate(&feasible, &lowered, cube.free) else { return Ok(covered) };
            cube.raised.or(cube.raised, best);
            cube.free.minus(cube.free, cube.raised);
            self.lower_essential()?;
        }
    }

    /// The free bit that most active cubes have; the first free one without cubes.
    fn most_frequent(&self, cubes: Option<&Cover<'_, A>>) -> usize {
        let mut counters = Array::<A, u32>::filled(self.space.size, 0);
        let cubes = cubes.into_iter().flat_map(|cover| cover.iter_active());
        cubes.for_each(|cube| count_members(cube, &mut counters));
        let mut best = None;
        for bit in self.cube.free.members() {
            if best.is_none_or(|(_, most)| counters[bit] > most) {
                best = Some((bit, counters[bit]));
            }
        }
        best.map_or(0, |(bit, _)| bit)
    }

    /// Lowers as few bits as keep the cube off the OFF-set and raises all others. Does nothing and
    /// returns false if that is too much work.
    fn raise_most(&self) -> bool {
        let Expansion { space, off, cube, .. } = *self;
        let mut lowering = space.cover(off.active());
        for blocking in off.iter_active() {
            space.add_conflicts(lowering.push_empty(), blocking, cube.raised);
        }
        if unravelled_count(space, &lowering) > MOST_LOWERING_SETS {
            return false;
        }
        let lowering = unravel(space, lowering);
        let lowered = smallest_cover(&lowering);
        cube.free.minus(cube.free, lowered.set());
        cube.raised.or(cube.raised, cube.free);
        cube.free.clear();
        off.set_active(0);
        true
    }
}

/// The candidate that leaves the most others feasible; among these the one that takes the fewest bits.
fn best_candidate<'c>(feasible: &[Set<'c>], lowered: &[Set<'_>], free: Set<'_>) -> Option<Set<'c>> {
    let mut best = None;
    for (&candidate, lowered) in feasible.iter().zip(lowered) {
        let taken = candidate.count_common(free);
        let left = feasible.iter().filter(|&&other| lowered.is_disjoint(other)).count();
        if best.is_none_or(|(_, most, least)| left > most || left == most && taken < least) {
            best = Some((candidate, left, taken));
        }
    }
    best.map(|(candidate, ..)| candidate)
}

/// How many cubes [`unravel`] makes.
pub(super) fn unravelled_count<A: Api>(space: &Space<A>, cover: &Cover<'_, A>) -> usize {
    let outputs = space.outputs_mask();
    cover.iter().map(|cube| cube.count_common(outputs).max(1) as usize).sum()
}

/// Makes one cube for every output of a cube.
pub(super) fn unravel<'p, A: Api>(space: &'p Space<A>, cover: Cover<'p, A>) -> Cover<'p, A> {
    let outputs = space.outputs_mask();
    let mut result = space.cover(unravelled_count(space, &cover));
    for cube in cover.iter() {
        let mut single = |output: Option<usize>| {
            let copy = result.push_empty();
            copy.minus(cube, outputs);
            output.into_iter().for_each(|bit| copy.insert(bit));
        };
        if cube.is_disjoint(outputs) {
            single(None);
        }
        space.bits(space.inputs).filter(|&bit| cube.contains(bit)).for_each(|bit| single(Some(bit)));
    }
    result
}

/// Few members such that every set has one of them.
fn smallest_cover<A: Api>(sets: &Cover<'_, A>) -> HeapSet<A> {
    let mut matrix = Matrix::<A>::new();
    for (row, set) in sets.iter().enumerate() {
        // Rows and members number at most a few hundred.
        set.members_from_last_word().for_each(|member| matrix.insert(row as u32, member as u32));
    }
    let columns = minimum_cover(&matrix);
    drop(matrix);
    let cover = HeapSet::new(sets.members());
    columns.columns().for_each(|column| cover.set().insert(column as usize));
    cover
}
