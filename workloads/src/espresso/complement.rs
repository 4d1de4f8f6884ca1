//! The complement of a cover: split by a variable until the parts are simple, then merged.

use super::array::Array;
use super::cover::Cover;
use super::list::CubeList;
use super::order::{descending_outside, sort};
use super::set::{Flag, HeapSet, Set};
use super::space::Space;
use super::split::{Census, Halves};
use super::unate;
use crate::api::Api;

/// Cubes that cover what those of the list do not, relative to its cofactor cube.
pub(super) fn complement<'p, A: Api>(space: &'p Space<A>, list: CubeList<'_, A>) -> Cover<'p, A> {
    let cofactor = list.cofactor();
    match list.cubes() {
        [] => {
            let mut universe = space.cover(1);
            universe.push(space.full());
            return universe;
        }
        &[cube] => {
            cofactor.or(cofactor, cube);
            return complement_of_cube(space, cofactor);
        }
        _ => {}
    }
    if list.has_full_cube(space) {
        return space.cover(0);
    }
    let union = HeapSet::<A>::copy_of(cofactor);
    list.unite_into(union.set());
    if !union.set().equals(space.full()) {
        let outside = complement_of_cube(space, union.set());
        union.set().minus(space.full(), union.set());
        cofactor.or(cofactor, union.set());
        drop(union);
        let mut result = complement(space, list);
        result.append(outside);
        return result;
    }
    drop(union);
    let census = Census::of(space, &list);
    if census.active == 1 {
        return space.cover(0);
    }
    if census.is_unate() {
        let matrix = unate::to_matrix(space, &list, census.unate);
        drop(list);
        let complemented = unate::complement(matrix);
        return unate::to_cubes(space, &complemented);
    }
    let halves = Halves::of(space, &list, census);
    let left = complement(space, halves.left(space, &list));
    let right = complement(space, halves.right(space, &list));
    merge(space, &list, left, right, &halves)
}

/// One cube for every variable in which the cube is not full.
fn complement_of_cube<'p, A: Api>(space: &'p Space<A>, cube: Set<'_>) -> Cover<'p, A> {
    let lacking = space.scratch(7);
    lacking.minus(space.full(), cube);
    let mut result = space.cover(space.variables());
    for variable in 0..space.variables() {
        let mask = space.mask(variable);
        if !lacking.is_disjoint(mask) {
            result.push_empty().merge(lacking, space.full(), mask);
        }
    }
    result
}

/// Joins the complements of the two halves of a list.
fn merge<'p, A: Api>(
    space: &'p Space<A>,
    list: &CubeList<'_, A>,
    left: Cover<'p, A>,
    right: Cover<'p, A>,
    halves: &Halves<A>,
) -> Cover<'p, A> {
    let (in_left, in_right) = (halves.left.set(), halves.right.set());
    let expensive = left.count() * right.count() > (left.count() + right.count()) * list.len();
    for (cover, half) in [(&left, in_left), (&right, in_right)] {
        for cube in cover.iter() {
            cube.and(cube, half);
            cube.mark(Flag::ACTIVE);
        }
    }
    let mask = space.mask(halves.variable);
    let sorted = |cover| -> Array<A, Set<'_>> {
        let mut list = Cover::list(cover);
        sort::<A>(&mut list, |&a, &b| descending_outside(mask, a, b));
        list
    };
    let (lefts, rights) = (sorted(&left), sorted(&right));
    merge_equal(mask, &lefts, &rights);
    if expensive {
        let onset = list.to_cover(space);
        lift_off_onset(space, &lefts, &onset, in_right, mask);
        lift_off_onset(space, &rights, &onset, in_left, mask);
    } else {
        lift_into(space, &lefts, &rights, in_right, mask);
        lift_into(space, &rights, &lefts, in_left, mask);
    }
    drop((lefts, rights));
    let mut result = space.cover(left.count() + right.count());
    left.iter().chain(right.iter_active()).for_each(|cube| result.push(cube));
    result
}

/// Unites cubes that differ in the split variable only; the right ones are not active any more.
fn merge_equal(mask: Set<'_>, lefts: &[Set<'_>], rights: &[Set<'_>]) {
    let (mut lefts, mut rights) = (lefts.iter().peekable(), rights.iter().peekable());
    while let (Some(&&left), Some(&&right)) = (lefts.peek(), rights.peek()) {
        match descending_outside(mask, left, right) {
            std::cmp::Ordering::Less => drop(lefts.next()),
            std::cmp::Ordering::Greater => drop(rights.next()),
            std::cmp::Ordering::Equal => {
                right.unmark(Flag::ACTIVE);
                left.or(left, right);
                rights.next();
            }
        }
    }
}

/// Extends the cubes to the other half where another cube covers that.
fn lift_into<A: Api>(
    space: &Space<A>,
    cubes: &[Set<'_>],
    others: &[Set<'_>],
    other_half: Set<'_>,
    mask: Set<'_>,
) {
    let (lifted, raise) = (space.scratch(4), space.scratch(5));
    raise.and(other_half, mask);
    for &cube in cubes.iter().filter(|cube| cube.has(Flag::ACTIVE)) {
        lifted.merge(other_half, cube, mask);
        if others.iter().any(|&other| lifted.is_within(other)) {
            cube.or(cube, raise);
        }
    }
}

/// Extends the cubes to the other half where no cube of the cover is in the way.
fn lift_off_onset<A: Api>(
    space: &Space<A>,
    cubes: &[Set<'_>],
    onset: &Cover<'_, A>,
    other_half: Set<'_>,
    mask: Set<'_>,
) {
    let lifted = space.scratch(4);
    for &cube in cubes.iter().filter(|cube| cube.has(Flag::ACTIVE)) {
        lifted.and(other_half, mask);
        lifted.or(lifted, cube);
        if !onset.iter().any(|other| space.intersect(other, lifted)) {
            cube.take(lifted);
        }
    }
}
