//! The word that ties a theap to its heap and to the thread that uses it.

use std::sync::Arc;

use loom::thread;

use super::page::Guarded;
use super::{WeakObserve, WeakPublish, check};
use crate::sync::{AtomicU64, Orders, Strict};
use crate::theap_tie::Tie;

struct Toy<O> {
    tie: Tie<O>,
    /// What the theap's user writes.
    contents: Guarded<u32>,
}

impl<O: Orders> Toy<O> {
    fn new(serial: u64, holder: u32) -> Self {
        let tie = Tie::new(AtomicU64::new(0));
        tie.set(serial, holder);
        Self { tie, contents: Guarded::new(0) }
    }
}

/// A thread ends its use while two others want the theap: one user at a time, each of which sees what the last one left.
fn one_user_at_a_time<O: Orders + 'static>() {
    check(|| {
        let toy = Arc::new(Toy::<O>::new(1, 1));
        let takers = [2, 3].map(|holder| {
            let toy = Arc::clone(&toy);
            thread::spawn(move || {
                let taken = toy.tie.bind(1, holder);
                if taken {
                    assert_eq!(toy.tie.holder(), holder);
                    toy.contents.set(toy.contents.get() + 10);
                }
                taken
            })
        });
        toy.contents.set(toy.contents.get() + 1);
        assert!(toy.tie.unbind(1, 1), "nobody else ends this thread's use");
        let taken = takers.map(|taker| taker.join().unwrap());
        assert!(taken != [true, true], "the theap has two users");
        if taken == [false, false] {
            assert!(toy.tie.bind(1, 4));
        }
        assert_eq!(toy.contents.get(), if taken == [false, false] { 1 } else { 11 });
    });
}

#[test]
fn a_theap_has_one_user_at_a_time() {
    one_user_at_a_time::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_user_that_ends_without_publishing_is_caught() {
    one_user_at_a_time::<WeakPublish>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_user_that_begins_without_observing_is_caught() {
    one_user_at_a_time::<WeakObserve>();
}

/// A heap ends while a thread that used it ends; its theap goes on to the heap with the serial number `next`, and to
/// the same thread number, which is free again.
fn a_late_end_does_not_touch_the_next_heap(next: u64) {
    check(move || {
        let toy = Arc::new(Toy::<Strict>::new(1, 1));
        let late = {
            let toy = Arc::clone(&toy);
            thread::spawn(move || toy.tie.unbind(1, 1))
        };
        toy.tie.cut();
        toy.contents.set(5);
        toy.tie.set(next, 1);
        late.join().unwrap();
        assert_eq!(toy.tie.holder(), 1, "the new user lost the theap");
        assert!(toy.tie.is_of(next));
    });
}

#[test]
fn a_thread_that_ends_late_leaves_the_next_heap_alone() {
    a_late_end_does_not_touch_the_next_heap(2);
}

#[test]
#[should_panic(expected = "lost the theap")]
fn a_serial_number_used_twice_is_caught() {
    a_late_end_does_not_touch_the_next_heap(1);
}
