//! The stack of numbered things.

use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::page::Guarded;
use super::{WeakObserve, WeakPublish, check};
use crate::stack::IndexStack;
use crate::sync::{AtomicU32, AtomicU64, Orders, Strict};

const ENTRIES: usize = 3;

struct Stack<O> {
    stack: IndexStack<O>,
    next: [AtomicU32; ENTRIES],
    /// How often each entry was taken; touched by whoever holds it.
    taken: [Guarded<u32>; ENTRIES],
}

impl<O: Orders> Stack<O> {
    fn new() -> Self {
        Self {
            stack: IndexStack::new(AtomicU64::new(0)),
            next: core::array::from_fn(|_| AtomicU32::new(0)),
            taken: core::array::from_fn(|_| Guarded::new(0)),
        }
    }

    fn push(&self, number: u32) {
        self.stack.push(number, &self.next[number as usize]);
    }

    fn pop(&self) -> Option<u32> {
        let number = self.stack.pop(|number| &self.next[number as usize])?;
        let taken = &self.taken[number as usize];
        taken.set(taken.get() + 1);
        Some(number)
    }

    /// All that is left, in ascending order, together with what the threads hold.
    fn all(&self, held: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut all: Vec<u32> = held.into_iter().chain(core::iter::from_fn(|| self.pop())).collect();
        all.sort_unstable();
        all
    }
}

/// Two threads push and pop at once: nothing is lost or taken twice, and entries carry their contents.
fn entries_are_kept<O: Orders + 'static>() {
    check(|| {
        let stack = Arc::new(Stack::<O>::new());
        stack.push(0);
        let threads = [1, 2].map(|number| {
            let stack = Arc::clone(&stack);
            thread::spawn(move || {
                stack.taken[number as usize].set(0);
                stack.push(number);
                stack.pop()
            })
        });
        let held = threads.map(|thread| thread.join().unwrap());
        assert_eq!(stack.all(held.into_iter().flatten()), [0, 1, 2]);
    });
}

#[test]
fn nothing_is_lost_or_doubled() {
    entries_are_kept::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_push_that_does_not_publish_is_caught() {
    entries_are_kept::<WeakPublish>();
}

/// One thread pops while the other pops two entries and puts the first back: the head has the
/// same number as before, but what lies below it has changed.
fn the_head_comes_back<O: Orders + 'static>() {
    check(|| {
        let stack = Arc::new(Stack::<O>::new());
        for number in [2, 1, 0] {
            stack.push(number);
        }
        let popper = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || stack.pop())
        };
        let first = stack.pop();
        let second = stack.pop();
        if let Some(first) = first {
            stack.push(first);
        }
        let held = [second, popper.join().unwrap()];
        assert_eq!(stack.all(held.into_iter().flatten()), [0, 1, 2], "an entry is lost or taken twice");
    });
}

#[test]
fn a_head_that_comes_back_does_not_deceive() {
    the_head_comes_back::<Strict>();
}

#[test]
#[should_panic(expected = "an entry is lost or taken twice")]
fn a_pop_that_does_not_observe_the_link_is_caught() {
    the_head_comes_back::<WeakObserve>();
}
