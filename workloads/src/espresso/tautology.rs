//! Whether cubes cover everything.

use super::components::components;
use super::list::CubeList;
use super::set::Set;
use super::space::Space;
use super::split::{Census, Halves};
use crate::api::Api;

/// Whether the cubes of a list, the given cube itself left out, cover the cube.
pub(super) fn covers<A: Api>(space: &Space<A>, list: &CubeList<'_, A>, cube: Set<'_>) -> bool {
    tautology(space, list.cofactored(space, cube))
}

fn tautology<A: Api>(space: &Space<A>, mut list: CubeList<'_, A>) -> bool {
    if list.has_full_cube(space) {
        return true;
    }
    let census = loop {
        let union = space.scratch(0);
        union.take(list.cofactor());
        list.unite_into(union);
        if !union.equals(space.full()) {
            return false;
        }
        let census = Census::of(space, &list);
        if census.is_unate() {
            return false;
        }
        if census.active == 1 {
            return true;
        }
        if census.unate == 0 {
            break census;
        }
        keep_full_in_unate(space, &mut list);
    };
    if let Some([one, other]) = components(space, &list, census) {
        drop(list);
        return tautology(space, one) || tautology(space, other);
    }
    let halves = Halves::of(space, &list, census);
    tautology(space, halves.left(space, &list)) && tautology(space, halves.right(space, &list))
}

/// Keeps the cubes of a list that was just counted that are full in all its unate variables: the others
/// do not matter to whether it covers everything.
pub(super) fn keep_full_in_unate<A: Api>(space: &Space<A>, list: &mut CubeList<'_, A>) {
    let (unate, wanted) = (space.scratch(0), space.scratch(1));
    unate.clear();
    for variable in (0..space.variables()).filter(|&variable| space.unate[variable].get() != 0) {
        unate.or(unate, space.mask(variable));
    }
    wanted.minus(unate, list.cofactor());
    list.retain(|cube| wanted.is_within(cube));
}
