//! The remote word and the marks: frees, taking what was freed, giving a page up and claiming one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::page::ToyPage;
use super::{AgreedUnpublished, Disagreed, ExchangeUnobserved, ExchangeUnpublished, WeakPublish, check};
use crate::remote::Released;
use crate::stack::IndexStack;
use crate::sync::{AtomicU64, Orders, Strict};

/// Two threads free while the owner takes: every block arrives once, with its contents.
fn frees_reach_the_owner<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || assert!(!page.free_remote(block), "the page has an owner"))
        });
        page.collect_remote();
        for freer in freers {
            freer.join().unwrap();
        }
        page.collect_remote();
        assert_eq!(page.free.get(), 0b11, "a block is lost");
    });
}

#[test]
fn frees_reach_the_owner_once_each() {
    frees_reach_the_owner::<Strict>();
}

#[test]
#[should_panic(expected = "a block is lost")]
fn threads_that_do_not_agree_who_was_first_lose_a_block() {
    frees_reach_the_owner::<Disagreed>();
}

/// The same where marks share a word, and one of the threads frees two blocks at once.
pub(super) fn batches_reach_the_owner<O: Orders + 'static>(page: fn(u32) -> ToyPage<O>) {
    check(move || {
        let page = Arc::new(page(0));
        let freers = [&[0, 1][..], &[2]].map(|blocks| {
            let page = Arc::clone(&page);
            thread::spawn(move || assert!(!page.free_batch(blocks, 0), "the page has an owner"))
        });
        page.collect_remote();
        for freer in freers {
            freer.join().unwrap();
        }
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111, "a block is lost");
    });
}

#[test]
fn batches_reach_the_owner_once_each() {
    batches_reach_the_owner(ToyPage::<Strict>::of_neighbours);
}

#[test]
#[should_panic(expected = "a block is lost")]
fn a_batch_that_is_not_published_with_its_part_is_caught() {
    batches_reach_the_owner(ToyPage::<ExchangeUnpublished>::of_neighbours);
}

/// A thread frees some blocks, and another one the last: that takes the others back, if all are there, has the whole page for
/// itself, and frees it. The owner takes what it finds meanwhile.
pub(super) fn the_last_block_goes_with_the_rest<O: Orders + 'static>(page: fn(u32) -> ToyPage<O>) {
    let happened = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&happened);
    check(move || {
        let page = Arc::new(page(0));
        let freer = {
            let page = Arc::clone(&page);
            thread::spawn(move || assert!(![0, 2].into_iter().any(|block| page.free_remote(block))))
        };
        let last = {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_last(1, &[0, 2]))
        };
        page.collect_remote();
        freer.join().unwrap();
        seen.fetch_or(last.join().unwrap(), Relaxed);
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111, "a block is lost");
    });
    assert!(happened.load(Relaxed), "nobody ever had the whole page");
}

#[test]
fn who_frees_the_last_block_may_have_the_page_before() {
    the_last_block_goes_with_the_rest(ToyPage::<Strict>::owned);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn blocks_that_are_taken_back_without_observing_are_caught() {
    the_last_block_goes_with_the_rest(ToyPage::<AgreedUnpublished>::owned);
}

/// The owner counts the blocks of its page that are marked, while a thread frees the last, with the others taken back and freed
/// again in between. If all are marked, nobody has a block any more, and the page ends: the memory is used for something else.
fn a_page_ends_when_all_are_counted<O: Orders + 'static>(order: [usize; 3]) {
    check(move || {
        let page = Arc::new(ToyPage::<O>::owned(0));
        page.free_again(&[0, 2]);
        let last = {
            let page = Arc::clone(&page);
            thread::spawn(move || {
                let all = page.take_back(&[0, 2]).len() == 2;
                assert!(all, "nobody else takes a block before the last is marked");
                page.free_again(&order);
            })
        };
        if page.count_marked() == 3 {
            page.collect_remote();
            assert_eq!(page.free.get(), 0b111, "somebody has a block");
        }
        last.join().unwrap();
    });
}

#[test]
fn who_frees_the_last_block_last_has_the_page_until_then() {
    a_page_ends_when_all_are_counted::<Strict>([0, 2, 1]);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_mark_that_publishes_nothing_is_caught() {
    a_page_ends_when_all_are_counted::<AgreedUnpublished>([0, 2, 1]);
}

#[test]
#[should_panic(expected = "somebody has a block")]
fn a_count_of_marks_is_of_no_moment() {
    a_page_ends_when_all_are_counted::<Strict>([0, 1, 2]);
}

/// Two threads free into a page without an owner, one of them two blocks at once.
#[test]
fn a_batch_and_a_block_find_one_owner() {
    check(|| {
        let page = Arc::new(ToyPage::<Strict>::of_neighbours(0));
        assert!(page.word.release_full());
        let freers = [&[0, 1][..], &[2]].map(|blocks| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_batch(blocks, 0))
        });
        let claims = freers.map(|freer| freer.join().unwrap());
        assert!(claims[0] != claims[1], "the page has two owners or none");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111);
    });
}

