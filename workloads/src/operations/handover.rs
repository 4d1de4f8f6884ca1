//! What two threads do together: one frees what the other has made.

use std::array;
use std::hint::{self, black_box};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::{ptr, slice, thread};

use super::{Operation, make};
use crate::api::{Api, Request};
use crate::threads::{self, Job};

/// Blocks that change hands at a time. An operation is a batch.
const BATCH: usize = 1_000;
/// Bytes of each.
const SIZE: usize = 64;

/// A batch on its way to another thread.
#[derive(Debug)]
struct Post {
    /// How often the batch was put in and taken out.
    turn: Turn,
    batch: [AtomicPtr<u8>; BATCH],
}

/// In a line of its own, and in that which is fetched with it: one thread looks at it while the other fills the batch.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Turn(AtomicU64);

impl Turn {
    fn wait(&self, turn: u64) {
        let mut looks = 0;
        while self.0.load(Ordering::Acquire) != turn {
            looks += 1;
            if looks % 1_000 == 0 { thread::yield_now() } else { hint::spin_loop() }
        }
    }
}

impl Post {
    fn new() -> Self {
        Self { turn: Turn::default(), batch: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())) }
    }

    /// Fills the empty post for the `round`th time.
    fn send<A: Api>(&self, round: u64) {
        self.turn.wait(2 * round);
        let request = Request::aligned(black_box(SIZE), 8);
        for block in &self.batch {
            block.store(make::<A>(request, round as u8).as_ptr(), Ordering::Relaxed);
        }
        self.turn.0.store(2 * round + 1, Ordering::Release);
    }

    /// Frees what was sent, and leaves the post empty. The blocks themselves are not read, so that the time is that of
    /// free and not of the misses that a program has by reading what another core has written.
    fn receive<A: Api>(&self, round: u64) -> u64 {
        self.turn.wait(2 * round + 1);
        let request = Request::aligned(black_box(SIZE), 8);
        let mut received = 0;
        for block in &self.batch {
            if let Some(block) = NonNull::new(block.load(Ordering::Relaxed)) {
                // SAFETY: the sender made the block for this request and left it to whoever receives it.
                unsafe { A::free_foreign(block, request) };
                received += 1;
            }
        }
        self.turn.0.store(2 * round + 2, Ordering::Release);
        received
    }
}

/// One thread makes blocks, the other frees them. Two posts, so that neither waits for the other's batch.
#[derive(Debug)]
pub struct HandOver {
    posts: [Post; 2],
    /// Batches that went from one to the other before.
    done: u64,
}

impl HandOver {
    /// Where the batch of this number is put, and how often a batch was put there before.
    fn post(&self, batch: u64) -> (&Post, u64) {
        (&self.posts[(batch % 2) as usize], batch / 2)
    }
}

impl Operation for HandOver {
    const TIMES: u64 = 12_000;

    fn prepare<A: Api>() -> Self {
        Self { posts: [Post::new(), Post::new()], done: 0 }
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let batches = self.done..self.done + times;
        let received = together::<A>(
            || {
                for (post, round) in batches.clone().map(|batch| self.post(batch)) {
                    post.send::<A>(round);
                }
            },
            || {
                batches
                    .clone()
                    .map(|batch| self.post(batch))
                    .map(|(post, round)| post.receive::<A>(round))
                    .sum()
            },
        );
        self.done += times;
        received
    }
}

/// Each of two threads makes a batch and frees the other's.
#[derive(Debug)]
pub struct Exchange {
    east: Post,
    west: Post,
    /// Batches that went each way before.
    done: u64,
}

impl Operation for Exchange {
    const TIMES: u64 = 8_000;

    fn prepare<A: Api>() -> Self {
        Self { east: Post::new(), west: Post::new(), done: 0 }
    }

    fn repeat<A: Api>(&mut self, times: u64) -> u64 {
        let rounds = self.done..self.done + times;
        let mut received = 0;
        let there = together::<A>(
            || {
                for round in rounds.clone() {
                    self.east.send::<A>(round);
                    received += self.west.receive::<A>(round);
                }
            },
            || {
                let each = rounds.clone().map(|round| {
                    self.west.send::<A>(round);
                    self.east.receive::<A>(round)
                });
                each.sum()
            },
        );
        self.done += times;
        received + there
    }
}

/// Runs `here` on this thread and `there` on another one at the same time; returns what the latter returned.
fn together<A: Api>(here: impl FnOnce(), there: impl FnMut() -> u64 + Send) -> u64 {
    let mut other = Other { work: there, result: 0 };
    threads::run_all::<A, _>(slice::from_mut(&mut other), here);
    other.result
}

struct Other<W> {
    work: W,
    result: u64,
}

impl<W: FnMut() -> u64 + Send> Job for Other<W> {
    fn run(&mut self) {
        self.result = (self.work)();
    }
}
