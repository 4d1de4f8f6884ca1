//! Where pages come from: reserved regions of address space, handed out in runs of slices.
//!
//! A region is never given up. It has, in this order: the bitmap groups, the owner words and the page records (for each slice one,
//! in rings), the marks, and the slices; memory that the program hands over is all slices, with the tables elsewhere. So the page of
//! a pointer is found by arithmetic, in the first region from the pointer alone (see [`ring`]).
//!
//! The first region has room to grow in, so that most processes never need another; where address space is scarce
//! it has less and others follow (see [`room`]). Nothing here takes a lock.

pub(crate) mod bitmap;
mod claim;
mod commit;
mod density;
mod ebb;
mod hints;
mod huge;
mod patience;
mod pending;
mod purge;
mod region;
mod reserve;
pub(crate) mod ring;
mod room;
mod search;
mod supply;
mod survey;
mod tables;
mod task;
mod trial;

pub(crate) use huge::renew_for_little;
pub(crate) use purge::{empty, follows_ebb, purge_after_thread, purge_if_due, purge_now, renew};
pub(crate) use region::{Region, Slice, find, slice_at, slice_of_number};
pub(crate) use ring::{OWNER_NONE, OWNER_NOT_A_PAGE, OWNER_SINGLETON};
pub(crate) use survey::Content;
pub(crate) use trial::{Zeroing, way_to_zero};

use crate::gauge::Gauge;
use crate::geometry::{COPY_SLICE_NS, SLICE_SHIFT, SLICE_SIZE, SMALL_HEAP};
use crate::os;
use core::sync::atomic::{AtomicU32, Ordering};

pub use reserve::{Arena, Manage, Reserve};
pub(crate) use supply::reserve_at_start;

pub use self::region::CommitFn;
use self::region::REGIONS;

/// Slices that are not free.
pub(crate) static HELD: Gauge = Gauge::new();
/// Address space that was reserved or handed over, in bytes.
pub(crate) static RESERVED: Gauge = Gauge::new();
/// Slices that were given back or offered to the system, and in how many calls.
pub(crate) static PURGED: Gauge = Gauge::new();
pub(crate) static PURGE_CALLS: Gauge = Gauge::new();
/// Those among them that were only offered.
pub(crate) static OFFERED: Gauge = Gauge::new();
pub(crate) static OFFER_CALLS: Gauge = Gauge::new();
/// Rounds of giving memory back.
pub(crate) static PURGES: Gauge = Gauge::new();
/// Calls that made memory accessible.
pub(crate) static COMMIT_CALLS: Gauge = Gauge::new();

/// Slices that one caller holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The first slice.
    pub(crate) first: Slice,
    /// Whether all of it reads as zero.
    pub(crate) zero: bool,
}

impl Run {
    /// To be told that most of the run will be used soon.
    pub(crate) fn expect_use(&self, count: usize) {
        if self.zero && self.first.index >= SMALL_HEAP {
            // SAFETY: the caller holds the slices.
            unsafe { os::populate(self.first.start(), count << SLICE_SHIFT) };
        }
    }
}

/// Why a region has no run to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// There are not so many free slices side by side, or the program refuses to make them accessible.
    Slices,
    /// The system refuses to make them accessible. It would do so in another region.
    Memory,
}

/// How many regions there are; those that are being set up included.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Takes `count` neighbouring slices that start at a multiple of `align` bytes. `None` when the
/// system refuses more memory.
pub(crate) fn allocate(count: usize, align: usize) -> Option<Run> {
    allocate_in(None, count, align)
}

/// The same from one region only, if one is given.
pub(crate) fn allocate_in(only: Option<&'static Region>, count: usize, align: usize) -> Option<Run> {
    patience::with_patience(|| attempt(only, count, align.max(SLICE_SIZE)))
}

fn attempt(only: Option<&'static Region>, count: usize, align: usize) -> Option<Run> {
    loop {
        let reserved = RESERVED.current();
        let known = COUNT.load(Ordering::Acquire);
        match first_to_have(open_regions(only), count, align) {
            Ok(run) => return Some(run),
            Err(Missing::Memory) => return None,
            Err(Missing::Slices) => {}
        }
        let needed = size_for(count, align)?;
        let regions = only.map_or(&REGIONS[..known as usize], core::slice::from_ref);
        if !room::grow(regions, needed, reserved) {
            if only.is_some() {
                return None;
            }
            supply::add_region(known, needed)?;
        }
    }
}

