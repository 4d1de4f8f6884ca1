//! The word of a compact page, which holds the marks: frees, taking what was freed, giving a page up, claiming and listing one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::page::ToyPage;
use super::remote_word::{batches_reach_the_owner, ownership_passes_on, the_last_block_goes_with_the_rest};
use super::{AgreedUnpublished, ExchangeUnobserved, ExchangeUnpublished, WeakObserve, WeakPublish, check};
use crate::stack::IndexStack;
use crate::sync::{AtomicU64, Orders, Strict};

#[test]
fn frees_reach_the_owner_once_each() {
    batches_reach_the_owner(ToyPage::<Strict>::compact);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_owner_that_takes_without_observing_is_caught() {
    batches_reach_the_owner(ToyPage::<WeakObserve>::compact);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_mark_that_publishes_nothing_is_caught() {
    batches_reach_the_owner(ToyPage::<ExchangeUnpublished>::compact);
}

#[test]
fn who_frees_the_last_block_may_have_the_page_before() {
    the_last_block_goes_with_the_rest(ToyPage::<Strict>::compact);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn blocks_that_are_taken_back_without_observing_are_caught() {
    the_last_block_goes_with_the_rest(ToyPage::<WeakObserve>::compact);
}

/// Blocks are freed by two threads while the owner gives the page up: one of the three looks after them.
fn no_block_is_stranded<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::compact(0));
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_remote(block))
        });
        page.free.set(0);
        let given_up = page.word.release_full();
        let claims = freers.map(|freer| freer.join().unwrap());
        let owners = claims.into_iter().chain([!given_up]).filter(|&owner| owner).count();
        assert_eq!(owners, 1, "the page has several owners, or none");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b11, "a block is lost");
    });
}

#[test]
fn blocks_freed_while_their_page_is_given_up_are_not_stranded() {
    no_block_is_stranded::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_owner_that_gives_up_without_publishing_is_caught() {
    no_block_is_stranded::<WeakPublish>();
}

#[test]
fn a_page_passes_from_claimer_to_claimer() {
    ownership_passes_on(ToyPage::<Strict>::compact);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_claim_that_does_not_observe_the_last_owner_is_caught() {
    ownership_passes_on(ToyPage::<ExchangeUnobserved>::compact);
}

/// Two threads that do not want a full page free its blocks, one of which puts it into the stack, while a third looks there:
/// who frees the last block has the page, or who took it, and finds what was freed.
fn a_full_page_is_listed<O: Orders + 'static>(page: fn(u32) -> ToyPage<O>) {
    check(move || {
        let page = Arc::new(page(0));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        assert!(page.word.release_full());
        let freers = [0, 1].map(|block| {
            let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
            thread::spawn(move || page.free_batch_or_list(&[block], 2, Some(&stack)))
        });
        let popped = page.pop_from(&stack);
        if popped {
            page.collect_remote();
        }
        let claims = freers.map(|freer| freer.join().unwrap());
        assert!(popped || claims != [false; 2], "a page without blocks in use waits in the stack");
        let found = page.pop_last_from(&stack);
        let owners = claims.into_iter().chain([popped, found]).filter(|&owner| owner).count();
        assert_eq!(owners, 1, "the page has several owners, or none and cannot be found");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b11, "a block is lost");
    });
}

#[test]
fn a_compact_page_that_nobody_wants_is_listed_once() {
    a_full_page_is_listed(ToyPage::<Strict>::compact);
}

#[test]
fn a_page_with_marks_in_the_table_is_listed_once() {
    a_full_page_is_listed(ToyPage::<Strict>::owned);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn who_lists_a_page_passes_on_what_its_last_owner_wrote() {
    a_full_page_is_listed(ToyPage::<ExchangeUnpublished>::compact);
}

/// Two threads free the last blocks of a page, whose owner finds the mark of one before that one has looked at the word
/// again. The page's memory is a new page by then, full and without an owner: if the late thread lists that one, it is found
/// there, with its blocks in use.
fn a_new_page_is_listed_late<O: Orders + 'static>() {
    let happened = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&happened);
    check(move || {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        let freers = [0, 1].map(|block| {
            let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
            thread::spawn(move || page.free_batch_or_list(&[block], 2, Some(&stack)))
        });
        page.collect_remote();
        let ended = page.free.get() == 0b11;
        if ended {
            page.word.own_fresh();
            page.free.set(0);
            while !page.word.release_full() {
                page.collect_remote();
            }
        }
        let claims = freers.map(|freer| freer.join().unwrap());
        if ended {
            let found = page.pop_last_from(&stack);
            assert!(claims.into_iter().chain([found]).filter(|&owner| owner).count() < 2);
            assert_eq!(page.free.get(), 0, "a block in use is free");
            seen.fetch_or(found, Relaxed);
        }
    });
    assert!(happened.load(Relaxed), "nobody ever listed the new page");
}

#[test]
fn a_late_freer_may_list_a_new_page() {
    a_new_page_is_listed_late::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_late_freer_whose_mark_publishes_nothing_is_caught() {
    a_new_page_is_listed_late::<AgreedUnpublished>();
}