/// Two threads free the last blocks of a page, whose owner finds the mark of one before that one has looked at the word
/// again. The page's memory is a new page by then, all of whose blocks are in use, and which is given up: whoever
/// claims it for no block has it, and its blocks stay in use.
fn a_late_freer_finds_a_new_page<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_remote(block))
        });
        page.collect_remote();
        if page.free.get() != 0b11 {
            for freer in freers {
                freer.join().unwrap();
            }
            return;
        }
        page.word.own_fresh();
        page.free.set(0);
        while !page.word.release_full() {
            page.collect_remote();
        }
        let claims = freers.map(|freer| freer.join().unwrap());
        assert!(claims != [true; 2], "the page has two owners");
        assert_eq!(page.free.get(), 0, "a block in use is free");
    });
}

#[test]
fn a_late_freer_does_no_harm_to_a_new_page() {
    a_late_freer_finds_a_new_page::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_new_page_that_is_not_published_to_a_late_freer_is_caught() {
    a_late_freer_finds_a_new_page::<WeakPublish>();
}

/// A block is freed while the owner gives the page up: one of the two looks after it.
fn no_block_is_stranded<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let freer = {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_remote(0))
        };
        page.free.set(0);
        let given_up = page.word.release_full();
        if !given_up {
            page.collect_remote();
        }
        let claimed = freer.join().unwrap();
        assert_eq!(claimed, given_up, "the page has two owners, or none that knows of the block");
        assert_eq!(page.free.get(), 1, "a block is lost");
    });
}

#[test]
fn a_block_freed_while_its_page_is_given_up_is_not_stranded() {
    no_block_is_stranded::<Strict>();
}

#[test]
fn one_free_at_a_time_needs_no_agreement() {
    no_block_is_stranded::<Disagreed>();
}

#[test]
#[should_panic(expected = "a block is lost")]
fn a_part_that_is_seen_without_its_mark_is_caught() {
    no_block_is_stranded::<ExchangeUnpublished>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_owner_that_gives_up_without_publishing_is_caught() {
    no_block_is_stranded::<WeakPublish>();
}

/// Two threads free into a page without an owner: one of them becomes it, and finds both blocks.
fn one_freer_claims<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        assert!(page.word.release_full());
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || {
                let claimed = page.free_remote(block);
                if claimed {
                    page.collect_remote();
                }
                claimed
            })
        });
        let claims = freers.map(|freer| freer.join().unwrap());
        assert!(claims[0] != claims[1], "the page has two owners or none");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b11, "a block is lost");
    });
}

#[test]
fn exactly_one_of_two_freers_claims_the_page() {
    one_freer_claims::<Strict>();
}

#[test]
#[should_panic(expected = "a block is lost")]
fn a_claim_that_does_not_see_the_other_freers_block_is_caught() {
    one_freer_claims::<ExchangeUnpublished>();
}

/// A page goes from one freeing thread to the next: the word looks the same before and after
/// the first one had it, so the exchange itself must observe what that one did.
pub(super) fn ownership_passes_on<O: Orders + 'static>(page: fn(u32) -> ToyPage<O>) {
    check(move || {
        let page = Arc::new(page(0));
        assert!(page.word.release_full());
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || {
                if !page.free_remote(block) {
                    return 0;
                }
                // The claimer hands its block out again, so that the page is full once more.
                let found = page.free.get().count_ones();
                page.free.set(0);
                if page.word.release_full() {
                    return found;
                }
                page.collect_remote();
                found + page.free.get().count_ones()
            })
        });
        let found: u32 = freers.map(|freer| freer.join().unwrap()).iter().sum();
        assert_eq!(found, 2);
    });
}

#[test]
fn a_page_passes_from_claimer_to_claimer() {
    ownership_passes_on(ToyPage::<Strict>::owned);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_claim_that_does_not_observe_the_last_owner_is_caught() {
    ownership_passes_on(ToyPage::<ExchangeUnobserved>::owned);
}

/// A page that stands in the stack is given up while one thread pops it and another frees into it: somebody owns
/// it afterwards, or it can be found in the stack.
fn a_listed_page_is_kept<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        // Listed and owned again, with the entry left behind.
        assert_eq!(page.word.release_listed(), Released::ToList);
        stack.push(0, &page.listed_next);
        assert!(page.free_remote(0));

        let popper = {
            let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
            thread::spawn(move || {
                let claimed = page.pop_from(&stack);
                if claimed {
                    page.collect_remote();
                }
                claimed
            })
        };
        let freer = {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_remote(1))
        };
        page.free.set(page.free.get());
        page.give_up(u32::MAX, &stack);

        let popped = popper.join().unwrap();
        let claimed = freer.join().unwrap();
        let found = page.pop_last_from(&stack);
        assert_eq!(
            u32::from(popped) + u32::from(claimed) + u32::from(found),
            1,
            "the page has several owners, or none and cannot be found"
        );
        page.collect_remote();
        assert_eq!(page.free.get(), 0b11);
    });
}

