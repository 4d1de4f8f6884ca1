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
        covers.iter().flat_map(|cover| cover.iter()).for_each(|cube| list.push(cube));
        list.close();
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

    /// Adds a cube before the list is closed.
    #[inline]
    fn push(&self, cube: Set<'c>) {
        assert!(self.len() + BESIDES <= self.room, "a list is made with room for all cubes");
        // SAFETY: there is room for this cube and the null behind it; the end is in the block.
        unsafe {
            let end = self.end().read();
            end.write(cube.address().as_ptr());
            self.end().write(end.add(1));
        }
    }

    /// Writes the null after the last cube.
    #[inline]
    fn close(&self) {
        // SAFETY: `push` leaves room for it.
        unsafe { self.end().read().write(std::ptr::null_mut()) };
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
        let cubes = self.cubes().len();
        // SAFETY: the second place is the end; it moves back to where the cubes begin and forth with every cube
        // kept, which is never ahead of the one looked at.
        unsafe {
            let first = self.slots.add(BEFORE);
            self.end().write(first);
            for index in 0..cubes {
                let cube = first.add(index).cast::<Set<'c>>().read();
                if keep(cube) {
                    self.push(cube);
                }
            }
        }
        self.close();
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
        for &cube in self.cubes() {
            if !cube.is(by) && space.intersect(cube, by) {
                list.push(cube);
            }
        }
        list.close();
        list
    }

    /// The cofactor against a cube that is full but in one variable.
    pub(super) fn half(&self, space: &Space<A>, by: Set<'_>, variable: usize) -> CubeList<'c, A> {
        let list = self.restricted(space, by);
        let bits = space.bits(variable);
        let (mask, words) = (space.mask(variable), bits.start / 32..(bits.end - 1) / 32 + 1);
        for &cube in self.cubes() {
            let all = cube.data()[words.clone()].iter().zip(&by.data()[words.clone()]);
            let mut all = all.zip(&mask.data()[words.clone()]);
            if all.any(|((cube, by), mask)| cube.get() & by.get() & mask.get() != 0) {
                list.push(cube);
            }
        }
        list.close();
        list
    }

    /// Two lists, of the cubes that belong to the first part and of the others.
    pub(super) fn parted(&self, first: impl Fn(Set<'c>) -> bool) -> [CubeList<'c, A>; 2] {
        let room = self.len() + BESIDES;
        let slots = [allocate::<A>(room), allocate::<A>(room)];
        let lists = slots.map(|slots| CubeList::over(slots, room, HeapSet::copy_of(self.cofactor())));
        for &cube in self.cubes() {
            lists[usize::from(!first(cube))].push(cube);
        }
        lists.iter().for_each(CubeList::close);
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
