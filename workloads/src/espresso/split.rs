//! Counting what the cubes of a list lack, and choosing the variable to split by.

use std::cell::Cell;

use super::list::CubeList;
use super::set::{HeapSet, Set};
use super::space::Space;
use crate::api::Api;

/// What the last count found; the counts themselves are kept in the space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Census {
    /// Variables in which some cube is not full.
    pub(super) active: usize,
    /// Active variables with one active bit.
    pub(super) unate: usize,
    /// The variable to split by.
    pub(super) best: usize,
}

impl Census {
    /// Counts, for every bit, the cubes of the list that lack it.
    pub(super) fn of<A: Api>(space: &Space<A>, list: &CubeList<'_, A>) -> Census {
        count_zeros(space, list);
        let mut census = Census { active: 0, unate: 0, best: 0 };
        let (mut most_active, mut most_zeros, mut least_balance) = (0, 0, u32::MAX);
        for variable in 0..space.variables() {
            let (mut active, mut zeros, mut largest) = (0, 0, 0);
            for count in &space.zeros[space.bits(variable)] {
                active += u32::from(count.get() > 0);
                zeros += count.get();
                largest = largest.max(count.get());
            }
            let balance = if variable < space.inputs { largest } else { active };
            let key = (active, zeros);
            let best = (most_active, most_zeros);
            if key > best || key == best && balance < least_balance {
                (most_active, most_zeros, least_balance) = (active, zeros, balance);
                census.best = variable;
            }
            space.variable_zeros[variable].set(zeros);
            space.active_parts[variable].set(active);
            space.unate[variable].set(u32::from(active == 1));
            census.active += usize::from(active > 0);
            census.unate += usize::from(active == 1);
        }
        census
    }

    /// Whether all active variables are unate.
    pub(super) fn is_unate(&self) -> bool {
        self.unate == self.active
    }
}

fn count_zeros<A: Api>(space: &Space<A>, list: &CubeList<'_, A>) {
    let (zeros, full, cofactor) = (&space.zeros[..], space.full().data(), list.cofactor().data());
    zeros.iter().for_each(|count| count.set(0));
    for &cube in list.cubes() {
        let words = cube.data().iter().zip(cofactor).zip(full);
        for (((cube, cofactor), full), zeros) in words.zip(zeros.chunks(32)) {
            let mut lacking = full.get() & !(cube.get() | cofactor.get());
            while lacking != 0 {
                increment(&zeros[lacking.trailing_zeros() as usize]);
                lacking &= lacking - 1;
            }
        }
    }
}

#[inline]
fn increment(count: &Cell<u32>) {
    count.set(count.get() + 1);
}

/// The two halves of the space by the best variable: half of the bits that count in it on each side.
pub(super) struct Halves<A: Api> {
    pub(super) left: HeapSet<A>,
    pub(super) right: HeapSet<A>,
    pub(super) variable: usize,
}

impl<A: Api> Halves<A> {
    /// Splits the space of a list that was just counted.
    pub(super) fn of(space: &Space<A>, list: &CubeList<'_, A>, census: Census) -> Halves<A> {
        let halves = Halves { left: space.cube(), right: space.cube(), variable: census.best };
        let outside = |half: Set<'_>| half.minus(space.full(), space.mask(census.best));
        outside(halves.left.set());
        outside(halves.right.set());
        let counting = || space.bits(census.best).filter(|&bit| !list.cofactor().contains(bit));
        let left = counting().count() / 2;
        counting().take(left).for_each(|bit| halves.left.set().insert(bit));
        counting().skip(left).for_each(|bit| halves.right.set().insert(bit));
        halves
    }

    /// The cofactor of a list against the left half.
    pub(super) fn left<'c>(&self, space: &Space<A>, list: &CubeList<'c, A>) -> CubeList<'c, A> {
        list.half(space, self.left.set(), self.variable)
    }

    /// The cofactor of a list against the right half.
    pub(super) fn right<'c>(&self, space: &Space<A>, list: &CubeList<'c, A>) -> CubeList<'c, A> {
        list.half(space, self.right.set(), self.variable)
    }
}
