//! Who has which slice: per group of 64 slices one word for each question, claimed by bits.
//!
//! # Why it is safe
//!
//! A slice belongs to whoever turned its `used` bit from 0 to 1, by compare-and-swap or by an atomic or whose
//! result told which bits were still 0. The bit is turned back with release, so the next owner sees all that
//! the last one did to the slice. A run that crosses words is claimed word by word in rising order and given
//! back entirely if one word refuses: nobody waits, and no one ever holds a slice that it did not turn itself.
//!
//! `dirty` and `idle` are only changed for slices the writer holds, apart from marks that are set for free slices:
//! `idle` is a hint for the purger, which claims a slice before it acts on one, and a slice that is marked `dirty` without
//! need is not taken for zero, and purged once more.

use core::marker::PhantomData;

use crate::sync::{AtomicU64, Orders, Strict};

const RELAXED: crate::sync::Ordering = crate::sync::Ordering::Relaxed;

/// The bits of 64 neighbouring slices.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Group<O = Strict> {
    /// Held by a page, a large block, a thread for its next one, bookkeeping, or the purger.
    pub(crate) used: AtomicU64,
    /// May hold something else than zeros.
    pub(crate) dirty: AtomicU64,
    /// Free since the purger last came by.
    pub(crate) idle: AtomicU64,
    /// Not zero, and the system may have taken the memory already.
    pub(crate) offered: AtomicU64,
    orders: PhantomData<O>,
}

/// Bits `from .. from + count` of a word; `from + count` is at most 64.
#[inline]
#[must_use]
pub(crate) const fn mask(from: u32, count: u32) -> u64 {
    debug_assert!(count >= 1 && from + count <= 64);
    (u64::MAX >> (64 - count)) << from
}

impl<O: Orders> Group<O> {
    /// Bits of free slices at this moment.
    #[inline]
    #[must_use]
    pub(crate) fn free(&self) -> u64 {
        !self.used.load(RELAXED)
    }

    /// Bits of slices that may hold something else than zeros at this moment.
    #[must_use]
    pub(crate) fn dirty(&self) -> u64 {
        self.dirty.load(RELAXED)
    }

    /// Takes the first free slice of the group.
    #[inline]
    #[must_use]
    pub(crate) fn claim_one(&self) -> Option<u32> {
        let mut used = self.used.load(RELAXED);
        loop {
            if used == u64::MAX {
                return None;
            }
            let bit = used.trailing_ones();
            match self.used.compare_exchange_weak(used, used | (1 << bit), O::OBSERVE, RELAXED) {
                Ok(_) => return Some(bit),
                Err(seen) => used = seen,
            }
        }
    }

    /// Takes all slices of `bits`, or none.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self, bits: u64) -> bool {
        let mut used = self.used.load(RELAXED);
        loop {
            if used & bits != 0 {
                return false;
            }
            match self.used.compare_exchange_weak(used, used | bits, O::OBSERVE, RELAXED) {
                Ok(_) => return true,
                Err(seen) => used = seen,
            }
        }
    }

    /// Takes those slices of `bits` that are free and says which.
    #[inline]
    #[must_use]
    pub(crate) fn claim_free_of(&self, bits: u64) -> u64 {
        bits & !self.used.fetch_or(bits, O::OBSERVE)
    }

    /// Gives slices back that the caller holds. For the order with the mark that tells of them, see [`super::pending`].
    #[inline]
    pub(crate) fn release(&self, bits: u64) {
        self.used.fetch_and(!bits, O::AGREED);
    }

    /// Marks slices as possibly not zero: those the caller holds, or any that need not be taken for zero. Returns which of the
    /// group were marked before.
    #[inline]
    pub(crate) fn soil(&self, bits: u64) -> u64 {
        if self.idle.load(RELAXED) & bits != 0 {
            self.idle.fetch_and(!bits, RELAXED);
        }
        if self.offered.load(RELAXED) & bits != 0 {
            self.offered.fetch_and(!bits, RELAXED);
        }
        let dirty = self.dirty.load(RELAXED);
        if dirty & bits == bits { dirty } else { self.dirty.fetch_or(bits, RELAXED) }
    }

    /// Free slices at this moment whose memory could be given back. As for [`Group::release`].
    pub(crate) fn resident(&self) -> u64 {
        !self.used.load(O::AGREED) & self.dirty.load(RELAXED) & !self.offered.load(RELAXED)
    }

    /// Marks slices the caller holds as memory that the system may take.
    pub(crate) fn offer(&self, bits: u64) {
        self.offered.fetch_or(bits, RELAXED);
        self.idle.fetch_and(!bits, RELAXED);
    }

    /// Marks slices the caller holds as zero.
    pub(crate) fn clean(&self, bits: u64) {
        self.dirty.fetch_and(!bits, RELAXED);
        self.idle.fetch_and(!bits, RELAXED);
    }
}

/// Free slices that were never touched.
impl<O: Orders> Default for Group<O> {
    fn default() -> Self {
        Self {
            used: AtomicU64::new(0),
            dirty: AtomicU64::new(0),
            idle: AtomicU64::new(0),
            offered: AtomicU64::new(0),
            orders: PhantomData,
        }
    }
}
