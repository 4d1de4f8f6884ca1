//! Size classes: which block size serves a request.
//!
//! The spacing is mimalloc's: 8 bytes, then steps of 16 up to 128, then four classes per
//! doubling. Two facts carry the rest of the allocator:
//!
//! * every class from 16 bytes up is a multiple of 16;
//! * if a request is a multiple of a power of two `a`, so is its class. An aligned
//!   request is therefore served by rounding its size up to its alignment: page areas start on
//!   slice boundaries, so the block's address is then aligned as well.

use crate::geometry::{
    BLOCK_MAX, CLASSES, COMPACT_BLOCKS_MAX, EXTEND_BYTES, FEW_BYTES, GUARD_SIZE, MEDIUM_PAGE_SLICES,
    SLICE_SIZE, SMALL_MAX, SMALL_PAGE_BLOCK_MAX,
};

/// Block sizes are multiples of this.
pub(crate) const WORD: usize = 8;
/// Classes 0 to 4 are 8, 16, 32, 48 and 64 bytes; from there on the formula holds.
const FORMULA_FROM: usize = 64;

/// The class of requests up to [`SMALL_MAX`], by size. By words it would be smaller, and need two more instructions.
static SMALL: [u8; SMALL_MAX + 1] = {
    let mut table = [0; SMALL_MAX + 1];
    let mut size = 0;
    while size < table.len() {
        table[size] = by_formula(size) as u8;
        size += 1;
    }
    table
};

/// Facts about a class that the slow paths look up.
pub(crate) static CLASS: [Class; CLASSES] = {
    let mut table =
        [Class { block_size: 0, reserved: 0, reciprocal: 0, extend: 0, slices: 0, few: 0 }; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        table[class] = Class::new(class);
        class += 1;
    }
    table
};

/// What is the same for all pages of one class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub(crate) block_size: u32,
    /// Blocks that fit in a page.
    pub(crate) reserved: u32,
    /// 2^32 divided by the block size, rounded up.
    reciprocal: u32,
    /// Blocks a page links at a time.
    pub(crate) extend: u16,
    /// Slices of a page.
    pub(crate) slices: u8,
    /// A page that gives fewer blocks than this lets another go first that gives more.
    pub(crate) few: u8,
}

impl Class {
    const fn new(class: usize) -> Self {
        let block_size = block_size(class);
        let slices = if block_size <= SMALL_PAGE_BLOCK_MAX { 1 } else { MEDIUM_PAGE_SLICES };
        // A handful of blocks per visit to the slow path, but no untouched memory for large ones.
        let at_least = match block_size {
            0..=1024 => 8,
            1025..=4096 => 4,
            4097..=SMALL_PAGE_BLOCK_MAX => 2,
            _ => 1,
        };
        let extend = max(EXTEND_BYTES / block_size, at_least);
        // With larger blocks, allocating where memory is in the cache is worth more than a visit.
        let few = if block_size <= SMALL_MAX { min(FEW_BYTES / block_size, u8::MAX as usize) } else { 0 };
        Self {
            block_size: block_size as u32,
            reserved: ((slices * SLICE_SIZE - GUARD_SIZE) / block_size) as u32,
            reciprocal: (1u64 << 32).div_ceil(block_size as u64) as u32,
            extend: extend as u16,
            slices: slices as u8,
            few: few as u8,
        }
    }

    /// Which block starts `offset` bytes behind the first, if one does.
    #[inline(always)]
    pub(crate) fn block_at(&self, offset: usize) -> usize {
        ((offset as u64 * u64::from(self.reciprocal)) >> 32) as usize
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// From this class on a page has so few blocks that their marks lie in its word.
const COMPACT_FROM: usize = {
    let mut class = 0;
    while CLASS[class].reserved as usize > COMPACT_BLOCKS_MAX {
        class += 1;
    }
    class
};

/// Whether pages of the class have so few blocks.
#[inline(always)]
pub(crate) const fn is_compact(class: usize) -> bool {
    class >= COMPACT_FROM
}

/// The class of a request of at most [`SMALL_MAX`] bytes; folds to a constant when the size is one.
#[inline(always)]
pub(crate) fn of_small(size: usize) -> usize {
    debug_assert!(size <= SMALL_MAX);
    // SAFETY: callers pass at most SMALL_MAX, which is the table's last entry.
    let class = unsafe { *SMALL.get_unchecked(size) };
    usize::from(class)
}

/// The class of a request of at most [`BLOCK_MAX`] bytes.
#[inline]
pub(crate) const fn of(size: usize) -> usize {
    debug_assert!(size <= BLOCK_MAX);
    by_formula(size)
}

const fn by_formula(size: usize) -> usize {
    if size <= WORD {
        return 0;
    }
    if size <= FORMULA_FROM {
        return size.div_ceil(2 * WORD);
    }
    let last_word = size.div_ceil(WORD) - 1;
    let top = last_word.ilog2() as usize;
    let quarter = (last_word >> (top - 2)) & 3;
    4 * top + quarter - 7
}

/// Bytes of a block of `class`.
pub(crate) const fn block_size(class: usize) -> usize {
    match class {
        0 => WORD,
        1..=4 => class * 2 * WORD,
        _ => {
            let (top, quarter) = ((class + 7) / 4, (class + 7) % 4);
            ((4 + quarter + 1) << (top - 2)) * WORD
        }
    }
}

const _: () = assert!(block_size(CLASSES - 1) == BLOCK_MAX);
const _: () = assert!(of(BLOCK_MAX) == CLASSES - 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BLOCKS_MAX;

    #[test]
    fn every_size_fits_its_class_and_not_the_one_below() {
        for size in 1..=BLOCK_MAX {
            let class = of(size);
            assert!(block_size(class) >= size, "{size}");
            assert!(class == 0 || block_size(class - 1) < size, "{size}");
            if size <= SMALL_MAX {
                assert_eq!(of_small(size), class, "{size}");
            }
        }
    }

    #[test]
    fn every_block_is_found_by_its_offset() {
        for class in &CLASS {
            assert!(class.reserved as usize <= BLOCKS_MAX, "{class:?}");
            for block in 0..class.reserved as usize {
                assert_eq!(class.block_at(block * class.block_size as usize), block, "{class:?}");
            }
        }
    }

    #[test]
    fn pages_of_larger_blocks_are_compact() {
        for (class, facts) in CLASS.iter().enumerate() {
            assert_eq!(is_compact(class), facts.reserved as usize <= COMPACT_BLOCKS_MAX, "{facts:?}");
        }
        assert!(is_compact(of(SMALL_MAX + 1)) && !is_compact(of(SMALL_MAX / 2)));
    }

    #[test]
    fn at_most_a_fifth_of_a_block_is_lost_above_sixty_four_bytes() {
        for size in 65..=BLOCK_MAX {
            assert!((block_size(of(size)) - size) * 5 <= block_size(of(size)), "{size}");
        }
    }

    #[test]
    fn a_multiple_of_an_alignment_has_a_class_that_is_one() {
        for shift in 0..=16 {
            let align = 1 << shift;
            for size in (align..=BLOCK_MAX).step_by(align) {
                let block = block_size(of(size));
                assert!(block.is_multiple_of(align), "{size} in {block} at {align}");
            }
        }
    }
}
