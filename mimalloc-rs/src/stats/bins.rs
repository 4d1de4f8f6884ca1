//! How mimalloc numbers the sizes of blocks in its statistics.

use crate::size_class::WORD;

/// Number of mimalloc's bins, the last one for blocks beyond all others.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::MIMALLOC_BINS, 74);
/// ```
pub const MIMALLOC_BINS: usize = 74;

/// From this many words on bins are four to a doubling.
const STEP_FROM: usize = 8;

/// Bytes of the blocks of one of mimalloc's bins; zero if there is no such bin.
///
/// ```
/// use mimalloc_rs::stats::mimalloc_bin_size;
///
/// assert_eq!([1, 9, 49].map(mimalloc_bin_size), [8, 80, 80 << 10]);
/// ```
#[must_use]
pub const fn mimalloc_bin_size(bin: usize) -> usize {
    match bin {
        0 => WORD,
        1..=STEP_FROM => bin * WORD,
        _ if bin < MIMALLOC_BINS => {
            let place = bin + 3;
            let (top, quarter) = (place / 4, place % 4);
            ((quarter + 5) << (top - 2)) * WORD
        }
        _ => 0,
    }
}

/// The bin of mimalloc's for blocks of so many bytes.
///
/// ```
/// use mimalloc_rs::stats::{MIMALLOC_BINS, mimalloc_bin};
///
/// assert_eq!([8, 80, usize::MAX].map(mimalloc_bin), [1, 9, MIMALLOC_BINS - 1]);
/// ```
#[must_use]
pub const fn mimalloc_bin(block_size: usize) -> usize {
    let words = block_size.div_ceil(WORD);
    if words <= STEP_FROM {
        return words;
    }
    let top = (words - 1).ilog2() as usize;
    let bin = 4 * top + ((words - 1) >> (top - 2)) % 4 - 3;
    if bin < MIMALLOC_BINS { bin } else { MIMALLOC_BINS - 1 }
}

const _: () = {
    let mut bin = 1;
    while bin < MIMALLOC_BINS {
        assert!(mimalloc_bin(mimalloc_bin_size(bin)) == bin);
        bin += 1;
    }
};
