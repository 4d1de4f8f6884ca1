//! Numbers of the whole process that several threads count.

use core::sync::atomic::{AtomicU64, Ordering};

const RELAXED: Ordering = Ordering::Relaxed;

/// Something that comes and goes: how much came and how much went, so that either takes one step.
#[derive(Debug)]
pub(crate) struct Gauge {
    total: AtomicU64,
    gone: AtomicU64,
    peak: AtomicU64,
}

impl Gauge {
    pub(crate) const fn new() -> Self {
        Self { total: AtomicU64::new(0), gone: AtomicU64::new(0), peak: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn add(&self, amount: usize) {
        let total = self.total.fetch_add(amount as u64, RELAXED) + amount as u64;
        let current = total.saturating_sub(self.gone.load(RELAXED));
        // A peak is rare where much comes and goes.
        if current > self.peak.load(RELAXED) {
            self.peak.fetch_max(current, RELAXED);
        }
    }

    #[inline]
    pub(crate) fn sub(&self, amount: usize) {
        self.gone.fetch_add(amount as u64, RELAXED);
    }

    /// What is there; a moment old, and nothing where others go on meanwhile.
    #[inline]
    pub(crate) fn current(&self) -> u64 {
        let gone = self.gone.load(RELAXED);
        self.total.load(RELAXED).saturating_sub(gone)
    }

    /// Total, peak and current value.
    pub(crate) fn read(&self) -> (u64, u64, u64) {
        (self.total.load(RELAXED), self.peak.load(RELAXED), self.current())
    }
}
