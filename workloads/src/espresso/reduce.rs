//! REDUCE: makes every cube as small as the others let it be, so that EXPAND can take another way.

use std::cmp::Reverse;

use super::components::components;
use super::cover::Cover;
use super::list::CubeList;
use super::order::{by_commonness, descending, sort};
use super::set::{Flag, HeapSet, Set};
use super::space::Space;
use super::split::{Census, Halves};
use crate::api::Api;

/// The order in which cubes are reduced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Those near to the largest one first.
    #[default]
    Distance,
    /// Those with the most common bits first.
    Commonness,
}

impl Order {
    /// The order to take next time: they alternate, from one pass to the next as well.
    pub(super) fn other(self) -> Order {
        match self {
            Order::Distance => Order::Commonness,
            Order::Commonness => Order::Distance,
        }
    }
}

/// Reduces the cubes one after the other, each next to the already reduced ones.
pub(super) fn reduce<'p, A: Api>(
    space: &'p Space<A>,
    cover: Cover<'p, A>,
    free: &Cover<'p, A>,
    order: Order,
) -> Cover<'p, A> {
    let mut cover = match order {
        Order::Distance => by_distance(space, cover),
        Order::Commonness => by_commonness(space, cover, descending),
    };
    let list = CubeList::of(space, &[&cover, free]);
    for cube in cover.iter() {
        let reduced = reduced(space, &list, cube);
        if reduced.set().equals(cube) {
            cube.mark(Flag::ACTIVE);
            cube.mark(Flag::PRIME);
        } else {
            cube.copy(reduced.set());
            cube.unmark(Flag::PRIME);
            cube.put(Flag::ACTIVE, !cube.is_empty());
        }
    }
    drop(list);
    cover.keep_active();
    cover
}

/// Sorts by how near a cube is to the largest one, then by its number of bits.
fn by_distance<'p, A: Api>(space: &'p Space<A>, cover: Cover<'p, A>) -> Cover<'p, A> {
    let Some(largest) = cover.iter().min_by_key(|cube| Reverse(cube.count())) else { return cover };
    for cube in cover.iter() {
        let near = space.variables() as u32 - space.distance(largest, cube);
        cube.set_weight((near << 7) + cube.count().min(127));
    }
    let mut list = cover.list();
    sort::<A>(&mut list, descending);
    Cover::of(&space.headers, &list, space.size)
}

/// The smallest cube that has all of a cube that the others in the list do not cover.
pub(super) fn reduced<A: Api>(space: &Space<A>, list: &CubeList<'_, A>, cube: Set<'_>) -> HeapSet<A> {
    let result = uncovered(space, list.cofactored(space, cube));
    result.set().and(result.set(), cube);
    result
}

/// The smallest cube that contains the complement of a list.
fn uncovered<A: Api>(space: &Space<A>, list: CubeList<'_, A>) -> HeapSet<A> {
    if list.cubes().is_empty() {
        return HeapSet::copy_of(space.full());
    }
    if list.has_full_cube(space) {
        return space.cube();
    }
    let census = Census::of(space, &list);
    if census.is_unate() || list.len() == 1 {
        let result = HeapSet::copy_of(space.full());
        let relative = space.scratch(1);
        for &cube in list.cubes() {
            relative.or(cube, list.cofactor());
            exclude(space, result.set(), relative);
        }
        return result;
    }
    let union = HeapSet::copy_of(list.cofactor());
    list.unite_into(union.set());
    if !union.set().equals(space.full()) {
        let outside = HeapSet::copy_of(space.full());
        exclude(space, outside.set(), union.set());
        if outside.set().equals(space.full()) {
            return outside;
        }
        let inside = uncovered(space, list.cofactored(space, union.set()));
        return unite(inside, HeapSet::copy_of(space.full()), union, outside);
    }
    drop(union);
    if census.active == 1 {
        return space.cube();
    }
    if let Some([one, other]) = components(space, &list, census) {
        drop(list);
        let result = uncovered(space, one);
        let second = uncovered(space, other);
        result.set().and(result.set(), second.set());
        return result;
    }
    let halves = Halves::of(space, &list, census);
    let left = uncovered(space, halves.left(space, &list));
    let right = uncovered(space, halves.right(space, &list));
    unite(left, right, halves.left, halves.right)
}

/// Intersects with the smallest cube that contains the complement of a cube.
fn exclude<A: Api>(space: &Space<A>, result: Set<'_>, cube: Set<'_>) {
    if let Some(variable) = space.only_active_variable(cube) {
        let complement = space.scratch(0);
        complement.xor(cube, space.mask(variable));
        result.and(result, complement);
    }
}

/// Each result in its part of the space, and then both together.
fn unite<A: Api>(
    left: HeapSet<A>,
    right: HeapSet<A>,
    in_left: HeapSet<A>,
    in_right: HeapSet<A>,
) -> HeapSet<A> {
    left.set().and(left.set(), in_left.set());
    right.set().and(right.set(), in_right.set());
    left.set().or(left.set(), right.set());
    left
}
