//! A number in a page's record that its owner writes and anybody may read: statistics do, and whoever chooses huge pages.

use core::sync::atomic::{AtomicU32, Ordering};

/// See the [module](self). Who does not own the page reads it as it is, or was a moment ago.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Shown(AtomicU32);

impl Shown {
    pub(super) const fn new(number: u32) -> Self {
        Self(AtomicU32::new(number))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only the owner writes, so that nothing is lost between [`get`](Self::get) and this.
    #[inline(always)]
    pub(super) fn set(&self, number: u32) {
        self.0.store(number, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn add(&self, count: u32) {
        self.set(self.get() + count);
    }
}
