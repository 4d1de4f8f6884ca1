//! LAST_GASP: reduces all cubes at once instead of one after the other, and looks for primes that cover two of
//! the reduced cubes.

use super::cover::Cover;
use super::expand::{Outputs, expand};
use super::list::CubeList;
use super::lower::{Hit, Raising, activate};
use super::order::without_repetitions;
use super::reduce::reduced;
use super::set::Flag;
use super::space::Space;
use crate::api::Api;

/// Sets that the cover of new primes has room for at first.
const ROOM: usize = 10;

/// Every cube reduced next to all others as they are; cubes that stay as they are stay prime.
pub(super) fn reduce_all<'p, A: Api>(
    space: &'p Space<A>,
    cover: &Cover<'p, A>,
    free: &Cover<'p, A>,
) -> Cover<'p, A> {
    let mut result = space.cover(cover.count());
    let list = CubeList::of(space, &[cover, free]);
    for cube in cover.iter() {
        let reduced = reduced(space, &list, cube);
        if reduced.set().equals(cube) {
            result.push(cube);
        } else {
            reduced.set().unmark(Flag::PRIME);
            result.push(reduced.set());
        }
    }
    result
}

/// Primes that cover two reduced cubes each; `original` has the cubes as they were.
///
/// # Errors
/// A cube hits the OFF-set.
pub(super) fn new_primes<'p, A: Api>(
    space: &'p Space<A>,
    reduced: &Cover<'p, A>,
    original: &Cover<'p, A>,
    free: &Cover<'p, A>,
    off: &Cover<'p, A>,
) -> Result<Cover<'p, A>, Hit> {
    let mut found = space.cover(ROOM);
    for index in 0..reduced.count() {
        raise_over_another(space, Covers { reduced, original, free, off }, index, &mut found)?;
    }
    expand(space, without_repetitions(found), off, Outputs::Raise)
}

#[derive(Clone, Copy)]
struct Covers<'e, 'p, A: Api> {
    reduced: &'e Cover<'p, A>,
    original: &'e Cover<'p, A>,
    free: &'e Cover<'p, A>,
    off: &'e Cover<'p, A>,
}

/// Adds to `found` what becomes of one reduced cube when it is raised over what would be left of another.
fn raise_over_another<'p, A: Api>(
    space: &'p Space<A>,
    covers: Covers<'_, 'p, A>,
    index: usize,
    found: &mut Cover<'p, A>,
) -> Result<(), Hit> {
    let Covers { reduced: cubes, original, free: dont_care, off } = covers;
    let [raised, free, both] = [(); 3].map(|()| space.cube());
    activate(off, |_, _| true);
    activate(cubes, |other, cube| other != index && !cube.has(Flag::PRIME));
    let cube = Raising { raised: raised.set(), free: free.set() };
    cube.raised.copy(cubes.get(index));
    cube.free.minus(space.full(), cube.raised);
    cube.lower_essential(space, off, Some(cubes))?;
    cube.raise_unblocked(space, off);
    for (other, candidate) in cubes.iter().enumerate() {
        if !candidate.has(Flag::ACTIVE) {
            continue;
        }
        if candidate.is_within(cube.raised) || cube.can_cover(space, off, candidate, both.set()) {
            let changed = original.duplicate();
            changed.get(index).copy(cubes.get(index));
            let list = CubeList::of(space, &[&changed, dont_care]);
            let rest = reduced(space, &list, changed.get(other));
            drop(list);
            drop(changed);
            if cube.can_cover(space, off, rest.set(), both.set()) {
                both.set().or(cube.raised, rest.set());
                both.set().unmark(Flag::PRIME);
                found.push(both.set());
            }
        }
    }
    Ok(())
}
