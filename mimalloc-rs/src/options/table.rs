//! What there is to know about each option, in the order of [`Opt`].

use super::opt::{Effect, Opt, Unit};

/// One option.
pub(super) struct Row {
    pub(super) opt: Opt,
    pub(super) env: &'static str,
    pub(super) legacy: Option<&'static str>,
    pub(super) unit: Unit,
    pub(super) default: i64,
    pub(super) effect: Effect,
}

const fn works(opt: Opt, env: &'static str, unit: Unit, default: i64) -> Row {
    Row { opt, env, legacy: None, unit, default, effect: Effect::Works }
}

const fn accepted(opt: Opt, env: &'static str, unit: Unit, default: i64, reason: &'static str) -> Row {
    Row { opt, env, legacy: None, unit, default, effect: Effect::Accepted(reason) }
}

/// Guarded objects are part of the hardened build.
const fn guarded(opt: Opt, env: &'static str, unit: Unit, default: i64) -> Row {
    let row = works(opt, env, unit, default);
    if cfg!(feature = "secure") {
        return row;
    }
    Row { effect: Effect::Accepted("guarded objects come with the crate feature `secure`"), ..row }
}

impl Row {
    const fn formerly(self, legacy: &'static str) -> Self {
        Self { legacy: Some(legacy), ..self }
    }
}

const NO_SEGMENTS: &str = "there are no segments: a page takes what it needs from an arena";
const NO_NUMA: &str = "memory lies on the node of the thread that touches it first, as the system has it";
const NO_PAGE_MAP: &str = "a page is found by arithmetic, without a map";
const PLACEHOLDER: &str = "it names an option that mimalloc gave up";
const ON_TOUCH: &str = "the system backs memory when it is touched, and arenas become accessible in steps";

const MEBI: i64 = 1024;
const GIBI: i64 = 1024 * MEBI;

