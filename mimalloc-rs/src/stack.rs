//! A lock-free stack of numbered things that never go away: theaps, and the records of heaps and pages.
//!
//! The head is a number and a version in one word. A pop reads the next number from an entry that another
//! thread may pop and push again in the meantime; the version, which every push and pop
//! raises, makes its exchange fail then. The entry it read is still an entry: records and theaps are never
//! unmapped, so the read itself is always in bounds.

use core::marker::PhantomData;

use crate::sync::{AtomicU32, AtomicU64, Orders, Strict};

const NUMBER_MASK: u64 = u32::MAX as u64;
const VERSION_ONE: u64 = 1 << 32;

/// A stack whose entries are numbered from zero; see the [module](self).
#[derive(Debug)]
pub(crate) struct IndexStack<O = Strict> {
    /// Version in the upper half; number of the top entry plus one in the lower, zero when empty.
    head: AtomicU64,
    orders: PhantomData<O>,
}

impl<O: Orders> IndexStack<O> {
    /// An empty stack, made of zero.
    #[must_use]
    pub(crate) const fn new(head: AtomicU64) -> Self {
        Self { head, orders: PhantomData }
    }

    /// Puts entry `number` on top. `next` is the entry's own link; the entry must not be in any stack.
    pub(crate) fn push(&self, number: u32, next: &AtomicU32) {
        let mut old = self.head.load(crate::sync::Ordering::Relaxed);
        loop {
            next.store((old & NUMBER_MASK) as u32, crate::sync::Ordering::Relaxed);
            let new = ((old & !NUMBER_MASK).wrapping_add(VERSION_ONE)) | (u64::from(number) + 1);
            match self.head.compare_exchange_weak(old, new, O::PUBLISH, crate::sync::Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => old = seen,
            }
        }
    }

    /// Takes the top entry. `next_of` finds the link of an entry by its number.
    pub(crate) fn pop<'a>(&self, next_of: impl Fn(u32) -> &'a AtomicU32) -> Option<u32> {
        let mut old = self.head.load(O::OBSERVE);
        loop {
            let number = ((old & NUMBER_MASK) as u32).checked_sub(1)?;
            let next = next_of(number).load(crate::sync::Ordering::Relaxed);
            let new = ((old & !NUMBER_MASK).wrapping_add(VERSION_ONE)) | u64::from(next);
            match self.head.compare_exchange_weak(old, new, O::EXCHANGE, O::OBSERVE) {
                Ok(_) => return Some(number),
                Err(seen) => old = seen,
            }
        }
    }
}
