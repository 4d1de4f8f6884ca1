//! Models of the words by which threads hand pages, blocks, slices and theaps to each other, checked in all their
//! interleavings. Counts, hints, and lists that only grow are argued where they are.
//!
//! The words are the allocator's own source files, built here with the model checker's atomics.
//!
//! Data that a word protects lies in [`page::Guarded`] cells, so an ordering that is too weak
//! shows up as an unordered access. Each model runs with the allocator's orderings, and again with one weakened that it
//! depends on: that run has to fail, or the model would prove nothing. Where batches find one owner, no ordering matters:
//! their marks share a word, whose exchanges settle who was last.
//!
//! The words are the same in builds with the crate features `debug` and `secure`.

#![cfg(not(any(feature = "debug", feature = "secure")))]

mod atomic;
mod compact_word;
mod exit;
mod index_stack;
mod page;
mod pending_mark;
mod remote_word;
mod slices;
mod task;
mod tie;

#[path = "../../src/arena/task.rs"]
mod arena_task;
#[path = "../../src/arena/bitmap.rs"]
#[allow(dead_code, reason = "the models do not need all of it")]
mod bitmap;
#[path = "../../src/page/compact.rs"]
#[allow(dead_code, reason = "the models do not need all of it")]
mod compact;
#[path = "../../src/page/marks.rs"]
#[allow(dead_code, reason = "the models do not need all of it")]
mod marks;
#[path = "../../src/orders.rs"]
mod orders;
#[path = "../../src/arena/pending.rs"]
mod pending;
#[path = "../../src/page/remote.rs"]
#[allow(dead_code, reason = "the models do not need all of it")]
mod remote;
#[path = "../../src/stack.rs"]
mod stack;
#[path = "../../src/theap/tie.rs"]
#[allow(dead_code, reason = "the models do not need all of it")]
mod theap_tie;

/// What the allocator's `geometry` is to its files: a page of few blocks, with two lines of marks.
mod geometry {
    pub(crate) const BLOCKS_MAX: usize = 2 * CACHE_LINE * 8;
    pub(crate) const CACHE_LINE: usize = 16;
    pub(crate) const COMPACT_BLOCKS_MAX: usize = 3;
}

/// What the allocator's `sync` is to its files.
mod sync {
    pub(crate) use crate::atomic::{AtomicU32, AtomicU64};
    pub(crate) use crate::orders::{Orders, Strict};
    pub(crate) use loom::sync::atomic::Ordering;
}

use loom::model::Builder;

use crate::sync::{Ordering, Orders};

/// Switches away from a runnable thread that one execution may contain; three expose all
/// known shapes of lost or doubled blocks, and keep the models to seconds.
const PREEMPTIONS: usize = 3;

/// Runs `model` in all its interleavings.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.check(model);
}

/// Declares orderings for the words; each is weaker than the allocator's in one place.
macro_rules! orders {
    ($($(#[$doc:meta])* $name:ident { $publish:ident, $observe:ident, $exchange:ident, $agreed:ident })*) => {$(
        $(#[$doc])*
        struct $name;

        impl Orders for $name {
            const PUBLISH: Ordering = Ordering::$publish;
            const OBSERVE: Ordering = Ordering::$observe;
            const EXCHANGE: Ordering = Ordering::$exchange;
            const AGREED: Ordering = Ordering::$agreed;
        }
    )*};
}

orders! {
    /// Whoever gives something up does not publish what it wrote.
    WeakPublish { Relaxed, Acquire, AcqRel, SeqCst }
    /// Whoever takes something over does not observe what was published.
    WeakObserve { Release, Relaxed, AcqRel, SeqCst }
    /// An exchange that claims does not observe.
    ExchangeUnobserved { Release, Acquire, Release, SeqCst }
    /// Threads do not agree on which of two words was written first.
    Disagreed { Release, Acquire, AcqRel, AcqRel }
    /// Nor does an exchange publish what was written before.
    ExchangeUnpublished { Release, Acquire, Acquire, AcqRel }
    /// What threads have to agree on does not even publish.
    AgreedUnpublished { Release, Acquire, AcqRel, Relaxed }
}