pub(super) static TABLE: [Row; 49] = [
    works(Opt::ShowErrors, "MIMALLOC_SHOW_ERRORS", Unit::Flag, cfg!(feature = "debug") as i64),
    works(Opt::ShowStats, "MIMALLOC_SHOW_STATS", Unit::Flag, 0),
    works(Opt::Verbose, "MIMALLOC_VERBOSE", Unit::Level, 0),
    works(Opt::MaxErrors, "MIMALLOC_MAX_ERRORS", Unit::Count, 32),
    works(Opt::MaxWarnings, "MIMALLOC_MAX_WARNINGS", Unit::Count, 32),
    works(Opt::PurgeDelay, "MIMALLOC_PURGE_DELAY", Unit::Milliseconds, 1000).formerly("MIMALLOC_RESET_DELAY"),
    works(Opt::PurgeDecommits, "MIMALLOC_PURGE_DECOMMITS", Unit::Flag, 1)
        .formerly("MIMALLOC_RESET_DECOMMITS"),
    works(Opt::MinimalPurgeSize, "MIMALLOC_MINIMAL_PURGE_SIZE", Unit::Kibibytes, 0),
    works(Opt::ArenaReserve, "MIMALLOC_ARENA_RESERVE", Unit::Kibibytes, 64 * MEBI),
    works(Opt::ReserveOsMemory, "MIMALLOC_RESERVE_OS_MEMORY", Unit::Kibibytes, 0),
    works(Opt::DisallowOsAlloc, "MIMALLOC_DISALLOW_OS_ALLOC", Unit::Flag, 0)
        .formerly("MIMALLOC_LIMIT_OS_ALLOC"),
    works(Opt::AllowLargeOsPages, "MIMALLOC_ALLOW_LARGE_OS_PAGES", Unit::Level, 0)
        .formerly("MIMALLOC_LARGE_OS_PAGES"),
    works(Opt::ReserveHugeOsPages, "MIMALLOC_RESERVE_HUGE_OS_PAGES", Unit::Count, 0),
    works(Opt::ReserveHugeOsPagesAt, "MIMALLOC_RESERVE_HUGE_OS_PAGES_AT", Unit::Number, -1),
    works(Opt::AllowThp, "MIMALLOC_ALLOW_THP", Unit::Level, 1),
    works(Opt::DestroyOnExit, "MIMALLOC_DESTROY_ON_EXIT", Unit::Flag, 0),
    accepted(
        Opt::GenericCollect,
        "MIMALLOC_GENERIC_COLLECT",
        Unit::Count,
        10_000,
        "a page is given back when its last block is freed; a thread looks once a second for those that others emptied",
    ),
    works(Opt::PageReclaimOnFree, "MIMALLOC_PAGE_RECLAIM_ON_FREE", Unit::Level, 0)
        .formerly("MIMALLOC_ABANDONED_RECLAIM_ON_FREE"),
    works(Opt::PageMaxReclaim, "MIMALLOC_PAGE_MAX_RECLAIM", Unit::Count, -1),
    guarded(Opt::GuardedMin, "MIMALLOC_GUARDED_MIN", Unit::Bytes, 0),
    guarded(Opt::GuardedMax, "MIMALLOC_GUARDED_MAX", Unit::Bytes, 1 << 30),
    guarded(Opt::GuardedPrecise, "MIMALLOC_GUARDED_PRECISE", Unit::Flag, 0),
    guarded(Opt::GuardedSampleRate, "MIMALLOC_GUARDED_SAMPLE_RATE", Unit::Count, 0),
    guarded(Opt::GuardedSampleSeed, "MIMALLOC_GUARDED_SAMPLE_SEED", Unit::Number, 0),
    accepted(Opt::ArenaEagerCommit, "MIMALLOC_ARENA_EAGER_COMMIT", Unit::Level, 2, ON_TOUCH)
        .formerly("MIMALLOC_EAGER_REGION_COMMIT"),
    accepted(
        Opt::ArenaPurgeMult,
        "MIMALLOC_ARENA_PURGE_MULT",
        Unit::Factor,
        1,
        "`MIMALLOC_PURGE_DELAY` holds for all memory",
    ),
    accepted(
        Opt::ArenaMaxObjectSize,
        "MIMALLOC_ARENA_MAX_OBJECT_SIZE",
        Unit::Kibibytes,
        2 * GIBI,
        "objects of every size come from arenas",
    ),
    accepted(Opt::ArenaIsNumaLocal, "MIMALLOC_ARENA_IS_NUMA_LOCAL", Unit::Flag, 0, NO_NUMA),
    accepted(
        Opt::DisallowArenaAlloc,
        "MIMALLOC_DISALLOW_ARENA_ALLOC",
        Unit::Flag,
        0,
        "there is no memory outside of arenas",
    ),
    accepted(Opt::UseNumaNodes, "MIMALLOC_USE_NUMA_NODES", Unit::Count, 0, NO_NUMA),
    accepted(Opt::OsTag, "MIMALLOC_OS_TAG", Unit::Number, 100, "it is for macOS"),
    accepted(Opt::RetryOnOom, "MIMALLOC_RETRY_ON_OOM", Unit::Milliseconds, 400, "it is for Windows"),
    accepted(
        Opt::VisitAbandoned,
        "MIMALLOC_VISIT_ABANDONED",
        Unit::Flag,
        0,
        "pages that nobody owns can always be visited",
    ),
    accepted(
        Opt::PageFullRetain,
        "MIMALLOC_PAGE_FULL_RETAIN",
        Unit::Count,
        2,
        "a full page is given up after one round in its thread's queue",
    ),
    accepted(
        Opt::PageMaxCandidates,
        "MIMALLOC_PAGE_MAX_CANDIDATES",
        Unit::Count,
        4,
        "the page that waited longest is taken, without a search",
    ),
    works(Opt::PageCrossThreadMaxReclaim, "MIMALLOC_PAGE_CROSS_THREAD_MAX_RECLAIM", Unit::Count, 4),
    accepted(Opt::PageCommitOnDemand, "MIMALLOC_PAGE_COMMIT_ON_DEMAND", Unit::Level, 0, ON_TOUCH),
    accepted(Opt::MaxVabits, "MIMALLOC_MAX_VABITS", Unit::Count, 0, NO_PAGE_MAP),
    accepted(Opt::PagemapCommit, "MIMALLOC_PAGEMAP_COMMIT", Unit::Flag, 0, NO_PAGE_MAP),
    accepted(Opt::EagerCommit, "MIMALLOC_EAGER_COMMIT", Unit::Flag, 1, NO_SEGMENTS),
    accepted(Opt::EagerCommitDelay, "MIMALLOC_EAGER_COMMIT_DELAY", Unit::Count, 1, NO_SEGMENTS),
    accepted(
        Opt::AbandonedPagePurge,
        "MIMALLOC_ABANDONED_PAGE_PURGE",
        Unit::Flag,
        0,
        "the memory of ended threads is purged as all other memory is",
    )
    .formerly("MIMALLOC_ABANDONED_PAGE_RESET"),
    accepted(
        Opt::AbandonedReclaimOnFree,
        "MIMALLOC_ABANDONED_RECLAIM_ON_FREE",
        Unit::Flag,
        0,
        "read as the former name of `MIMALLOC_PAGE_RECLAIM_ON_FREE`, which works",
    ),
    accepted(Opt::MaxSegmentReclaim, "MIMALLOC_MAX_SEGMENT_RECLAIM", Unit::Percent, 10, NO_SEGMENTS),
    accepted(
        Opt::PurgeExtendDelay,
        "MIMALLOC_PURGE_EXTEND_DELAY",
        Unit::Milliseconds,
        1,
        "frees do not postpone a purge",
    )
    .formerly("MIMALLOC_DECOMMIT_EXTEND_DELAY"),
    accepted(
        Opt::TargetSegmentsPerThread,
        "MIMALLOC_TARGET_SEGMENTS_PER_THREAD",
        Unit::Count,
        0,
        NO_SEGMENTS,
    ),
    accepted(Opt::DeprecatedSegmentCache, "MIMALLOC_DEPRECATED_SEGMENT_CACHE", Unit::Count, 0, PLACEHOLDER),
    accepted(Opt::DeprecatedPageReset, "MIMALLOC_DEPRECATED_PAGE_RESET", Unit::Flag, 0, PLACEHOLDER),
    accepted(Opt::DeprecatedSegmentReset, "MIMALLOC_DEPRECATED_SEGMENT_RESET", Unit::Flag, 0, PLACEHOLDER),
];

const _: () = {
    let mut index = 0;
    while index < TABLE.len() {
        assert!(TABLE[index].opt as usize == index, "the rows have the order of the enum");
        index += 1;
    }
};
