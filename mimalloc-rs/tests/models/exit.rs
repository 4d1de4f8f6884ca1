//! The end of a thread, composed of all steps: the page's last blocks come back while it changes hands.

use std::sync::Arc;

use loom::thread;

use super::page::ToyPage;
use super::{WeakPublish, check};
use crate::stack::IndexStack;
use crate::sync::{AtomicU64, Orders, Strict};

/// The page's blocks.
const ALL_FREE: u32 = 0b11;

/// What a thread has of the page in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing.
    Elsewhere,
    /// The page, to allocate from.
    Kept,
    /// The page's memory: it had no block in use.
    Dissolved,
}

/// Collects a page the caller owns and gives it up or ends it, as a thread without a heap does.
fn look_after<O: Orders>(page: &ToyPage<O>, stack: &IndexStack<O>) -> Outcome {
    if page.give_up(ALL_FREE, stack) { Outcome::Elsewhere } else { Outcome::Dissolved }
}

/// The owner ends with one free block, another thread frees the second one, and a third looks for a page: the
/// page's memory goes back once, or one thread has the page with both blocks, or it can be found.
fn a_thread_ends<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0b01));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        let freer =
            {
                let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
                thread::spawn(move || {
                    if page.free_remote(1) { look_after(&page, &stack) } else { Outcome::Elsewhere }
                })
            };
        let seeker = {
            let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
            thread::spawn(move || {
                if page.pop_from(&stack) {
                    page.collect_remote();
                    Outcome::Kept
                } else {
                    Outcome::Elsewhere
                }
            })
        };
        let ended = look_after(&page, &stack);
        let mut outcomes = [ended, freer.join().unwrap(), seeker.join().unwrap(), Outcome::Elsewhere];
        if page.pop_last_from(&stack) {
            outcomes[3] = Outcome::Kept;
        }
        let owners = outcomes.iter().filter(|&&outcome| outcome != Outcome::Elsewhere).count();
        assert_eq!(owners, 1, "the page is lost, or has several owners: {outcomes:?}");
        page.collect_remote();
        assert_eq!(page.free.get(), ALL_FREE, "a block is lost");
    });
}

#[test]
fn a_page_outlives_its_thread() {
    a_thread_ends::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_ending_thread_that_does_not_publish_is_caught() {
    a_thread_ends::<WeakPublish>();
}
