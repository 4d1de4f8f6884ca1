//! What decides the course of a run: sizes and numbers of operations, the same for all threads.
//!
//! The original's tables are random numbers written down. These have the same distributions.

use std::sync::LazyLock;

use crate::uniform::Uniform;

/// Sizes before they repeat.
pub(super) const SIZES: usize = 2_000;

/// Blocks are from 8 to 16,000 bytes.
pub(super) const SMALLEST: u32 = 8;
pub(super) const LARGEST: u32 = 16_000;

/// Numbers of operations before they repeat.
const ALLOCATIONS: usize = 311;
const FREES: usize = 257;

/// A seed whose sizes have the original's mean and median.
const SEED: u32 = 3_353;

/// Everything that was drawn.
pub(super) struct Tables {
    sizes: [u32; SIZES],
    allocations: [u32; ALLOCATIONS],
    frees: [u32; FREES],
}

/// Static as in the original, so they are not on the heap.
pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(Tables::draw);

impl Tables {
    fn draw() -> Tables {
        let mut random = Uniform::new(SEED);
        let even = [(); SIZES].map(|()| f64::from(random.below(LARGEST - SMALLEST + 1)));
        let largest = f64::from(LARGEST - SMALLEST);
        let mut operations = || 30 + random.below(70);
        let allocations = [(); ALLOCATIONS].map(|()| operations());
        let frees = [(); FREES].map(|()| operations() * 4 / 5);
        // Three neighbours make one size: the third, by how far the sum of the first two is from the middle.
        let sizes = std::array::from_fn(|index| {
            let [one, two, three] = [0, 1, 2].map(|next| even[(index + next) % SIZES] / largest);
            SMALLEST + (largest * three * (1.0 - one - two).abs()) as u32
        });
        Tables { sizes, allocations, frees }
    }

    /// The size at an index, which may be past the end: they repeat.
    #[inline]
    pub(super) fn size(&self, index: usize) -> u32 {
        self.sizes[index % SIZES]
    }

    /// How many blocks a loop allocates.
    #[inline]
    pub(super) fn allocations(&self, turn: u64) -> u32 {
        self.allocations[(turn % ALLOCATIONS as u64) as usize]
    }

    /// How many slots a loop empties.
    #[inline]
    pub(super) fn frees(&self, turn: u64) -> u32 {
        self.frees[(turn % FREES as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_off_as_those_of_the_original() {
        let mut sizes = TABLES.sizes;
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<u32>() / SIZES as u32;
        let small = sizes.partition_point(|&size| size < 4_096) * 100 / SIZES;
        assert!((2_785..=2_805).contains(&mean), "{mean}");
        assert!((1_915..=1_935).contains(&sizes[SIZES / 2]), "{}", sizes[SIZES / 2]);
        assert!((73..=75).contains(&small), "{small}");
        assert!(sizes[0] >= SMALLEST && sizes[SIZES - 1] <= LARGEST && sizes[SIZES - 1] > 12_000);
    }

    #[test]
    fn fewer_slots_are_emptied_than_filled() {
        assert!(TABLES.allocations.iter().all(|count| (30..100).contains(count)));
        assert!(TABLES.frees.iter().all(|count| (24..80).contains(count)));
        assert!(TABLES.allocations.contains(&99) && TABLES.frees.contains(&79));
    }
}