/// The only region, if one is given, and otherwise all that are not exclusive.
fn open_regions(only: Option<&'static Region>) -> impl Iterator<Item = &'static Region> + Clone {
    let regions = only.map_or_else(regions, core::slice::from_ref);
    regions.iter().filter(move |region| only.is_some() || !region.is_exclusive())
}

/// Whether the next run of so many slices, from one region only if one is given, begins with memory that is there, as far as a look
/// tells.
pub(crate) fn is_next_resident(region: Option<&'static Region>, count: usize) -> bool {
    let is_resident = |region: &'static Region| {
        region.first_fit(count, SLICE_SIZE).map(|index| Slice { region, index }.is_resident())
    };
    open_regions(region).find_map(is_resident) == Some(true)
}

/// A run from the first of these regions that has one. What came free unseen, while a hint was being raised, is found before more
/// is reserved.
fn first_to_have(
    regions: impl Iterator<Item = &'static Region> + Clone,
    count: usize,
    align: usize,
) -> Result<Run, Missing> {
    let attempt = || {
        let mut missing = Missing::Slices;
        for region in regions.clone() {
            match region.allocate(count, align) {
                Ok(run) => return Ok(run),
                Err(Missing::Memory) => missing = Missing::Memory,
                Err(Missing::Slices) => {}
            }
        }
        Err(missing)
    };
    attempt().or_else(|_| {
        regions.clone().for_each(|region| region.hints.forget());
        attempt()
    })
}

/// Bytes that hold such a run wherever they start.
fn size_for(count: usize, align: usize) -> Option<usize> {
    count.checked_mul(SLICE_SIZE)?.checked_add(align)
}

/// The first slices of all pages and runs, in order of address within each region, and the theap each belongs to. What
/// comes and goes meanwhile may be among them or not.
pub(crate) fn pages() -> impl Iterator<Item = (Slice, u32)> {
    contents().filter_map(|(first, _, content)| match content {
        Content::Page(home) => Some((first, home)),
        Content::Free | Content::Other => None,
    })
}

/// What all slices hold that were handed out at some time, as far as neighbours belong together: the first, how many,
/// and what. As for [`pages`].
pub(crate) fn contents() -> impl Iterator<Item = (Slice, usize, Content)> {
    regions().iter().flat_map(Region::contents)
}

/// Gives all memory back.
///
/// # Safety
/// Nobody uses the allocator any more.
pub(crate) unsafe fn destroy() {
    for region in regions().iter().filter(|region| !region.is_pinned()) {
        // SAFETY: as the caller says; what was handed out lies in the region.
        unsafe { crate::os::purge(region.area().0, region.reached()) };
    }
}

/// All regions.
pub(crate) fn regions() -> &'static [Region] {
    &REGIONS[..COUNT.load(Ordering::Acquire) as usize]
}

/// Takes the `count` slices from `first` on, to grow a run in place. If only a purge holds them, waits for it to let go, for as long
/// as it would take to copy what is in the run, `before` slices. Where the region ends, it grows.
pub(crate) fn allocate_behind(first: Slice, count: usize, before: usize) -> bool {
    let region = first.region;
    let reserved = RESERVED.current();
    let attempt = || region.allocate_at(first.index, count).is_some();
    let is_at_end = || region.slices() - first.index < count && region.is_free_from(first.index);
    attempt()
        || patience::outlast(first, count, before as u64 * COPY_SLICE_NS) && attempt()
        || is_at_end()
            && room::grow(core::slice::from_ref(region), count << SLICE_SHIFT, reserved)
            && attempt()
}

/// Gives `count` slices back, or none.
///
/// # Safety
/// The caller holds them, and nothing refers to their memory any more.
#[inline]
pub(crate) unsafe fn release(first: Slice, count: usize) {
    huge::note_use(first, count);
    // SAFETY: as the caller says.
    unsafe { release_emptied(first, count) };
}

/// The same of slices that were [emptied](empty).
///
/// # Safety
/// As for [`release`].
pub(crate) unsafe fn release_emptied(first: Slice, count: usize) {
    HELD.sub(count);
    // SAFETY: the caller vouches for the run.
    unsafe { first.region.release(first.index, count) };
    purge::note_release();
    if ebb::is_due() {
        purge::purge_at_ebb();
    }
}
