//! `mi_stats_t`, and how it stands to the numbers of the Rust interface.

use core::mem::offset_of;

use mi::stats::{CHUNK_BINS, Count, Counter, MIMALLOC_BINS, STAT_VERSION, Stats, mimalloc_bin};

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

/// A number of a whole.
trait Total {
    fn add(&mut self, part: Self);
}

impl Total for Count {
    fn add(&mut self, part: Self) {
        self.total += part.total;
        self.peak += part.peak;
        self.current += part.current;
    }
}

impl Total for Counter {
    fn add(&mut self, part: Self) {
        self.total += part.total;
    }
}

/// Declares the structure, and the ways there and back, from one list in the order of the header.
macro_rules! mi_stats {
    ($($field:ident: $kind:ident,)*) => {
        /// `mi_stats_t`.
        #[repr(C)]
        pub(crate) struct MiStats {
            size: usize,
            version: usize,
            $($field: $kind,)*
            stat_reserved: [MiCount; 4],
            counter_reserved: [MiCounter; 4],
            malloc_bins: [MiCount; MIMALLOC_BINS],
            page_bins: [MiCount; MIMALLOC_BINS],
            chunk_bins: [MiCount; CHUNK_BINS],
        }

        impl From<&Stats> for MiStats {
            fn from(stats: &Stats) -> Self {
                let mut c = Self {
                    size: size_of::<Self>(),
                    version: STAT_VERSION as usize,
                    $($field: stats.$field.into(),)*
                    stat_reserved: [MiCount::default(); 4],
                    counter_reserved: [MiCounter::default(); 4],
                    malloc_bins: [MiCount::default(); MIMALLOC_BINS],
                    page_bins: [MiCount::default(); MIMALLOC_BINS],
                    chunk_bins: stats.chunk_bins.map(Into::into),
                };
                for bin in stats.bins() {
                    let place = mimalloc_bin(bin.block_size);
                    c.malloc_bins[place] = bin.blocks.into();
                    c.page_bins[place] = bin.pages.into();
                }
                c
            }
        }

        /// Adds the numbers of one part to those of others.
        pub(crate) fn add(sum: &mut Stats, part: &Stats) {
            $(sum.$field.add(part.$field);)*
            let bins = sum.malloc_bins.iter_mut().chain(&mut sum.page_bins).chain(&mut sum.chunk_bins);
            for (sum, part) in bins.zip(part.malloc_bins.iter().chain(&part.page_bins).chain(&part.chunk_bins)) {
                sum.add(*part);
            }
        }

        impl From<&MiStats> for Stats {
            fn from(c: &MiStats) -> Self {
                let mut stats = Self::empty();
                $(stats.$field = c.$field.into();)*
                for (class, bin) in Self::empty().bins().enumerate() {
                    let place = mimalloc_bin(bin.block_size);
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
    pages: MiCount, reserved: MiCount, committed: MiCount,
    reset: MiCounter, purged: MiCounter,
    page_committed: MiCount, pages_abandoned: MiCount, threads: MiCount, malloc_normal: MiCount,
    malloc_huge: MiCount, malloc_requested: MiCount,
    mmap_calls: MiCounter, commit_calls: MiCounter, reset_calls: MiCounter, purge_calls: MiCounter,
    arena_count: MiCounter, malloc_normal_count: MiCounter, malloc_huge_count: MiCounter,
    malloc_guarded_count: MiCounter, arena_rollback_count: MiCounter, arena_purges: MiCounter,
    pages_extended: MiCounter, pages_retire: MiCounter, page_searches: MiCounter, page_searches_count: MiCounter,
    segments: MiCount, segments_abandoned: MiCount, segments_cache: MiCount, _segments_reserved: MiCount,
    heaps: MiCount, theaps: MiCount,
    pages_reclaim_on_alloc: MiCounter, pages_reclaim_on_free: MiCounter, pages_reabandon_full: MiCounter,
    pages_unabandon_busy_wait: MiCounter, heaps_delete_wait: MiCounter,
}

/// Where mimalloc 3.3.2 has the first of each run of one kind: programs that were built with its header look there.
const _: () = {
    macro_rules! lie_at {
        ($($field:ident: $offset:literal,)*) => { $(assert!(offset_of!(MiStats, $field) == $offset);)* };
    }
    lie_at! {
        pages: 16, reset: 88, page_committed: 104, mmap_calls: 248, segments: 360, heaps: 456,
        pages_reclaim_on_alloc: 504, stat_reserved: 544, counter_reserved: 640,
        malloc_bins: 672, page_bins: 2448, chunk_bins: 4224,
    }
    assert!(size_of::<MiStats>() == 4368);
};

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