#[test]
fn a_listed_page_is_neither_lost_nor_shared() {
    a_listed_page_is_kept::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn listing_a_page_without_publishing_it_is_caught() {
    a_listed_page_is_kept::<WeakPublish>();
}

/// Two threads free into a page while its owner lists it: blocks that arrive before it is listed wait in the word, and
/// the next free claims them all.
fn a_page_is_listed_with_its_marks<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0b100));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_remote(block))
        });
        page.give_up(u32::MAX, &stack);

        let claims = freers.map(|freer| freer.join().unwrap());
        let found = page.pop_last_from(&stack);
        let owners = claims.into_iter().chain([found]).filter(|&claimed| claimed).count();
        assert_eq!(owners, 1, "the page has several owners, or none and cannot be found");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111);
    });
}

#[test]
fn frees_during_listing_stay_with_the_page() {
    a_page_is_listed_with_its_marks::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_page_with_marks_that_is_listed_without_publishing_it_is_caught() {
    a_page_is_listed_with_its_marks::<WeakPublish>();
}

/// Two threads that do not want a listed page free its last two blocks, while a third may take it from the stack: whoever
/// frees the last block has the page, or who took it, and finds what waited there.
fn a_listed_page_gathers_blocks<O: Orders + 'static>(taken: bool) {
    check(move || {
        let page = Arc::new(ToyPage::<O>::owned(0b100));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        page.give_up(u32::MAX, &stack);
        let freers = [0, 1].map(|block| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_unwanted(block, 2))
        });
        let popped = taken && page.pop_from(&stack);
        if popped {
            page.collect_remote();
        }
        let claims = freers.map(|freer| freer.join().unwrap());
        let owners = claims.into_iter().chain([popped]).filter(|&owner| owner).count();
        assert_eq!(owners, 1, "the page has several owners, or is empty and has none");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111, "a block is lost");
    });
}

#[test]
fn the_last_block_that_a_listed_page_waits_for_claims_it() {
    a_listed_page_gathers_blocks::<Strict>(false);
}

#[test]
#[should_panic(expected = "a block is lost")]
fn a_last_block_that_is_seen_without_the_other_is_caught() {
    a_listed_page_gathers_blocks::<ExchangeUnpublished>(false);
}

#[test]
fn blocks_that_wait_in_a_listed_page_go_to_who_takes_it() {
    a_listed_page_gathers_blocks::<Strict>(true);
}

#[test]
#[should_panic(expected = "a block is lost")]
fn who_takes_a_page_without_agreeing_on_its_blocks_is_caught() {
    a_listed_page_gathers_blocks::<Disagreed>(true);
}

/// Two threads that do not want a listed page free its last three blocks, one of them two at once.
#[test]
fn a_batch_in_a_listed_page_counts_for_its_blocks() {
    check(|| {
        let page = Arc::new(ToyPage::<Strict>::of_neighbours(0));
        assert_eq!(page.word.release_listed(), Released::ToList);
        let freers = [&[0, 1][..], &[2]].map(|blocks| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.free_batch(blocks, 3))
        });
        let claims = freers.map(|freer| freer.join().unwrap());
        assert!(claims[0] != claims[1], "the page has two owners, or is empty and has none");
        page.collect_remote();
        assert_eq!(page.free.get(), 0b111);
    });
}

/// A page's slices are made into a new page while the entry of the old one still stands in the stack: a
/// thread that pops it takes nothing from the new owner, and sees the new page if that was given up.
fn a_stale_entry_is_harmless<O: Orders + 'static>() {
    check(|| {
        let page = Arc::new(ToyPage::<O>::owned(0));
        let stack = Arc::new(IndexStack::<O>::new(AtomicU64::new(0)));
        assert_eq!(page.word.release_listed(), Released::ToList);
        stack.push(0, &page.listed_next);
        assert!(page.free_remote(0));

        let popper = {
            let (page, stack) = (Arc::clone(&page), Arc::clone(&stack));
            thread::spawn(move || {
                let claimed = page.pop_from(&stack);
                if claimed {
                    assert_eq!(page.free.get(), 0b11, "the old page's record");
                }
                claimed
            })
        };
        page.free.set(0b11);
        page.word.own_fresh();
        page.free.set(page.free.get());
        page.give_up(u32::MAX, &stack);

        let popped = popper.join().unwrap();
        assert!(popped != page.pop_last_from(&stack), "the page is lost, or has two owners");
    });
}

#[test]
fn a_stale_entry_does_not_reach_the_new_page() {
    a_stale_entry_is_harmless::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_new_page_that_is_not_published_is_caught() {
    a_stale_entry_is_harmless::<WeakPublish>();
}
