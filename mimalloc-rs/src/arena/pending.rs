//! Whether a free slice may be resident: a mark that whoever releases slices sets, and whoever gives memory back takes away.
//!
//! # Why no slice stays behind
//!
//! Who releases a slice frees its bit and then looks at the mark; the purger takes the mark away and then looks at the bits. All
//! four steps are in one order that all threads agree on, so if the mark was still there when the one looked, the bit was
//! free when the other did. Otherwise it is set once more. On x86 that costs nothing: both changes are locked
//! operations, and both looks plain loads.

use core::marker::PhantomData;

use crate::sync::{AtomicU32, Orders, Strict};

const RELAXED: crate::sync::Ordering = crate::sync::Ordering::Relaxed;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Pending<O = Strict> {
    mark: AtomicU32,
    orders: PhantomData<O>,
}

impl<O: Orders> Pending<O> {
    /// Made of zero, if no slice was released yet.
    pub(crate) const fn new(mark: AtomicU32) -> Self {
        Self { mark, orders: PhantomData }
    }

    /// To be told when slices came free.
    #[inline]
    pub(crate) fn note_release(&self) {
        if self.mark.load(O::AGREED) == 0 {
            self.set();
        }
    }

    /// Notes that slices are left.
    pub(crate) fn set(&self) {
        self.mark.store(1, RELAXED);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.mark.load(RELAXED) != 0
    }

    /// To be called before a look at all slices.
    pub(crate) fn take(&self) {
        self.mark.swap(0, O::AGREED);
    }
}
