//! A table with room for all it will ever hold: one heap block, never grown, filled from the front.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::api::{Api, Request};

/// Derefs to the entries that were pushed. Memory behind them is not touched.
pub(crate) struct Table<A: Api, T: Copy> {
    entries: NonNull<T>,
    capacity: usize,
    length: usize,
    api: PhantomData<fn() -> A>,
}

impl<A: Api, T: Copy> Table<A, T> {
    /// An empty table; its block has at least one entry.
    pub(crate) fn new(capacity: usize) -> Table<A, T> {
        let capacity = capacity.max(1);
        let entries = A::alloc(Request::array::<T>(capacity)).cast();
        Table { entries, capacity, length: 0, api: PhantomData }
    }

    /// A table that is full at once.
    pub(crate) fn of(entries: &[T]) -> Table<A, T> {
        let mut table = Table::new(entries.len());
        entries.iter().for_each(|&entry| {
            table.push(entry);
        });
        table
    }

    /// Appends an entry and returns its index.
    ///
    /// # Panics
    /// If the table is full.
    #[inline]
    pub(crate) fn push(&mut self, entry: T) -> usize {
        let index = self.length;
        assert!(index < self.capacity, "tables are made large enough for the steps that are allowed");
        // SAFETY: the block has room for `capacity` entries, and `index` is below that.
        unsafe { self.entries.add(index).write(entry) };
        self.length += 1;
        index
    }

    /// Takes all entries out; the block stays.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }
}

impl<A: Api, T: Copy> Deref for Table<A, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the first `length` entries were written, and the block lives as long as the table.
        unsafe { NonNull::slice_from_raw_parts(self.entries, self.length).as_ref() }
    }
}

impl<A: Api, T: Copy> DerefMut for Table<A, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and the table is borrowed mutably.
        unsafe { NonNull::slice_from_raw_parts(self.entries, self.length).as_mut() }
    }
}

impl<A: Api, T: Copy> Drop for Table<A, T> {
    fn drop(&mut self) {
        // SAFETY: `new` made the block for this request, and nothing refers to it any more.
        unsafe { A::free(self.entries.cast(), Request::array::<T>(self.capacity)) };
    }
}
