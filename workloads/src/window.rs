//! The pointer array of sh6bench and sh8bench: blocks are stored in order, and when the array is
//! full all are freed but those in a protected window, which moves on by a fifth each time.

use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::tagged::Tagged;

/// The array, on the heap under test, and the window `[start, end)` in it.
pub(crate) struct Window {
    cells: NonNull<Tagged>,
    capacity: usize,
    start: usize,
    end: usize,
    position: usize,
}

impl Window {
    /// An empty array of `capacity` cells. Its memory is asked for but not touched.
    pub(crate) fn new<A: Api>(capacity: usize) -> Window {
        let cells = A::alloc(Request::array::<Tagged>(capacity)).cast();
        Window { cells, capacity, start: capacity, end: capacity, position: 0 }
    }

    /// Whether the next cell is past the end.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.position >= self.capacity
    }

    /// Jumps over the window if the next cell is its first.
    #[inline]
    pub(crate) fn skip_protected(&mut self) {
        if self.position == self.start {
            self.position = self.end;
        }
    }

    /// Stores a block in the next cell.
    ///
    /// # Panics
    /// If the array is full.
    #[inline]
    pub(crate) fn store(&mut self, block: Tagged) {
        assert!(!self.is_full(), "a full array is recycled first");
        // SAFETY: the position is below the capacity.
        unsafe { self.cells.add(self.position).write(block) };
        self.position += 1;
    }

    /// Moves the window on and frees what is outside of it: below in ascending, above in
    /// descending order. Returns the number of blocks freed.
    ///
    /// # Safety
    /// The array is full, and every block in it came from `A` as bytes of the size `size_of`
    /// makes of its tag.
    #[inline]
    pub(crate) unsafe fn recycle<A: Api>(&mut self, size_of: impl Fn(u16) -> usize) -> u64 {
        self.start = if self.end >= self.capacity { 0 } else { self.end };
        self.end = (self.start + self.capacity / 5).min(self.capacity);
        self.position = 0;
        // SAFETY: the caller vouches for the blocks, and a full array has no cell without one.
        unsafe {
            (0..self.start).for_each(|index| self.free::<A>(index, &size_of));
            (self.end..self.capacity).rev().for_each(|index| self.free::<A>(index, &size_of));
        }
        (self.start + self.capacity - self.end) as u64
    }

    /// Frees the blocks below the next cell, in ascending order. Returns their number.
    ///
    /// # Safety
    /// As for [`recycle`](Window::recycle), for every block stored.
    pub(crate) unsafe fn free_filled<A: Api>(&mut self, size_of: impl Fn(u16) -> usize) -> u64 {
        // SAFETY: the caller vouches for the blocks; the cells below the position have one.
        (0..self.position).for_each(|index| unsafe { self.free::<A>(index, &size_of) });
        let freed = self.position;
        self.start = self.start.max(freed);
        self.position = 0;
        freed as u64
    }

    /// Frees the blocks in the window.
    ///
    /// # Safety
    /// As for [`recycle`](Window::recycle); and no store has overwritten a block in the window.
    pub(crate) unsafe fn free_protected<A: Api>(&mut self, size_of: impl Fn(u16) -> usize) {
        // SAFETY: the caller vouches for the blocks; the window has one in every cell.
        (self.start..self.end).for_each(|index| unsafe { self.free::<A>(index, &size_of) });
        self.start = self.end;
    }

    /// Frees the array; the blocks still in it are lost.
    ///
    /// # Safety
    /// `A` made the array.
    pub(crate) unsafe fn free_array<A: Api>(self) {
        // SAFETY: the array came from `A` for this request, and `self` was all that refers to it.
        unsafe { A::free(self.cells.cast(), Request::array::<Tagged>(self.capacity)) };
    }

    /// # Safety
    /// The cell has a live block from `A` of the size that `size_of` makes of its tag.
    #[inline]
    unsafe fn free<A: Api>(&self, index: usize, size_of: impl Fn(u16) -> usize) {
        // SAFETY: the cell is in the array and was written; the block is as the caller says.
        unsafe {
            let (block, tag) = self.cells.add(index).read().split();
            A::free(block, Request::bytes(size_of(tag)));
        }
    }
}
