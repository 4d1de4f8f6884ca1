//! The fields of the statistics.

use super::{BINS, Count, Counter};

/// Kinds of chunk in mimalloc 3, for [`Stats::chunk_bins`]: small, other, medium, large, huge, none.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::Stats::empty().chunk_bins.len(), mimalloc_rs::stats::CHUNK_BINS);
/// ```
pub const CHUNK_BINS: usize = 6;

/// A field of either kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Count(Count),
    Counter(Counter),
}

impl From<Count> for Number {
    fn from(count: Count) -> Self {
        Self::Count(count)
    }
}

impl From<Counter> for Number {
    fn from(counter: Counter) -> Self {
        Self::Counter(counter)
    }
}

/// Declares the struct, and the list of its fields by name, in one place.
macro_rules! stats {
    ($($(#[$doc:meta])* $field:ident: $kind:ident,)*) => {
        /// The statistics of the process, or of a part of it.
        ///
        /// ```
        /// use mimalloc_rs::stats::{Count, Stats};
        ///
        /// let mut stats = Stats::empty();
        /// stats.committed = Count { total: 2 << 20, peak: 2 << 20, current: 1 << 20 };
        /// println!("{stats}");
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $field: $kind,)*
            /// Blocks by size class.
            #[cfg_attr(feature = "serde", serde(serialize_with = "as_sequence"))]
            pub malloc_bins: [Count; BINS],
            /// Pages by size class.
            #[cfg_attr(feature = "serde", serde(serialize_with = "as_sequence"))]
            pub page_bins: [Count; BINS],
            /// Chunks by kind. There are none here: 0.
            pub chunk_bins: [Count; CHUNK_BINS],
        }

        impl Stats {
            /// Statistics of nothing.
            ///
            /// ```
            /// assert_eq!(mimalloc_rs::stats::Stats::empty().threads.total, 0);
            /// ```
            #[must_use]
            pub const fn empty() -> Self {
                const NO_COUNT: Count = Count { total: 0, peak: 0, current: 0 };
                macro_rules! none {
                    (Count) => { NO_COUNT };
                    (Counter) => { Counter { total: 0 } };
                }
                Self {
                    $($field: none!($kind),)*
                    malloc_bins: [NO_COUNT; BINS],
                    page_bins: [NO_COUNT; BINS],
                    chunk_bins: [NO_COUNT; CHUNK_BINS],
                }
            }

            /// All fields but the bins, with their names.
            pub(super) fn numbers(&self) -> impl Iterator<Item = (&'static str, Number)> {
                [$((stringify!($field), Number::from(self.$field)),)*].into_iter()
            }
        }
    };
}

stats! {
    /// Pages in use.
    pages: Count,
    /// Bytes of reserved address space.
    reserved: Count,
    /// Bytes of memory ready for use.
    committed: Count,
    /// Bytes offered to the system while staying the process's.
    reset: Counter,
    /// Bytes given back to the system, or offered to it.
    purged: Counter,
    /// Bytes of pages that blocks were made of.
    page_committed: Count,
    /// Pages that nobody owns.
    pages_abandoned: Count,
    /// Threads that allocate.
    threads: Count,
    /// Bytes in blocks that share a page.
    malloc_normal: Count,
    /// Bytes in blocks that have memory of their own.
    malloc_huge: Count,
    /// Bytes that were asked for. To count them would cost every allocation something: 0.
    malloc_requested: Count,
    /// As `arena_count`.
    mmap_calls: Counter,
    /// Calls that made memory accessible.
    commit_calls: Counter,
    /// Calls that offered memory to the system.
    reset_calls: Counter,
    /// Calls that gave memory back, or offered it.
    purge_calls: Counter,
    /// Arenas.
    arena_count: Counter,
    /// Blocks that share a page.
    malloc_normal_count: Counter,
    /// Blocks that have memory of their own.
    malloc_huge_count: Counter,
    /// Blocks with a guard page.
    malloc_guarded_count: Counter,
    /// Claims of arena memory that were taken back. They are not counted: 0.
    arena_rollback_count: Counter,
    /// Rounds of giving memory back.
    arena_purges: Counter,
    /// Times a page made more of its memory into blocks.
    pages_extended: Counter,
    /// Pages that became empty and were given up.
    pages_retire: Counter,
    /// Pages looked at in searches for one with free blocks.
    page_searches: Counter,
    /// Such searches.
    page_searches_count: Counter,
    /// There are no segments here: 0.
    segments: Count,
    /// There are no segments here: 0.
    segments_abandoned: Count,
    /// There are no segments here: 0.
    segments_cache: Count,
    /// There are no segments here: 0.
    _segments_reserved: Count,
    /// Heaps.
    heaps: Count,
    /// Threads' parts of heaps.
    theaps: Count,
    /// Pages taken over by a thread that needed one.
    pages_reclaim_on_alloc: Counter,
    /// Pages taken over by a thread that freed into one.
    pages_reclaim_on_free: Counter,
    /// Pages taken over and given up again because they were full. They are not counted: 0.
    pages_reabandon_full: Counter,
    /// Nobody waits for a page here: 0.
    pages_unabandon_busy_wait: Counter,
    /// Nobody waits for a heap's end here: 0.
    heaps_delete_wait: Counter,
}

impl Default for Stats {
    fn default() -> Self {
        Self::empty()
    }
}

/// Arrays longer than 32 are no sequences to serde by themselves.
#[cfg(feature = "serde")]
fn as_sequence<S: serde::Serializer>(counts: &[Count; BINS], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(counts)
}
