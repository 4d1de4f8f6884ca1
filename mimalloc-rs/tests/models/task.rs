//! A task: one thread has it at a time, and sees what was done before.

use std::sync::Arc;

use loom::thread;

use super::page::Guarded;
use super::{ExchangeUnobserved, ExchangeUnpublished, WeakObserve, check};
use crate::arena_task::Task;
use crate::sync::{AtomicU32, Ordering, Orders, Strict};

/// What `getpid` tells, in the parent and in the child of a fork.
const PARENT: u32 = 7;
const CHILD: u32 = 8;

struct Shared<O> {
    task: Task<O>,
    /// What the task is about.
    done: Guarded<u32>,
}

impl<O: Orders> Shared<O> {
    fn with(process: u32) -> Arc<Self> {
        Arc::new(Self { task: Task::new(AtomicU32::new(process)), done: Guarded::new(0) })
    }

    fn attempt(&self) {
        if self.task.begin(CHILD) {
            self.done.set(self.done.get() + 1);
            self.task.end();
        }
    }
}

/// Two threads take it on and a third waits for its end. `before` is what is in the word when they start.
fn one_thread_at_a_time<O: Orders + 'static>(before: u32) {
    check(move || {
        let shared = Shared::<O>::with(before);
        let others = [(), ()].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.attempt())
        });
        shared.attempt();
        for other in others {
            other.join().unwrap();
        }
        assert!(!shared.task.is_under_way(CHILD) && (1..=3).contains(&shared.done.get()));
    });
}

/// Who finds that it is not under way any more sees what was done.
fn its_end_is_observed<O: Orders + 'static>() {
    check(|| {
        let shared = Shared::<O>::with(0);
        assert!(shared.task.begin(CHILD));
        let waits = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if !shared.task.is_under_way(CHILD) {
                    assert_eq!(shared.done.get(), 1);
                }
            })
        };
        shared.done.set(1);
        shared.task.end();
        waits.join().unwrap();
    });
}

/// What each of three threads has put down is seen by a pass that begins afterwards, of whichever thread.
fn who_asks_is_heard<O: Orders + 'static>() {
    struct Asked<O> {
        shared: Arc<Shared<O>>,
        put_down: loom::sync::atomic::AtomicU32,
    }
    impl<O: Orders> Asked<O> {
        fn ask(&self) {
            self.put_down.fetch_add(1, Ordering::Relaxed);
            while self.shared.task.begin_or_ask(CHILD) {
                self.shared.done.set(self.put_down.load(Ordering::Relaxed));
                if !self.shared.task.end() {
                    break;
                }
            }
        }
    }
    check(|| {
        let asked = Arc::new(Asked { shared: Shared::<O>::with(0), put_down: Default::default() });
        let others = [(), ()].map(|()| {
            let asked = Arc::clone(&asked);
            thread::spawn(move || asked.ask())
        });
        asked.ask();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(asked.shared.done.get(), 3, "not heard");
    });
}

#[test]
fn who_asks_for_a_task_once_more_is_heard() {
    who_asks_is_heard::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_end_that_does_not_observe_who_asks_is_caught() {
    who_asks_is_heard::<ExchangeUnobserved>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn an_end_that_does_not_publish_to_who_asks_is_caught() {
    who_asks_is_heard::<ExchangeUnpublished>();
}

#[test]
fn a_task_has_one_thread_at_a_time() {
    one_thread_at_a_time::<Strict>(0);
}

#[test]
fn a_task_that_was_under_way_during_a_fork_can_be_had_in_the_child() {
    one_thread_at_a_time::<Strict>(PARENT);
}

#[test]
fn who_waits_for_the_end_of_a_task_sees_what_was_done() {
    its_end_is_observed::<Strict>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_task_whose_end_does_not_publish_is_caught() {
    one_thread_at_a_time::<ExchangeUnpublished>(0);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_task_whose_begin_does_not_observe_is_caught() {
    one_thread_at_a_time::<WeakObserve>(0);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_wait_that_does_not_observe_is_caught() {
    its_end_is_observed::<WeakObserve>();
}
