//! Threads that are inside an output function at the moment.
//!
//! An output function may allocate, and the allocation may have something to say: that message is dropped, or
//! there would be no end. A thread-local mark would need a thread's storage to be ready, which it is not at
//! the start and the end of a thread. A small table of thread ids does without: a thread's id is in it
//! exactly while the thread is inside, for only the thread itself writes it. Ids carry the process's, so that
//! what a fork copied counts as free.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::os;

/// Threads that can be inside at a time; further ones write to standard error, which leads nowhere.
const PLACES: usize = 16;
const FREE: u64 = 0;

static TABLE: Table = Table::new();

/// The table of threads that are inside.
#[derive(Debug)]
struct Table {
    places: [AtomicU64; PLACES],
}

/// What came of trying to go inside.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    /// The thread is inside until this goes out of scope.
    Inside(Inside<'a>),
    /// The thread was inside already.
    Again,
    /// Too many threads are.
    Full,
}

/// A place in the table.
#[derive(Debug)]
pub(super) struct Inside<'a> {
    place: &'a AtomicU64,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.place.store(FREE, Ordering::Relaxed);
    }
}

impl Table {
    const fn new() -> Self {
        Self { places: [const { AtomicU64::new(FREE) }; PLACES] }
    }

    fn enter(&self, me: Id) -> Entry<'_> {
        if self.places.iter().any(|place| place.load(Ordering::Relaxed) == me.word()) {
            return Entry::Again;
        }
        for place in &self.places {
            let there = place.load(Ordering::Relaxed);
            let is_free = there == FREE || !me.shares_process_with(there);
            let (new, relaxed) = (me.word(), Ordering::Relaxed);
            if is_free && place.compare_exchange(there, new, relaxed, relaxed).is_ok() {
                return Entry::Inside(Inside { place });
            }
        }
        Entry::Full
    }
}

/// A thread in its process.
#[derive(Debug, Clone, Copy)]
struct Id {
    process: u32,
    thread: u32,
}

impl Id {
    fn current() -> Self {
        Self { process: os::process_id(), thread: os::thread_id() }
    }

    fn word(self) -> u64 {
        u64::from(self.process) << 32 | u64::from(self.thread)
    }

    fn shares_process_with(self, word: u64) -> bool {
        word >> 32 == self.word() >> 32
    }
}

/// Marks the calling thread as inside an output function.
pub(super) fn enter() -> Entry<'static> {
    TABLE.enter(Id::current())
}

/// The calling thread's id, unless it is the main thread.
pub(super) fn other_thread() -> Option<u32> {
    let me = Id::current();
    (me.thread != me.process).then_some(me.thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(process: u32, thread: u32) -> Id {
        Id { process, thread }
    }

    #[test]
    fn a_thread_does_not_enter_twice() {
        let table = Table::new();
        let inside = table.enter(id(1, 1));
        assert!(matches!(inside, Entry::Inside(_)));
        assert!(matches!(table.enter(id(1, 1)), Entry::Again));
        assert!(matches!(table.enter(id(1, 2)), Entry::Inside(_)));
        drop(inside);
        assert!(matches!(table.enter(id(1, 1)), Entry::Inside(_)));
    }

    #[test]
    fn a_full_table_says_so() {
        let table = Table::new();
        let inside: [_; PLACES] = core::array::from_fn(|thread| table.enter(id(1, thread as u32 + 1)));
        assert!(inside.iter().all(|entry| matches!(entry, Entry::Inside(_))));
        assert!(matches!(table.enter(id(1, 100)), Entry::Full));
    }

    #[test]
    fn places_of_the_parent_process_are_free_in_a_child() {
        let table = Table::new();
        for thread in 1..=PLACES {
            core::mem::forget(table.enter(id(1, thread as u32)));
        }
        assert!(matches!(table.enter(id(2, 1)), Entry::Inside(_)));
    }

    #[test]
    fn only_other_threads_are_named() {
        // Tests run on threads of their own.
        assert!(other_thread().is_some());
    }
}
