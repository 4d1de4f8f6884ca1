//! The memory orderings of the lock-free words.

use crate::sync::Ordering;

/// Which ordering each kind of access has.
///
/// The allocator uses [`Strict`]. The trait exists so that the models can weaken one side
/// and show that the other side is needed.
pub(crate) trait Orders {
    /// Gives up data written before: a pushed block's link, an owned page's fields.
    const PUBLISH: Ordering;
    /// Takes over data written by whoever published.
    const OBSERVE: Ordering;
    /// Both at once.
    const EXCHANGE: Ordering;
    /// Both, and in one order that all threads agree on: of two threads that each write one word and then look at the
    /// other's, one sees what the other wrote.
    const AGREED: Ordering;
}

/// The orderings the algorithms need.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Strict;

impl Orders for Strict {
    const PUBLISH: Ordering = Ordering::Release;
    const OBSERVE: Ordering = Ordering::Acquire;
    const EXCHANGE: Ordering = Ordering::AcqRel;
    const AGREED: Ordering = Ordering::SeqCst;
}
