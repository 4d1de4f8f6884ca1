//! A task that one thread has at a time, while the others pass by or wait for a while.
//!
//! It is marked with the process: the thread that had it does not exist in the child of a fork, where it is free to be had.
//! Whoever has it sees what was done by those who had it before. Who finds that another thread has it may ask for it to be done
//! once more.

use core::marker::PhantomData;

use crate::sync::{AtomicU32, Orders, Strict};

const RELAXED: crate::sync::Ordering = crate::sync::Ordering::Relaxed;

/// Set when the task is to be done once more: no process has a number so large.
const ASKED: u32 = 1 << 31;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Task<O = Strict> {
    /// The process whose thread has the task, zero while none has; and [`ASKED`].
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
        has_it & !ASKED != process
            && self.process.compare_exchange(has_it, process, O::OBSERVE, RELAXED).is_ok()
    }

    /// Takes the task on, or asks the thread of this `process` that has it to do it once more, after what was done here.
    pub(crate) fn begin_or_ask(&self, process: u32) -> bool {
        let mut word = self.process.load(RELAXED);
        loop {
            let has_it = word & !ASKED == process;
            let next = if has_it { word | ASKED } else { process };
            match self.process.compare_exchange(word, next, O::EXCHANGE, RELAXED) {
                Ok(_) => return !has_it,
                Err(now) => word = now,
            }
        }
    }

    /// To be called by whoever has it. True if it is to be done once more, by the caller or whoever takes it on first.
    pub(crate) fn end(&self) -> bool {
        self.process.swap(0, O::EXCHANGE) & ASKED != 0
    }

    /// Whether a thread of this `process` has it. If none has, what was done is seen.
    pub(crate) fn is_under_way(&self, process: u32) -> bool {
        self.process.load(O::OBSERVE) & !ASKED == process
    }
}
