//! An array on the heap: one block of a size that is settled when it is made.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;

use crate::api::{Api, Request};

/// A request for `count` values. Where the original asks for none it is the smallest one of that
/// alignment, since Rust's allocators take no empty requests.
pub(super) const fn request_for<T>(count: usize) -> Request {
    if count == 0 { Request::aligned(align_of::<T>(), align_of::<T>()) } else { Request::array::<T>(count) }
}

/// A block with room for `room` values, the first `length` of which are there.
pub(super) struct Array<A: Api, T> {
    block: NonNull<T>,
    room: usize,
    length: usize,
    api: PhantomData<(fn() -> A, T)>,
}

impl<A: Api, T> Array<A, T> {
    /// An empty array with room for so many values.
    #[inline]
    pub(super) fn with_room(room: usize) -> Array<A, T> {
        Array { block: A::alloc(request_for::<T>(room)).cast(), room, length: 0, api: PhantomData }
    }

    /// An array of so many equal values.
    #[inline]
    pub(super) fn filled(count: usize, value: T) -> Array<A, T>
    where
        T: Copy,
    {
        let mut array = Array::with_room(count);
        for _ in 0..count {
            array.push(value);
        }
        array
    }

    /// Adds a value.
    ///
    /// # Panics
    /// If there is no room for it.
    #[inline]
    pub(super) fn push(&mut self, value: T) {
        assert!(self.length < self.room, "an array is made with the room it takes");
        // SAFETY: the place is inside of the block, as was just checked.
        unsafe { self.block.add(self.length).write(value) };
        self.length += 1;
    }

    /// Forgets the values from `length` on.
    #[inline]
    pub(super) fn truncate(&mut self, length: usize)
    where
        T: Copy,
    {
        self.length = self.length.min(length);
    }
}

impl<A: Api, T> Deref for Array<A, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the first `length` values were written.
        unsafe { slice::from_raw_parts(self.block.as_ptr(), self.length) }
    }
}

impl<A: Api, T> DerefMut for Array<A, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: the first `length` values were written, and the array is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.block.as_ptr(), self.length) }
    }
}

impl<A: Api, T> Drop for Array<A, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the values are dropped once, and then the block is freed with the request it was made for.
        unsafe {
            std::ptr::drop_in_place::<[T]>(&raw mut **self);
            A::free(self.block.cast(), request_for::<T>(self.room));
        }
    }
}

/// One value in a block of its own.
pub(super) struct HeapBox<A: Api, T>(Array<A, T>);

impl<A: Api, T> HeapBox<A, T> {
    /// Moves the value to the heap.
    #[inline]
    pub(super) fn new(value: T) -> HeapBox<A, T> {
        let mut array = Array::with_room(1);
        array.push(value);
        HeapBox(array)
    }
}

impl<A: Api, T> Deref for HeapBox<A, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0[0]
    }
}

impl<A: Api, T> DerefMut for HeapBox<A, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0[0]
    }
}
