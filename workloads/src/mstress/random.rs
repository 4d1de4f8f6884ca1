//! The generator all decisions come from.

/// What words of blocks are mixed with too.
pub(super) const COOKIE: u64 = 0xbf58_476d_1ce4_e5b9;

/// Each number is the state after it.
pub(super) struct Random(pub(super) u64);

impl Random {
    #[inline]
    pub(super) fn pick(&mut self) -> u64 {
        let mut x = self.0;
        x ^= x >> 30;
        x = x.wrapping_mul(COOKIE);
        x ^= x >> 27;
        x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        self.0 = x;
        x
    }

    #[inline]
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.pick() % end
    }

    /// True in one percent more than said.
    #[inline]
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) <= percent
    }
}
