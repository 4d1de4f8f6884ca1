//! The word that ties a theap of a first-class heap to its heap and to the thread that uses it.
//!
//! # Why it is safe
//!
//! Several threads write this word: one that wants a theap of the heap, the one that has it and ends, and the one
//! that destroys the heap. To bind and to unbind compares and swaps the whole word, to cut swaps it, and it is first set before
//! anybody else knows of the theap; and *a heap's serial number is never used twice*. So a thread that ends and still knows of a theap by its old serial number finds that the word has
//! changed, and leaves the theap alone, whatever it is used for by then. Binding takes over with acquire what the
//! last user gave up with release.

use core::marker::PhantomData;

use crate::sync::{AtomicU64, Orders, Strict};

const HOLDER_BITS: u32 = 20;
const HOLDER_MASK: u64 = (1 << HOLDER_BITS) - 1;

/// The heap's serial number, and the number of the thread that holds the theap, or zero.
#[derive(Debug)]
pub(crate) struct Tie<O = Strict> {
    word: AtomicU64,
    orders: PhantomData<O>,
}

impl<O: Orders> Tie<O> {
    /// A theap of no heap, made of zero.
    #[must_use]
    pub(crate) const fn new(word: AtomicU64) -> Self {
        Self { word, orders: PhantomData }
    }

    /// Ties the theap, which nobody else uses, to heap `serial` and thread `holder`.
    pub(crate) fn set(&self, serial: u64, holder: u32) {
        self.word.store(word(serial, holder), O::PUBLISH);
    }

    /// The thread that holds the theap, zero for none. Exact for the holder itself.
    #[inline]
    pub(crate) fn holder(&self) -> u32 {
        (self.word.load(crate::sync::Ordering::Relaxed) & HOLDER_MASK) as u32
    }

    /// Whether the theap is still one of heap `serial`.
    pub(crate) fn is_of(&self, serial: u64) -> bool {
        self.word.load(crate::sync::Ordering::Relaxed) >> HOLDER_BITS == serial
    }

    /// Makes `holder` the user of an unused theap of heap `serial`.
    pub(crate) fn bind(&self, serial: u64, holder: u32) -> bool {
        // A failing exchange would take the line from whoever holds the theap, and reads this with each free.
        self.word.load(crate::sync::Ordering::Relaxed) == word(serial, 0)
            && self
                .word
                .compare_exchange(
                    word(serial, 0),
                    word(serial, holder),
                    O::OBSERVE,
                    crate::sync::Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Ends the use by `holder`, if the theap is still that of heap `serial`.
    pub(crate) fn unbind(&self, serial: u64, holder: u32) -> bool {
        self.word
            .compare_exchange(
                word(serial, holder),
                word(serial, 0),
                O::PUBLISH,
                crate::sync::Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Unties the theap of a heap that ends: it is the caller's afterwards.
    pub(crate) fn cut(&self) {
        self.word.swap(0, O::EXCHANGE);
    }
}

fn word(serial: u64, holder: u32) -> u64 {
    debug_assert!(u64::from(holder) <= HOLDER_MASK);
    (serial << HOLDER_BITS) | u64::from(holder)
}
