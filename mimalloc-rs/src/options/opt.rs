//! Which options there are.

use super::table::TABLE;

/// An option of the allocator; see the [list](super#environment).
///
/// The options are those of mimalloc 1, 2 and 3 together. An option of the C library that this allocator has
/// no use for is there all the same: it can be set and read, and [`effect`](Self::effect) says why nothing
/// follows from it.
///
/// ```
/// use mimalloc_rs::options::{Opt, Unit};
///
/// assert_eq!(Opt::PurgeDelay.env_name(), "MIMALLOC_PURGE_DELAY");
/// assert_eq!(Opt::PurgeDelay.legacy_name(), Some("MIMALLOC_RESET_DELAY"));
/// assert_eq!((Opt::PurgeDelay.unit(), Opt::PurgeDelay.default()), (Unit::Milliseconds, 1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Opt {
    /// Print error and warning messages. Misuse of memory is printed unless this was set to 0 explicitly.
    ShowErrors,
    /// Print statistics when the process ends.
    ShowStats,
    /// Print what the allocator does: 1 verbose, 2 trace. Lifts the limits on messages.
    Verbose,
    /// Most error messages that are printed; negative for no limit.
    MaxErrors,
    /// Most warnings that are printed; negative for no limit.
    MaxWarnings,
    /// How long freed memory stays resident, in milliseconds, unless most of it is freed: 0 not at all, -1 for ever.
    PurgeDelay,
    /// Purged memory leaves the process at once; with 0 the system may take it when it is short of memory.
    PurgeDecommits,
    /// The smallest piece of memory that is purged, in KiB; at least 64.
    MinimalPurgeSize,
    /// Address space to reserve at a time, in KiB, or a quarter of what there is, if that is more. Halved while the system refuses.
    ArenaReserve,
    /// Memory to reserve when the process starts, in KiB.
    ReserveOsMemory,
    /// Use only memory that was reserved before.
    DisallowOsAlloc,
    /// Use large (2 MiB) pages of the system where it has some.
    AllowLargeOsPages,
    /// Huge (1 GiB) pages to reserve when the process starts.
    ReserveHugeOsPages,
    /// The NUMA node of those huge pages; -1 for any.
    ReserveHugeOsPagesAt,
    /// Transparent huge pages: 0 none in the process, 1 behind large heaps if they come quickly, 2 as the system likes.
    AllowThp,
    /// Give all memory back when the process ends. Memory must not be used by later destructors then.
    DestroyOnExit,
    /// Slow allocations of a thread between two collections of its memory.
    GenericCollect,
    /// A free into a page nobody owns makes the thread its owner: -1 never, 0 only if it was its page once, 1
    /// always.
    PageReclaimOnFree,
    /// Most pages of a size class a thread has when it takes over one more; negative for no limit.
    PageMaxReclaim,
    /// Smallest object that can get a guard page, in bytes.
    GuardedMin,
    /// Largest object that can get a guard page, in bytes.
    GuardedMax,
    /// Put objects flush to their guard page, even if that breaks their natural alignment.
    GuardedPrecise,
    /// One in this many objects gets a guard page; 0 for none.
    GuardedSampleRate,
    /// Where the counting of guarded objects starts; 0 for anywhere.
    GuardedSampleSeed,
    /// Make fresh arenas accessible at once: 0 no, 1 yes, 2 where the system overcommits.
    ArenaEagerCommit,
    /// Multiplies the purge delay for arenas.
    ArenaPurgeMult,
    /// Largest object in an arena, in KiB.
    ArenaMaxObjectSize,
    /// Tie an arena to the NUMA node of the thread that makes it.
    ArenaIsNumaLocal,
    /// Allocate outside of arenas.
    DisallowArenaAlloc,
    /// NUMA nodes to use; 0 for all.
    UseNumaNodes,
    /// The tag of the memory in macOS's tools.
    OsTag,
    /// How long a failed allocation is tried again, in milliseconds.
    RetryOnOom,
    /// Allow visiting blocks in pages that nobody owns.
    VisitAbandoned,
    /// Full pages of a size class that a thread keeps.
    PageFullRetain,
    /// Pages that are looked at to find the best.
    PageMaxCandidates,
    /// The same as [`PageMaxReclaim`](Self::PageMaxReclaim) for pages of other threads.
    PageCrossThreadMaxReclaim,
    /// Make parts of a page accessible as it fills: 0 no, 1 yes, 2 where the system does not overcommit.
    PageCommitOnDemand,
    /// Bits of an address that the page map covers; 0 for all that the system uses.
    MaxVabits,
    /// Make the page map accessible at once.
    PagemapCommit,
    /// Make segments accessible at once.
    EagerCommit,
    /// Segments of a thread that are made accessible page by page before that.
    EagerCommitDelay,
    /// Purge the memory of a thread at its end, without delay.
    AbandonedPagePurge,
    /// Take over an abandoned segment when freeing into it.
    AbandonedReclaimOnFree,
    /// Share of the abandoned segments that one search looks at, in percent.
    MaxSegmentReclaim,
    /// What further frees add to the delay of a purge, in milliseconds.
    PurgeExtendDelay,
    /// Segments that a thread keeps.
    TargetSegmentsPerThread,
    /// A placeholder of the C library.
    DeprecatedSegmentCache,
    /// A placeholder of the C library.
    DeprecatedPageReset,
    /// A placeholder of the C library.
    DeprecatedSegmentReset,
}

/// What the number of an option stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// 0 for no, anything else for yes.
    Flag,
    /// A choice among a few numbers.
    Level,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Units of 1024 bytes. In the environment a size such as `64M`; a bare number there is bytes.
    Kibibytes,
    /// Milliseconds.
    Milliseconds,
    /// Hundredths.
    Percent,
    /// A factor.
    Factor,
    /// A name in the form of a number: a NUMA node, a tag, a seed.
    Number,
}

/// Whether an option changes anything in this allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It does.
    Works,
    /// It can be set and read and nothing follows from it, for this reason.
    Accepted(&'static str),
}

impl Opt {
    /// Its environment variable.
    #[must_use]
    pub const fn env_name(self) -> &'static str {
        TABLE[self as usize].env
    }

    /// The variable's name in former versions. It is read, with a warning, if the present one is not set.
    #[must_use]
    pub const fn legacy_name(self) -> Option<&'static str> {
        TABLE[self as usize].legacy
    }

    /// What its value is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        TABLE[self as usize].unit
    }

    /// Its value while nobody sets it.
    #[must_use]
    pub const fn default(self) -> i64 {
        TABLE[self as usize].default
    }

    /// Whether it changes anything.
    #[must_use]
    pub const fn effect(self) -> Effect {
        TABLE[self as usize].effect
    }
}

/// All options, in the order of [`Opt`].
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// assert!(options::all().any(|opt| opt.env_name() == "MIMALLOC_SHOW_STATS"));
/// ```
pub fn all() -> impl ExactSizeIterator<Item = Opt> + Clone {
    TABLE.iter().map(|row| row.opt)
}
