//! `mi_stats_t`, and how it stands to the numbers of the Rust interface.

use mi::stats::{CHUNK_BINS, Count, Counter, STAT_VERSION, Stats};

/// Bins of the C structure, the last one for blocks beyond all others.
pub(crate) const C_BINS: usize = 74;

const WORD: usize = 8;
/// From this many words on bins are four to a doubling.
const STEP_FROM: usize = 8;

/// Bytes of the blocks of a bin.
pub(crate) const fn bin_size(bin: usize) -> usize {
    match bin {
        0 => WORD,
        1..=STEP_FROM => bin * WORD,
        _ if bin < C_BINS => {
            let place = bin + 3;
            let (top, quarter) = (place / 4, place % 4);
            ((quarter + 5) << (top - 2)) * WORD
        }
        _ => 0,
    }
}

/// The bin of blocks of so many bytes.
const fn bin_of(block_size: usize) -> usize {
    let words = block_size.div_ceil(WORD);
    if words <= STEP_FROM {
        return words;
    }
    let top = (words - 1).ilog2() as usize;
    let bin = 4 * top + ((words - 1) >> (top - 2)) % 4 - 3;
    if bin < C_BINS { bin } else { C_BINS - 1 }
}

const _: () = {
    let mut bin = 1;
    while bin < C_BINS {
        assert!(bin_of(bin_size(bin)) == bin);
        bin += 1;
    }
};

/// `mi_stat_count_t`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct MiCount {
    total: i64,
    peak: i64,
    current: i64,
}

impl From<Count> for MiCount {
    fn from(count: Count) -> Self {
        Self { total: count.total, peak: count.peak, current: count.current }
    }
}

impl From<MiCount> for Count {
    fn from(count: MiCount) -> Self {
        Self { total: count.total, peak: count.peak, current: count.current }
    }
}

/// `mi_stat_counter_t`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct MiCounter {
    total: i64,
}

impl From<Counter> for MiCounter {
    fn from(counter: Counter) -> Self {
        Self { total: counter.total }
    }
}

impl From<MiCounter> for Counter {
    fn from(counter: MiCounter) -> Self {
        Self { total: counter.total }
    }
}

/// Declares the structure, and the ways there and back, from one list in the order of the header.
macro_rules! mi_stats {
    (counts: $($count:ident)*; counters: $($counter:ident)*;) => {
        /// `mi_stats_t`.
        #[repr(C)]
        pub(crate) struct MiStats {
            size: usize,
            version: usize,
            $($count: MiCount,)*
            stat_reserved: [MiCount; 4],
            $($counter: MiCounter,)*
            counter_reserved: [MiCounter; 4],
            malloc_bins: [MiCount; C_BINS],
            page_bins: [MiCount; C_BINS],
            chunk_bins: [MiCount; CHUNK_BINS],
        }

        impl From<&Stats> for MiStats {
            fn from(stats: &Stats) -> Self {
                let mut c = Self {
                    size: size_of::<Self>(),
                    version: STAT_VERSION as usize,
                    $($count: stats.$count.into(),)*
                    stat_reserved: [MiCount::default(); 4],
                    $($counter: stats.$counter.into(),)*
                    counter_reserved: [MiCounter::default(); 4],
                    malloc_bins: [MiCount::default(); C_BINS],
                    page_bins: [MiCount::default(); C_BINS],
                    chunk_bins: stats.chunk_bins.map(Into::into),
                };
                for bin in stats.bins() {
                    let place = bin_of(bin.block_size);
                    c.malloc_bins[place] = bin.blocks.into();
                    c.page_bins[place] = bin.pages.into();
                }
                c
            }
        }

        /// Adds the numbers of one part to those of others.
        pub(crate) fn add(sum: &mut Stats, part: &Stats) {
            let count = |sum: &mut Count, part: Count| {
                sum.total += part.total;
                sum.peak += part.peak;
                sum.current += part.current;
            };
            $(count(&mut sum.$count, part.$count);)*
            $(sum.$counter.total += part.$counter.total;)*
            let bins = sum.malloc_bins.iter_mut().chain(&mut sum.page_bins).chain(&mut sum.chunk_bins);
            for (sum, part) in bins.zip(part.malloc_bins.iter().chain(&part.page_bins).chain(&part.chunk_bins)) {
                count(sum, *part);
            }
        }

        impl From<&MiStats> for Stats {
            fn from(c: &MiStats) -> Self {
                let mut stats = Self::empty();
                $(stats.$count = c.$count.into();)*
                $(stats.$counter = c.$counter.into();)*
                for (class, bin) in Self::empty().bins().enumerate() {
                    let place = bin_of(bin.block_size);
                    stats.malloc_bins[class] = c.malloc_bins[place].into();
                    stats.page_bins[class] = c.page_bins[place].into();
                }
                stats.chunk_bins = c.chunk_bins.map(Into::into);
                stats
            }
        }
    };
}

mi_stats! {
    counts: pages reserved committed page_committed pages_abandoned threads malloc_normal malloc_huge
        malloc_requested segments segments_abandoned segments_cache heaps theaps _segments_reserved;
    counters: reset purged mmap_calls commit_calls reset_calls purge_calls arena_count malloc_normal_count
        malloc_huge_count malloc_guarded_count arena_rollback_count arena_purges pages_extended pages_retire
        page_searches page_searches_count pages_reclaim_on_alloc pages_reclaim_on_free pages_reabandon_full
        pages_unabandon_busy_wait heaps_delete_wait;
}

impl MiStats {
    /// Whether the caller knows this structure.
    ///
    /// # Safety
    /// `stats` is null or starts with a size and a version.
    pub(crate) unsafe fn is_known(stats: *const Self) -> bool {
        // SAFETY: as the caller says.
        !stats.is_null()
            && unsafe { (*stats).size == size_of::<Self>() && (*stats).version == STAT_VERSION as usize }
    }
}
