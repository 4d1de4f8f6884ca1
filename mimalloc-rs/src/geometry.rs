//! Every size, shift and limit of the allocator, each defined once.

/// Address space is handed out in slices of this many bytes.
pub(crate) const SLICE_SIZE: usize = 1 << SLICE_SHIFT;
/// log2 of [`SLICE_SIZE`].
pub(crate) const SLICE_SHIFT: usize = 16;

/// Requests up to this size find their class in a table.
pub(crate) const SMALL_MAX: usize = 1024;
/// Blocks up to this size live in pages of one slice.
pub(crate) const SMALL_PAGE_BLOCK_MAX: usize = 8 * 1024;
/// Blocks up to this size share a page with others; larger ones own a run of slices.
pub(crate) const BLOCK_MAX: usize = 64 * 1024;
/// Blocks that have grown beyond this size may own a slice each as well.
pub(crate) const GROWN_MIN: usize = 16 * 1024;
/// So many of those may, whatever is held.
pub(crate) const GROWN_ALONE: u64 = 16;
/// One more of them may for each so many slices that are held.
pub(crate) const SLICES_PER_GROWN: u64 = 64;
/// Most blocks of a page.
pub(crate) const BLOCKS_MAX: usize = SLICE_SIZE / size_of::<usize>();
/// Most blocks of a page whose marks lie in its word, above the flags.
pub(crate) const COMPACT_BLOCKS_MAX: usize = 62;
/// Slices of a page whose blocks are larger than [`SMALL_PAGE_BLOCK_MAX`].
pub(crate) const MEDIUM_PAGE_SLICES: usize = 8;

/// Bytes of the smallest system pages there are.
pub(crate) const SYSTEM_PAGE_MIN: usize = 4096;
/// Whether pages and runs end with a system page that nobody can access.
pub(crate) const GUARDED: bool = cfg!(feature = "secure");
/// Bytes at the end of every page and run that nobody can access.
pub(crate) const GUARD_SIZE: usize = if GUARDED { SYSTEM_PAGE_MIN } else { 0 };

/// Number of size classes.
pub(crate) const CLASSES: usize = 45;

/// Slices of the largest region that the fast path of `free` knows, which looks into tables for as many.
pub(crate) const RING_SLICES: usize = 1 << 20;
/// Where address space is scarce, smaller regions do without.
pub(crate) const RING_REGION_MIN: usize = 256 << 20;
/// Most reservations a process can hold.
pub(crate) const REGIONS_MAX: usize = 32;
/// The last ones are for ordinary memory on demand, however much the program reserves, hands over, or has of large pages.
pub(crate) const REGIONS_ON_DEMAND: usize = 8;
/// A new one, and what one grows by, is such a part of what there is, or what an option says, if that is more.
pub(crate) const REGION_PART: usize = 4;
/// This much of a region is made accessible at a time, or such a part of what is, if that is more.
pub(crate) const COMMIT_STEP: usize = 4 << 20;
pub(crate) const COMMIT_PART: usize = 4;

/// Slices are described in groups of one bitmap word.
pub(crate) const GROUP_SLICES: usize = 64;

/// Bytes of blocks that a page links when it first runs dry.
pub(crate) const EXTEND_BYTES: usize = 4 * 1024;

/// Slices at the start of a region, a small heap, that get their memory page by page.
pub(crate) const SMALL_HEAP: usize = 64;
/// Those behind them get it at once where the heap is dense, and those behind this many, a large heap, everywhere.
pub(crate) const LARGE_HEAP: usize = 256;
/// Where a heap is dense: so many bytes are used of each place for a huge page before, as a mean.
pub(crate) const DENSE: usize = HUGE_SIZE / 8 * 5;
/// In a large heap: if such a part of the pages in these slices before the place is linked, as far as so many looks tell.
pub(crate) const DENSE_SHARE: usize = 4;
pub(crate) const DENSE_REACH: usize = 1024;
pub(crate) const DENSE_LOOKS: usize = 32;
/// Bytes of a huge page. Where they are of another size, there are none for us.
pub(crate) const HUGE_SIZE: usize = 2 << 20;
pub(crate) const HUGE_SLICES: usize = HUGE_SIZE / SLICE_SIZE;
/// Places for huge pages that are spoken for behind the last one that was chosen for.
pub(crate) const HUGE_AHEAD: usize = 8;
/// Huge pages at the start of a block that holds some while nothing is known of such blocks.
pub(crate) const HUGE_AT_FIRST: usize = 16;
/// In less time than this for each slice, nobody can have filled a block.
pub(crate) const FILL_SLICE_NS: u64 = 1_000;
/// So many blocks that could have a huge page were hardly used before one is renewed.
pub(crate) const RENEWED_AFTER: u8 = 8;
/// What a huge page may take: about as long as as many page faults.
pub(crate) const HUGE_WITHIN_NS: u64 = 600_000;
/// Huge pages that are done without after one that came late, and by which factor that grows if the next one is late as well.
pub(crate) const HUGE_WITHOUT: u32 = 64;
pub(crate) const HUGE_WITHOUT_FACTOR: u32 = 4;
/// That many at most, in which one trial is nothing.
pub(crate) const HUGE_WITHOUT_MOST: u32 = 4096;

