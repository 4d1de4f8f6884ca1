//! ESSENTIAL: takes out the primes that every prime cover has.

use super::cover::Cover;
use super::list::CubeList;
use super::set::{Flag, Set};
use super::space::{Nearness, Space};
use super::tautology::covers;
use crate::api::Api;

/// Sets that the cover of essential primes has room for at first.
const ROOM: usize = 10;

/// Moves the essential primes out of a cover that was just made irredundant, and adds them to the don't-cares.
pub(super) fn essential<'p, A: Api>(
    space: &'p Space<A>,
    cover: &mut Cover<'p, A>,
    free: &mut Cover<'p, A>,
) -> Cover<'p, A> {
    cover.activate_all();
    let mut essential = space.cover(ROOM);
    for cube in cover.iter() {
        let possible = !cube.has(Flag::NOT_ESSENTIAL) && cube.has(Flag::INDISPENSABLE);
        if possible && is_essential(space, cover, free, cube) {
            essential.push(cube);
            cover.deactivate(cube);
        }
    }
    cover.keep_active();
    *free = free.join(&essential);
    essential
}

/// Whether the consensus of the others with the prime leaves some of it uncovered.
fn is_essential<A: Api>(space: &Space<A>, cover: &Cover<'_, A>, free: &Cover<'_, A>, prime: Set<'_>) -> bool {
    let all = cover.join(free);
    let consensus = consensus_with(space, &all, prime);
    drop(all);
    !covers(space, &CubeList::of(space, &[&consensus, free]), prime)
}

/// The consensus of every cube of the cover with a prime, the prime itself left out.
fn consensus_with<'p, A: Api>(space: &'p Space<A>, cover: &Cover<'_, A>, prime: Set<'_>) -> Cover<'p, A> {
    let mut result = space.cover(cover.count() * 2);
    let consensus = space.cube();
    for cube in cover.iter() {
        match space.nearness(cube, prime) {
            Nearness::Intersecting if !cube.is_within(prime) => intersecting(space, &mut result, cube, prime),
            Nearness::Next => {
                space.consensus(consensus.set(), cube, prime);
                result.push(consensus.set());
            }
            _ => {}
        }
    }
    result
}

/// The consensus of a cube that intersects the prime and sticks out of it.
fn intersecting<A: Api>(space: &Space<A>, result: &mut Cover<'_, A>, cube: Set<'_>, prime: Set<'_>) {
    let outputs = space.outputs_mask();
    let (both, outside, consensus) = (space.scratch(0), space.scratch(1), space.cube());
    both.and(cube, prime);
    outside.minus(cube, prime);
    if outside.is_disjoint(outputs) {
        result.push(both);
    } else {
        consensus.set().merge(prime, both, outputs);
        result.push(consensus.set());
    }
}
