//! Statistics: what the allocator holds and what it did.
//!
//! The numbers are those of mimalloc's interface, so that tools for it find what they know. A number that has
//! no meaning in this allocator, or is not counted, is always zero, and its field says so.
//!
//! ```
//! use mimalloc_rs::stats::Stats;
//!
//! let stats = Stats::empty();
//! assert_eq!(stats.pages.current, 0);
//! ```

mod amount;
mod bins;
mod fields;
mod json;
mod spans;
mod survey;
mod table;

pub(crate) use amount::Bytes;
pub use bins::{MIMALLOC_BINS, mimalloc_bin, mimalloc_bin_size};
pub use fields::{CHUNK_BINS, Stats};
pub use spans::{Holding, SLICE, Span, spans};
pub(crate) use survey::committed;
pub use survey::purged;

use crate::geometry::CLASSES;
use crate::size_class;

/// The version of the statistics' fields, as mimalloc counts them.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::STAT_VERSION, 5);
/// ```
pub const STAT_VERSION: u32 = 5;

/// The mimalloc version whose statistics these are, in its notation: 3.3.2.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::MIMALLOC_VERSION, 30302);
/// ```
pub const MIMALLOC_VERSION: u32 = 30302;

/// Number of size classes, and of [`Bin`]s.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::Stats::empty().bins().count(), mimalloc_rs::stats::BINS);
/// ```
pub const BINS: usize = CLASSES;

/// Something that comes and goes, in pieces or bytes as its field says.
///
/// ```
/// use mimalloc_rs::stats::Count;
///
/// let count = Count { total: 10, peak: 4, current: 1 };
/// assert_eq!(count.freed(), 9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Count {
    /// All there ever was.
    pub total: i64,
    /// The most there was at a time.
    pub peak: i64,
    /// What there is.
    pub current: i64,
}

impl Count {
    /// What has gone.
    ///
    /// ```
    /// # use mimalloc_rs::stats::Count;
    /// assert_eq!(Count::default().freed(), 0);
    /// ```
    #[must_use]
    pub const fn freed(self) -> i64 {
        self.total.saturating_sub(self.current)
    }
}

/// Something that only grows.
///
/// ```
/// use mimalloc_rs::stats::Counter;
///
/// assert_eq!(Counter::default().total, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Counter {
    /// All there ever was.
    pub total: i64,
}

/// The numbers of one size class.
///
/// ```
/// use mimalloc_rs::stats::Stats;
///
/// let largest = Stats::empty().bins().last().expect("there are size classes");
/// assert_eq!(largest.block_size, 64 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Bin {
    /// Bytes of a block.
    pub block_size: usize,
    /// Blocks.
    pub blocks: Count,
    /// Pages that hold such blocks.
    pub pages: Count,
}

impl Stats {
    /// The numbers of each size class, from the smallest blocks to the largest.
    ///
    /// ```
    /// use mimalloc_rs::stats::Stats;
    ///
    /// assert_eq!(Stats::empty().bins().next().map(|bin| bin.block_size), Some(8));
    /// ```
    pub fn bins(&self) -> impl ExactSizeIterator<Item = Bin> {
        let numbers = self.malloc_bins.iter().zip(&self.page_bins).enumerate();
        numbers.map(|(class, (&blocks, &pages))| Bin {
            block_size: size_class::block_size(class),
            blocks,
            pages,
        })
    }
}
