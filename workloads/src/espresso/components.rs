//! Splitting a list into two that have no active variable in common.

use super::list::CubeList;
use super::set::{Flag, HeapSet};
use super::space::Space;
use super::split::Census;
use crate::api::Api;

/// The parts of a list that was just counted, if it is worth looking for them and there are two.
pub(super) fn components<'c, A: Api>(
    space: &Space<A>,
    list: &CubeList<'c, A>,
    census: Census,
) -> Option<[CubeList<'c, A>; 2]> {
    if space.variable_zeros[census.best].get() as usize >= list.len() / 2 {
        return None;
    }
    let cubes = list.cubes();
    cubes.iter().for_each(|cube| cube.unmark(Flag::COVERED));
    let (&first, _) = cubes.split_first()?;
    let common = HeapSet::<A>::copy_of(first);
    first.mark(Flag::COVERED);
    let mut found = 1;
    loop {
        let before = found;
        for cube in cubes.iter().filter(|cube| !cube.has(Flag::COVERED)) {
            if space.share_variable(*cube, common.set(), list.cofactor()) {
                common.set().and(common.set(), *cube);
                cube.mark(Flag::COVERED);
                found += 1;
            }
        }
        if found == before {
            break;
        }
    }
    drop(common);
    (found < cubes.len()).then(|| list.parted(|cube| cube.has(Flag::COVERED)))
}
