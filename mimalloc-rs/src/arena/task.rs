//! A task that one thread has at a time, while the others pass by or wait for a while.
//!
//! It is marked with the process: the thread that had it does not exist in the child of a fork, where it is free to be had.
//! Whoever has it sees what was done by those who had it before.

use core::marker::PhantomData;

use crate::sync::{AtomicU32, Orders, Strict};

const RELAXED: crate::sync::Ordering = crate::sync::Ordering::Relaxed;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Task<O = Strict> {
    /// The process whose thread has the task; zero while none has.
    process: AtomicU32,
    orders: PhantomData<O>,
}

impl<O: Orders> Task<O> {
    /// Made of zero.
    pub(crate) const fn new(process: AtomicU32) -> Self {
        Self { process, orders: PhantomData }
    }

    /// Takes the task on, unless another thread of this `process` has it.
    pub(crate) fn begin(&self, process: u32) -> bool {
        let has_it = self.process.load(RELAXED);
        has_it != process && self.process.compare_exchange(has_it, process, O::OBSERVE, RELAXED).is_ok()
    }

    /// To be called by whoever has it.
    pub(crate) fn end(&self) {
        self.process.store(0, O::PUBLISH);
    }

    /// Whether a thread of this `process` has it. If none has, what was done is seen.
    pub(crate) fn is_under_way(&self, process: u32) -> bool {
        self.process.load(O::OBSERVE) == process
    }
}
