//! Cube lists: pointers to cubes of one or more covers, and the cofactor cube, whose bits do not count.
//!
//! A list is a block of pointers: to the cofactor cube, to the end, to the cubes, and null.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use super::cover::Cover;
use super::set::{HeapSet, Set};
use super::space::Space;
use crate::api::{Api, Request};

/// What a place of the block holds: where the cofactor cube, the end, or a cube is.
type Slot = *mut u32;

/// The places before the cubes.
const BEFORE: usize = 2;

/// Cofactor cube, end and null.
const BESIDES: usize = 3;

/// Room for two more, as every cofactor has it.
const SPARE: usize = 2;

/// Pointers to cubes that live for `'c`.
pub(super) struct CubeList<'c, A: Api> {
    slots: NonNull<Slot>,
    room: usize,
    cofactor: HeapSet<A>,
    cubes: PhantomData<Set<'c>>,
}

impl<'c, A: Api> CubeList<'c, A> {
    /// The cubes of some covers.
    pub(super) fn of(space: &Space<A>, covers: &[&'c Cover<'_, A>]) -> CubeList<'c, A> {
        let count: usize = covers.iter().map(|cover| cover.count()).sum();
        let slots = allocate::<A>(count + BESIDES);
        let list = CubeList::over(slots, count + BESIDES, space.cube());
        list.fill(covers.iter().flat_map(|cover| cover.iter()));
        list
    }

    /// An open list.
    #[inline]
    fn over(slots: NonNull<Slot>, room: usize, cofactor: HeapSet<A>) -> CubeList<'c, A> {
        // SAFETY: there is room for more than the two places before the cubes.
        unsafe {
            slots.write(cofactor.set().address().as_ptr());
            slots.add(1).write(slots.as_ptr().add(BEFORE).cast());
        }
        CubeList { slots, room, cofactor, cubes: PhantomData }
    }

    #[inline]
    fn end(&self) -> NonNull<NonNull<Slot>> {
        // SAFETY: the second place is inside of the block.
        unsafe { self.slots.add(1).cast() }
    }

    /// Adds the last cubes, and the null behind them.
    #[inline]
    fn fill(&self, cubes: impl Iterator<Item = Set<'c>>) {
        // SAFETY: the end is in the block and there is room for the null there. It moves on only while there is
        // room for another one.
        unsafe {
            let mut end = self.end().read();
            let last = self.slots.add(self.room - 1);
            for cube in cubes {
                assert!(end < last, "a list is made with room for all cubes");
                end.write(cube.address().as_ptr());
                end = end.add(1);
            }
            end.write(std::ptr::null_mut());
            self.end().write(end);
        }
    }

    /// The number of cubes.
    #[inline]
    pub(super) fn len(&self) -> usize {
        // SAFETY: the end is in the block, behind the first two places.
        unsafe { self.end().read().offset_from_unsigned(self.slots.add(BEFORE)) }
    }

    /// The cubes.
    #[inline]
    pub(super) fn cubes(&self) -> &[Set<'c>] {
        // SAFETY: the places behind the first two, as many as `len` says, hold pointers to cubes that
        // live for `'c`; a `Set` is nothing but such a pointer.
        unsafe { slice::from_raw_parts(self.slots.as_ptr().add(BEFORE).cast(), self.len()) }
    }

    /// The cube whose bits do not count.
    #[inline]
    pub(super) fn cofactor(&self) -> Set<'_> {
        self.cofactor.set()
    }

    /// Keeps the cubes for which `keep` says so, in order.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Set<'c>) -> bool) {
        let count = self.len();
        // SAFETY: a cube that is kept goes to a place of the list that was looked at before; `fill` writes
        // the null at the end, which is not behind the old one.
        unsafe {
            let first = self.slots.add(BEFORE);
            self.end().write(first);
            self.fill(
                (0..count).map(|index| first.add(index).cast::<Set<'c>>().read()).filter(|&cube| keep(cube)),
            );
        }
    }

    /// An open list with room for all cubes of this one, and its cofactor cube extended by what `cube` lacks.
    #[inline]
    fn restricted(&self, space: &Space<A>, cube: Set<'_>) -> CubeList<'c, A> {
        let room = self.len() + BESIDES + SPARE;
        let slots = allocate::<A>(room);
        let cofactor = space.cube();
        cofactor.set().minus(space.full(), cube);
        cofactor.set().or(cofactor.set(), self.cofactor());
        CubeList::over(slots, room, cofactor)
    }

    /// The cofactor against a cube: the other cubes that intersect it.
    pub(super) fn cofactored(&self, space: &Space<A>, by: Set<'_>) -> CubeList<'c, A> {
        let list = self.restricted(space, by);
        let cubes = self.cubes().iter().copied();
        list.fill(cubes.filter(|&cube| !cube.is(by) && space.intersect(cube, by)));
        list
    }

    /// The cofactor against a cube that is full but in one variable.
    pub(super) fn half(&self, space: &Space<A>, by: Set<'_>, variable: usize) -> CubeList<'c, A> {
        let list = self.restricted(space, by);
        let bits = space.bits(variable);
        let (mask, words) = (space.mask(variable), bits.start / 32..(bits.end - 1) / 32 + 1);
        let intersects = |cube: &Set<'c>| {
            let cube = &cube.data()[words.clone()];
            let others = by.data()[words.clone()].iter().zip(&mask.data()[words.clone()]);
            cube.iter().zip(others).any(|(cube, (by, mask))| cube.get() & by.get() & mask.get() != 0)
        };
        list.fill(self.cubes().iter().copied().filter(intersects));
        list
    }

    /// Two lists, of the cubes that belong to the first part and of the others.
    pub(super) fn parted(&self, first: impl Fn(Set<'c>) -> bool) -> [CubeList<'c, A>; 2] {
        let room = self.len() + BESIDES;
        let slots = [allocate::<A>(room), allocate::<A>(room)];
        let lists = slots.map(|slots| CubeList::over(slots, room, HeapSet::copy_of(self.cofactor())));
        let cubes = || self.cubes().iter().copied();
        lists[0].fill(cubes().filter(|&cube| first(cube)));
        lists[1].fill(cubes().filter(|&cube| !first(cube)));
        lists
    }

    /// A cover of the cubes, each with the bits of the cofactor cube.
    pub(super) fn to_cover<'p>(&self, space: &'p Space<A>) -> Cover<'p, A> {
        let mut cover = space.cover(self.len());
        for &cube in self.cubes() {
            cover.push_empty().or(cube, self.cofactor());
        }
        cover
    }

    /// Whether some cube is full.
    #[inline]
    pub(super) fn has_full_cube(&self, space: &Space<A>) -> bool {
        self.cubes().iter().any(|cube| cube.completes(self.cofactor(), space.full()))
    }

    /// Unites `to` with all cubes.
    #[inline]
    pub(super) fn unite_into(&self, to: Set<'_>) {
        for &cube in self.cubes() {
            to.or(to, cube);
        }
    }
}

#[inline]
fn allocate<A: Api>(room: usize) -> NonNull<Slot> {
    A::alloc(Request::array::<Slot>(room)).cast()
}

impl<A: Api> Drop for CubeList<'_, A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block was made for that many places and is freed only here.
        unsafe { A::free(self.slots.cast(), Request::array::<Slot>(self.room)) };
    }
}
