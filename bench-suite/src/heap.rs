//! What a heap holds, summed up: by kind of block and by size class.

use std::collections::BTreeMap;

use workloads::heap_map::{HeapMap, Holding};

/// What a piece of address space is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Pages of blocks of up to 128 bytes.
    Tiny,
    /// Pages of blocks of up to 1 KiB.
    Small,
    /// Pages of blocks of up to 8 KiB.
    Middling,
    /// Pages of larger blocks.
    Medium,
    /// Blocks with memory of their own.
    Large,
    /// The allocator's own.
    Kept,
    /// Nothing, with memory.
    Free,
    /// Nothing, without memory.
    Vacant,
}

impl Kind {
    /// All, in the order of legends.
    pub const ALL: [Self; 8] = [
        Self::Tiny,
        Self::Small,
        Self::Middling,
        Self::Medium,
        Self::Large,
        Self::Kept,
        Self::Free,
        Self::Vacant,
    ];

    /// The kind of something.
    pub fn of(holding: &Holding) -> Self {
        match *holding {
            Holding::Page { block_size: ..=128, .. } => Self::Tiny,
            Holding::Page { block_size: ..=1024, .. } => Self::Small,
            Holding::Page { block_size: ..=8192, .. } => Self::Middling,
            Holding::Page { .. } => Self::Medium,
            Holding::Block => Self::Large,
            Holding::Kept => Self::Kept,
            Holding::Free => Self::Free,
            Holding::Vacant => Self::Vacant,
        }
    }

    /// Whether blocks of programs lie there.
    pub fn has_blocks(self) -> bool {
        self <= Self::Large
    }
}

/// Bytes, by what they are used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// All of it.
    pub reserved: u64,
    /// Blocks in use.
    pub used: u64,
    /// Blocks that were made and are not in use.
    pub freed: u64,
}

impl Amount {
    /// What `holding` makes of that many bytes.
    pub fn of(bytes: u64, holding: &Holding) -> Self {
        let (used, linked) = match *holding {
            Holding::Page { block_size, used, linked, .. } => {
                (used.saturating_mul(block_size), linked.saturating_mul(block_size))
            }
            Holding::Block => (bytes, bytes),
            Holding::Kept | Holding::Free | Holding::Vacant => (0, 0),
        };
        let linked = linked.min(bytes);
        let used = used.min(linked);
        Self { reserved: bytes, used, freed: linked - used }
    }

    /// What no block was made of yet, so that there is no memory behind most of it.
    pub fn untouched(&self) -> u64 {
        self.reserved - self.used - self.freed
    }

    /// The share of the reserved bytes that is not in use.
    pub fn fragmentation(&self) -> f64 {
        if self.reserved == 0 { 0.0 } else { 1.0 - self.used as f64 / self.reserved as f64 }
    }

    fn add(&mut self, other: Self) {
        self.reserved += other.reserved;
        self.used += other.used;
        self.freed += other.freed;
    }
}

/// A heap in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// By kind; every kind is there.
    pub kinds: BTreeMap<Kind, Amount>,
    /// By bytes of a block, where there are pages.
    pub classes: BTreeMap<u64, Amount>,
    /// All that is reserved for blocks.
    pub total: Amount,
}

impl Sums {
    /// Sums `map` up.
    pub fn of(map: &HeapMap) -> Self {
        let kinds = Kind::ALL.map(|kind| (kind, Amount::default())).into();
        let mut sums = Self { kinds, classes: BTreeMap::new(), total: Amount::default() };
        for span in &map.spans {
            let (kind, amount) = (Kind::of(&span.holding), Amount::of(span.bytes, &span.holding));
            sums.kinds.entry(kind).or_default().add(amount);
            if let Holding::Page { block_size, .. } = span.holding {
                sums.classes.entry(block_size).or_default().add(amount);
            }
            if kind.has_blocks() {
                sums.total.add(amount);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::heapmap::sample;

    #[test]
    fn everything_is_counted_once() {
        let map = sample::map();
        let sums = Sums::of(&map);
        let all: u64 = map.spans.iter().map(|span| span.bytes).sum();
        assert_eq!(sums.kinds.values().map(|amount| amount.reserved).sum::<u64>(), all);
        let large = sums.kinds[&Kind::Large];
        assert_eq!((large.used, large.untouched()), (large.reserved, 0));
        let in_classes: u64 = sums.classes.values().map(|amount| amount.used).sum();
        assert_eq!(sums.total.used, in_classes + large.used);
        assert!(sums.total.fragmentation() > 0.0 && sums.total.fragmentation() < 1.0);
    }

    #[test]
    fn numbers_that_make_no_sense_stay_within_their_page() {
        let absurd = Holding::Page { block_size: u64::MAX, used: 9, linked: 3, fits: 1 };
        let amount = Amount::of(65_536, &absurd);
        assert_eq!((amount.used, amount.untouched()), (65_536, 0));
        assert_eq!(Amount::default().fragmentation(), 0.0);
    }
}