/// Largest blocks of other threads that a thread gathers before it marks them as free.
pub(crate) const GATHERED_MAX: usize = 1024;

/// Free slices a thread keeps for its next pages and large blocks.
pub(crate) const SPARE_SLICES: usize = 4;
/// So many that all threads may keep of large blocks, and one more for each so many that are held.
pub(crate) const SPARE_IN_ALL: u64 = 64;
pub(crate) const SLICES_PER_SPARE: u64 = 16;

/// Bytes of free blocks for which a page may keep the turn though another has more.
pub(crate) const FEW_BYTES: usize = 4096;
/// After so many refills with half as many or fewer, and no more of the others in between, a thread has too few free blocks
/// for its pages, and takes a page more.
pub(crate) const LACKING: u32 = 64;
/// If it has so many at least: otherwise one more is much.
pub(crate) const LACKING_PAGES: i32 = 8;
/// The user of a theap of a first-class heap is away after such a part of the time for which free memory is kept: from then on
/// others give back what lies behind its empty pages.
pub(crate) const AWAY_SHARE: u64 = 10;
/// Until then runs keep theirs, of up to so many slices in all theaps, and one more for each so many that are held.
pub(crate) const WHOLE_IN_ALL: u64 = 256;
pub(crate) const SLICES_PER_WHOLE: u64 = 16;
/// Entries of a stack that are looked at, when a page is made, for those of pages that have gone.
pub(crate) const SWEPT_AT_ONCE: usize = 4;
/// Waiting pages that a theap of a first-class heap looks at before it makes a new one.
pub(crate) const LOOKS: usize = 8;
/// Other heaps that a thread may use before its table of them needs a slice; a power of two.
pub(crate) const BONDS: usize = 32;

/// In so many milliseconds a thread looks at all its pages once, to find those that others emptied.
pub(crate) const ROUND_MS: u64 = 1000;
/// Refills of a thread between two looks at the clock.
pub(crate) const REFILLS_PER_TICK: u32 = 64;
/// Pages that it looks at then, at most.
pub(crate) const LOOKS_PER_TICK: usize = 256;

/// Slices whose pages a thread ends, without making one in between, before it collects.
pub(crate) const COLLECT_AFTER: u32 = 32;
/// Pages of a thread for each slice more.
pub(crate) const PAGES_PER_ENDED: usize = 4;
/// Such collections that may follow each other closely, if there were none for as many milliseconds; then one comes to a
/// millisecond: each costs something.
pub(crate) const COLLECTIONS_SAVED: u64 = 16;

/// It is an ebb when the slices held are fewer by this factor than they were.
pub(crate) const EBB_DEPTH: u64 = 4;
/// Slices that may stay resident although nobody holds them, after most of what was held came free.
pub(crate) const EBB_KEPT: u64 = 24;
/// As long as no slice is taken after an ebb, the next is when such a part of what is held came free.
pub(crate) const EBB_SHARE_ON: u64 = 8;
/// So few slices that came free are no ebb then either.
pub(crate) const EBB_KEPT_ON: u64 = 8;
/// Milliseconds since the first ebb for each slice that may be taken again after an ebb gave it back: to back one with memory is
/// the most expensive thing that happens to it.
pub(crate) const EBB_MS_PER_SLICE: u64 = 4;
/// No more of them than these may be taken again at once, however long none was.
pub(crate) const EBB_CREDIT: u64 = 4096;
/// Such slices for each millisecond in the life of a thread that has ended, which makes up for more.
pub(crate) const SLICES_PER_THREAD_MS: u64 = 2;

/// Blocks from this size on are made zero by giving their memory back: much of one is likely to have none, and to stay without.
pub(crate) const ZERO_BY_SYSTEM: usize = 1 << 30;

/// About as many slices are held at most while their memory goes back. In the child of a fork they stay so if the thread that held
/// them is not there.
pub(crate) const PURGED_AT_ONCE: usize = 4 * GROUP_SLICES;
/// Passes that a thread makes at most because others ask for one more: what is left then goes back with whoever comes by next.
pub(crate) const PASSES_AT_ONCE: u32 = 16;

/// What it takes to copy a slice to where no memory is yet, most of it page faults.
pub(crate) const COPY_SLICE_NS: u64 = 16_000;

/// How long to wait for slices of which another thread gives the memory back, or that it reserves, before it is said that there
/// are none.
pub(crate) const PATIENCE_MS: u64 = 100;

/// Space set aside for one theap.
pub(crate) const THEAP_SIZE: usize = 4096;
/// Most slices of bookkeeping memory for theaps.
pub(crate) const THEAP_CHUNKS: usize = 4096;

/// Space set aside for the record of one first-class heap.
pub(crate) const RECORD_SIZE: usize = 128;
/// Most slices of bookkeeping memory for such records.
pub(crate) const RECORD_CHUNKS: usize = 128;

/// Size of a cache line; what two threads write lies in different ones.
pub(crate) const CACHE_LINE: usize = 64;

const _: () = assert!(SMALL_PAGE_BLOCK_MAX <= SLICE_SIZE / 8);
const _: () = assert!(BLOCK_MAX <= MEDIUM_PAGE_SLICES * SLICE_SIZE / 8);
const _: () = assert!(REGIONS_ON_DEMAND < REGIONS_MAX);
