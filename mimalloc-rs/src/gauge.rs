//! Numbers of the whole process that several threads count.

use core::sync::atomic::{AtomicU64, Ordering};

const RELAXED: Ordering = Ordering::Relaxed;

/// Something that comes and goes.
#[derive(Debug)]
pub(crate) struct Gauge {
    current: AtomicU64,
    peak: AtomicU64,
    total: AtomicU64,
}

impl Gauge {
    pub(crate) const fn new() -> Self {
        Self { current: AtomicU64::new(0), peak: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn add(&self, amount: usize) {
        let amount = amount as u64;
        let current = self.current.fetch_add(amount, RELAXED).wrapping_add(amount);
        self.total.fetch_add(amount, RELAXED);
        // A peak is rare where much comes and goes.
        if current > self.peak.load(RELAXED) {
            self.peak.fetch_max(current, RELAXED);
        }
    }

    #[inline]
    pub(crate) fn sub(&self, amount: usize) {
        self.current.fetch_sub(amount as u64, RELAXED);
    }

    #[inline]
    pub(crate) fn current(&self) -> u64 {
        self.current.load(RELAXED)
    }

    /// Total, peak and current value.
    pub(crate) fn read(&self) -> (u64, u64, u64) {
        (self.total.load(RELAXED), self.peak.load(RELAXED), self.current.load(RELAXED))
    }
}
