//! What two threads do together: one frees what the other allocated.

use std::alloc::GlobalAlloc;
use std::hint;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Group;
use super::blocks::{allocate, free, layout};

/// Blocks that change hands at a time.
const BATCH: usize = 1000;
const SIZE: usize = 64;

/// A batch on its way to another thread. An iteration is a batch.
#[derive(Debug, Default)]
struct Post {
    /// How often the batch was put in and taken out.
    turn: AtomicUsize,
    batch: Mutex<Vec<usize>>,
}

impl Post {
    fn wait(&self, turn: usize) {
        let mut looks = 0;
        while self.turn.load(Ordering::Acquire) != turn {
            looks += 1;
            if looks % 1000 == 0 { thread::yield_now() } else { hint::spin_loop() }
        }
    }

    /// Fills the empty post for the `round`th time.
    fn send(&self, round: usize, allocator: &impl GlobalAlloc) {
        self.wait(2 * round);
        let layout = layout(SIZE, 8);
        let mut batch = self.batch.lock().expect("nobody panics with it");
        batch.extend((0..BATCH).map(|_| allocate(allocator, layout).expose_provenance()));
        self.turn.store(2 * round + 1, Ordering::Release);
    }

    /// Frees what was sent, and leaves the post empty.
    fn receive(&self, round: usize, allocator: &impl GlobalAlloc) {
        self.wait(2 * round + 1);
        let layout = layout(SIZE, 8);
        let mut batch = self.batch.lock().expect("nobody panics with it");
        batch
            .drain(..)
            .for_each(|block| free(allocator, std::ptr::with_exposed_provenance_mut(block), layout));
        self.turn.store(2 * round + 2, Ordering::Release);
    }
}

/// Both run `rounds` times at once; the time until both have ended.
fn timed(rounds: u64, here: impl Fn(usize) + Sync, there: impl Fn(usize) + Sync) -> Duration {
    let rounds = usize::try_from(rounds).expect("few rounds");
    thread::scope(|scope| {
        let other = scope.spawn(|| (0..rounds).for_each(&there));
        let start = Instant::now();
        (0..rounds).for_each(here);
        other.join().expect("the other thread does not panic");
        start.elapsed()
    })
}

/// One thread allocates, the other frees. Two posts, so that neither waits for the other's batch.
pub(crate) fn one_way(group: &mut Group, name: &str, allocator: &(impl GlobalAlloc + Sync)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let posts = [Post::default(), Post::default()];
            timed(
                rounds,
                |round| posts[round % 2].send(round / 2, allocator),
                |round| posts[round % 2].receive(round / 2, allocator),
            )
        });
    });
}

/// Each thread allocates a batch and frees the other's.
pub(crate) fn both_ways(group: &mut Group, name: &str, allocator: &(impl GlobalAlloc + Sync)) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let [east, west] = [Post::default(), Post::default()];
            timed(
                rounds,
                |round| {
                    east.send(round, allocator);
                    west.receive(round, allocator);
                },
                |round| {
                    west.send(round, allocator);
                    east.receive(round, allocator);
                },
            )
        });
    });
}
