//! Where regions come from: the system, on demand or when the program says so, or memory that the program has.

use core::ops::Range;
use core::ptr;
use core::sync::atomic::Ordering;

use super::COUNT;
use super::huge;
use super::patience::wait_while;
use super::region::{Material, NUMBER_SHIFT, REGIONS, Region, Traits};
use super::ring;
use super::room::{self, GROWING, Site};
use super::tables::Tables;
use crate::geometry::{
    GROUP_SLICES, HUGE_SIZE, REGION_PART, REGIONS_MAX, REGIONS_ON_DEMAND, RING_REGION_MIN, RING_SLICES,
    SLICE_SHIFT, SLICE_SIZE,
};
use crate::options::{self, Opt};
use crate::os;
use crate::report;

/// Bytes that regions consist of are a multiple of this.
pub(super) const REGION_UNIT: usize = GROUP_SLICES * SLICE_SIZE;
/// Bytes of the largest region that the fast path of `free` knows.
const RING_SIZE: usize = RING_SLICES << SLICE_SHIFT;
/// Bytes of the largest region there may be.
pub(super) const REGION_SIZE_MAX: usize = 1 << (NUMBER_SHIFT + SLICE_SHIFT);
/// What is tried first where large system pages are wanted: they exist from the start.
const LARGE_REGION_SIZE: usize = 1 << 30;

/// Reserves one more region for at least `needed` bytes. `known` is the number of regions the
/// caller has looked at: if others have come since, or may have, it returns and the caller looks again.
#[cold]
pub(super) fn add_region(known: u32, needed: usize) -> Option<()> {
    if known as usize >= REGIONS_MAX || options::is_enabled(Opt::DisallowOsAlloc) {
        return None;
    }
    let needed = needed.checked_next_multiple_of(REGION_UNIT)?;
    if needed > REGION_SIZE_MAX {
        return None;
    }
    let has_task = GROWING.begin(os::process_id());
    // If it takes too long, the other thread is the one that a signal handler interrupts.
    if !has_task && wait_while(|| GROWING.is_under_way(os::process_id())) {
        return Some(());
    }
    let is_known = COUNT.load(Ordering::Acquire) == known;
    let added = if is_known { reserve_anything(known, needed) } else { Some(NOTHING) };
    if has_task {
        GROWING.end();
    }
    let Range { start, end } = added?;
    if start < end {
        report::verbose(format_args!(
            "reserved {} MiB of address space at {start:p}",
            (end.addr() - start.addr()) >> 20
        ));
    }
    Some(())
}

/// Where nothing was reserved.
const NOTHING: Range<*mut u8> = ptr::null_mut()..ptr::null_mut();

/// The same without regard to other threads, and says where; nowhere if another one has come.
fn reserve_anything(known: u32, needed: usize) -> Option<Range<*mut u8>> {
    if options::is_enabled(Opt::AllowLargeOsPages)
        && let Some(region) =
            reserve(needed.max(LARGE_REGION_SIZE), true, Traits { pinned: true, ..Traits::default() })
    {
        let (start, size) = region.area();
        return Some(start..start.wrapping_add(size));
    }
    let step = room::step();
    // So large that it is not their number that limits the heap.
    let most = if ring::is_wanted() {
        RING_SIZE
    } else {
        step.saturating_mul(REGION_PART).clamp(RING_SIZE, REGION_SIZE_MAX)
    };
    let mut room = most.max(needed);
    let mut has_ring = true;
    let (start, tables) = loop {
        let slices = room >> SLICE_SHIFT;
        let tables = Tables::new(slices, places(slices, has_ring));
        if let Some(reservation) = os::reserve(tables.total() + room, HUGE_SIZE) {
            break (reservation, tables);
        }
        if room == needed && !has_ring {
            // Another thread may have been luckier.
            return (COUNT.load(Ordering::Acquire) != known).then_some(NOTHING);
        }
        let smaller = (room / 2 / REGION_UNIT * REGION_UNIT).max(needed);
        has_ring = smaller < room && smaller >= RING_REGION_MIN;
        room = smaller;
    };
    let total = tables.total() + room;
    if COUNT.compare_exchange(known, known + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        // SAFETY: the reservation was made above and nobody knows of it.
        unsafe { os::release(start, total) };
        return Some(NOTHING);
    }
    // SAFETY: the entry is this thread's by the exchange, and nobody else knows of the reservation, inside which the parts follow each
    // other.
    unsafe {
        let at_first = tables.groups + tables.owners;
        if !os::commit(start, at_first, at_first) {
            os::release(start, total);
            // Unless another region came behind it the entry is free again; else it stays, without slices.
            let _ = COUNT.compare_exchange(known + 1, known, Ordering::AcqRel, Ordering::Relaxed);
            return None;
        }
        let site = Site { marks: start.add(tables.before_marks()), base: start.add(tables.total()) };
        let room = room >> SLICE_SHIFT;
        let slices = room::leave(site, step.clamp(needed, room << SLICE_SHIFT) >> SLICE_SHIFT, room);
        REGIONS[known as usize].set_up(&Material {
            tables: start,
            sizes: tables,
            base: site.base,
            slices,
            room,
            accessible: false,
            zero: true,
            traits: Traits { on_demand: true, may_be_huge: huge::are_wanted(), ..Traits::default() },
        });
        Some(site.base..site.base.add(slices << SLICE_SHIFT))
    }
}

/// Places of the rings for a region of so many slices: as many as the fast path of `free` expects, if it has none to look into and
/// there `is_room`.
fn places(slices: usize, is_room: bool) -> usize {
    if is_room && slices <= RING_SLICES && ring::is_wanted() {
        RING_SLICES
    } else {
        slices.next_power_of_two()
    }
}

/// Reserves a region of `size` bytes, of large system pages if `large`.
pub(super) fn reserve(size: usize, large: bool, traits: Traits) -> Option<&'static Region> {
    let size = size.checked_next_multiple_of(REGION_UNIT)?;
    if size > REGION_SIZE_MAX {
        return None;
    }
    let start =
        if large { os::reserve_large(size, os::LargePages::Default) } else { os::reserve(size, HUGE_SIZE) }?;
    let traits = Traits { may_be_huge: !large && huge::are_wanted(), ..traits };
    let material = Managed { start, size, accessible: large, zero: true, traits };
    // SAFETY: the memory was reserved above.
    let region = unsafe { manage(&material) };
    if region.is_none() {
        // SAFETY: nobody knows of the memory.
        unsafe { os::release(start, size) };
    }
    region
}

/// Memory for the slices of a region, with tables elsewhere.
pub(super) struct Managed {
    /// A multiple of [`SLICE_SIZE`].
    pub(super) start: *mut u8,
    /// A multiple of [`REGION_UNIT`].
    pub(super) size: usize,
    pub(super) accessible: bool,
    pub(super) zero: bool,
    pub(super) traits: Traits,
}

/// Makes a region of memory that is there. `None` when all entries but those kept for memory on demand are taken, or there
/// is no memory for the tables.
///
/// # Safety
/// The memory is the region's from now on, for the life of the process.
pub(super) unsafe fn manage(memory: &Managed) -> Option<&'static Region> {
    let slices = memory.size >> SLICE_SHIFT;
    if slices == 0 || slices > 1 << NUMBER_SHIFT {
        return None;
    }
    let (tables, sizes) = tables(slices)?;
    let entry = COUNT.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| {
        ((count as usize) < REGIONS_MAX - REGIONS_ON_DEMAND).then_some(count + 1)
    });
    let Ok(entry) = entry else {
        // SAFETY: nobody knows of the tables.
        unsafe { os::release(tables, sizes.total()) };
        return None;
    };
    let region = &REGIONS[entry as usize];
    // SAFETY: as the caller says; the entry was taken above.
    unsafe {
        region.set_up(&Material {
            tables,
            sizes,
            base: memory.start,
            slices,
            room: slices,
            accessible: memory.accessible,
            zero: memory.zero,
            traits: memory.traits,
        });
    }
    Some(region)
}

/// Reserves tables for a region of so many slices, and makes accessible what has to be.
fn tables(slices: usize) -> Option<(*mut u8, Tables)> {
    let least = slices.next_power_of_two();
    let reserve_rings = |places| {
        let sizes = Tables::new(slices, places);
        let start = os::reserve(sizes.total(), SLICE_SIZE)?;
        // SAFETY: the tables were reserved above, and nobody knows of them.
        unsafe {
            let at_first = sizes.groups + sizes.owners;
            if os::commit(start, at_first, at_first) {
                return Some((start, sizes));
            }
            os::release(start, sizes.total());
        }
        None
    };
    reserve_rings(places(slices, true)).or_else(|| reserve_rings(least))
}

/// Reserves what the options say should be there from the start. Threads that find nothing wait for it.
#[cold]
pub(crate) fn reserve_at_start() {
    let pages = options::get_clamp(Opt::ReserveHugeOsPages, 0, 128 * 1024) as usize;
    let size = options::get_size(Opt::ReserveOsMemory);
    let has_task = (pages > 0 || size > 0) && GROWING.begin(os::process_id());
    if pages > 0 {
        let node = options::get(Opt::ReserveHugeOsPagesAt);
        super::Arena::reserve_huge_pages(pages, u32::try_from(node).ok(), None);
    }
    if size > 0 {
        let large = options::is_enabled(Opt::AllowLargeOsPages);
        let traits = Traits { pinned: large, ..Traits::default() };
        let _ = reserve(size, large, traits).or_else(|| reserve(size, false, Traits::default()));
    }
    if has_task {
        GROWING.end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::tests::outlasts_another;
    use super::*;

    #[test]
    fn one_thread_adds_a_region_and_the_others_look_again() {
        assert!(super::super::allocate(1, 1).is_some());
        assert!(outlasts_another(|| {
            let known = COUNT.load(Ordering::Relaxed);
            add_region(known, 1).is_some() && COUNT.load(Ordering::Relaxed) == known
        }));
    }
}
