//! One reservation of address space and the tables that describe its slices.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering};

use super::bitmap::{Group, mask};
use super::hints::Hints;
use super::ring::{self, Owner, OwnerWord, frame};
use super::room::Site;
use super::tables::{MARK_STRIDE, Tables, mark_line};
use crate::geometry::{CACHE_LINE, GROUP_SLICES, REGIONS_MAX, RING_SLICES, SLICE_SHIFT};
use crate::os;
use crate::page::{MarkLine, Marks, Page};

/// Slices of one region are numbered in a space of this many bits.
pub(super) const NUMBER_SHIFT: usize = 26;

/// The regions, in order of creation.
pub(super) static REGIONS: [Region; REGIONS_MAX] = [const { Region::new() }; REGIONS_MAX];

/// The first region, with as many slices as any test needs.
#[cfg(test)]
pub(super) fn first() -> &'static Region {
    const ENOUGH: usize = 1000 * GROUP_SLICES;
    if super::regions().is_empty() {
        assert!(super::allocate(1, 1).is_some());
    }
    while REGIONS[0].slices() < ENOUGH {
        let reserved = super::RESERVED.current();
        super::room::grow(&REGIONS[..1], ENOUGH << SLICE_SHIFT, reserved);
    }
    &REGIONS[0]
}

/// A reservation. The first group is written once, before any pointer into the region exists, but for the number of slices,
/// which may rise.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Region {
    /// Start of the first slice.
    pub(super) base: AtomicPtr<u8>,
    /// Slices; zero until the region is ready; they become more. Who does not know of a slice there reads this first.
    slices: AtomicUsize,
    /// A ring with a word for each slice: which theap owns the page that starts there.
    owners: AtomicPtr<OwnerWord>,
    /// A ring with a record for each slice; that of a page's first slice is the page's.
    pub(super) records: AtomicPtr<Page>,
    /// Places of the rings; a power of two.
    pub(super) ring: AtomicUsize,
    /// A line of marks per slice, as often as a page can need one; those of a page's first slice are the page's.
    pub(super) marks: AtomicPtr<MarkLine>,
    /// One entry per [`GROUP_SLICES`] slices.
    groups: AtomicPtr<Group>,

    /// Slices whose records and marks can be touched; they can as well, unless that is up to the program.
    pub(super) committed: AtomicUsize,
    /// No slice from here on was ever used.
    pub(super) high: AtomicUsize,
    /// So many slices its tables are for: it may [grow](super::room). Written once.
    pub(super) room: AtomicUsize,

    /// The allocator reserved it of its own accord.
    on_demand: AtomicBool,
    /// Only heaps bound to the region take memory from it.
    exclusive: AtomicBool,
    /// Its memory is never given back to the system.
    pinned: AtomicBool,
    /// Huge pages may stand behind its slices.
    may_be_huge: AtomicBool,
    /// Where one was put among the first places, a bit for each.
    pub(super) huge_at: AtomicU8,
    /// The same where the system was told that it may put one.
    pub(super) allowed_at: AtomicU8,
    /// Its memory is the program's, and need not read as zero after it was given back.
    foreign: AtomicBool,
    /// Which guards there are or have been.
    pub(crate) guards: Guards,
    /// Its memory could be touched from the start.
    pub(super) accessible: AtomicBool,
    /// Its memory reads as zero when it becomes accessible, whether the program says so then or not.
    pub(super) zero: AtomicBool,
    /// Makes memory accessible instead of the system, and what it wants to be called with; see [`CommitFn`].
    pub(super) commit_fn: AtomicPtr<c_void>,
    pub(super) commit_arg: AtomicPtr<c_void>,

    /// Where to look for free slices first.
    pub(super) hints: Hints,
}

/// Whether any guard of a region is of the one kind, and of the other: which are possible depends on what its memory is. Of memory
/// that the program has locked, the first can be removed but not installed; the second does not tell when it is undone.
#[derive(Debug)]
pub(crate) struct Guards {
    pub(crate) installed: AtomicBool,
    pub(crate) protected: AtomicBool,
}

/// Makes `size` bytes at `start` accessible, if `commit` is true, which it always is; says in `is_zero` whether they
/// read as zero, and returns whether it worked. Several threads may call it at a time, for different bytes; for the same ones
/// it is called again only if it, or another call for the same block, did not work.
pub type CommitFn = unsafe extern "C" fn(
    commit: bool,
    start: *mut c_void,
    size: usize,
    is_zero: *mut bool,
    arg: *mut c_void,
) -> bool;

/// What a region is made of.
pub(super) struct Material {
    /// Memory for the tables; groups and owner words are accessible.
    pub(super) tables: *mut u8,
    pub(super) sizes: Tables,
    /// Start of the first slice.
    pub(super) base: *mut u8,
    pub(super) slices: usize,
    /// So many the tables are for.
    pub(super) room: usize,
    /// Whether the slices are accessible.
    pub(super) accessible: bool,
    /// Whether the slices read as zero.
    pub(super) zero: bool,
    pub(super) traits: Traits,
}

/// How a region differs from others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traits {
    pub(super) on_demand: bool,
    pub(super) exclusive: bool,
    pub(super) pinned: bool,
    pub(super) may_be_huge: bool,
    pub(super) foreign: bool,
    pub(super) commit: Option<(CommitFn, *mut c_void)>,
}

/// A slice: its region and its place there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// Where it lies.
    pub(crate) region: &'static Region,
    /// Its place in the region.
    pub(crate) index: usize,
}

impl PartialEq for Slice {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.region, other.region) && self.index == other.index
    }
}

impl Slice {
    /// Where its memory starts.
    #[inline]
    pub(crate) fn start(self) -> *mut u8 {
        // SAFETY: a slice's index is below the region's count, or that of its end, so this stays in the reservation.
        unsafe { self.region.base.load(Ordering::Relaxed).add(self.index << SLICE_SHIFT) }
    }

    /// The slice's owner word.
    #[inline]
    pub(crate) fn owner(self) -> Owner<'static> {
        // SAFETY: the ring has a place for every slice and lives as long as the process.
        let word = unsafe { &*self.region.owners.load(Ordering::Relaxed).add(self.place()) };
        Owner { word, frame: frame(self.start()) }
    }

    /// The slice's place in the rings.
    #[inline]
    pub(super) fn place(self) -> usize {
        frame(self.start()) & (self.region.ring.load(Ordering::Relaxed) - 1)
    }

    /// The record of a page that starts here.
    #[inline]
    pub(crate) fn page(self) -> *mut Page {
        // SAFETY: there is a record for every slice.
        unsafe { self.region.records.load(Ordering::Relaxed).add(self.place()) }
    }

    /// The marks of a page that starts here.
    #[inline]
    pub(crate) fn marks(self) -> Marks<'static> {
        // SAFETY: there are lines for every slice, and they live as long as the process.
        unsafe {
            Marks::new(self.region.marks.load(Ordering::Relaxed).add(mark_line(self.index)), MARK_STRIDE)
        }
    }

    /// The slice's number, counted over all regions.
    #[inline]
    pub(crate) fn number(self) -> u32 {
        (self.region.number() << NUMBER_SHIFT) + self.index as u32
    }

    /// Whether somebody holds the slice at this moment.
    pub(crate) fn is_held(self) -> bool {
        self.region.group(self.index / GROUP_SLICES).free() & mask((self.index % GROUP_SLICES) as u32, 1) == 0
    }

    /// Whether it is free, and the system has not got its memory back.
    pub(crate) fn is_resident(self) -> bool {
        self.region.group(self.index / GROUP_SLICES).resident() & mask((self.index % GROUP_SLICES) as u32, 1)
            != 0
    }

    /// The first slice of the page or run that this one is a part of, and its owner word.
    #[inline]
    pub(crate) fn page_start(mut self) -> (Self, u32) {
        loop {
            let owner = self.owner().get();
            let Some(distance) = ring::way_back(owner) else { return (self, owner) };
            self.index -= distance;
        }
    }

    /// The slice `count` places further on.
    #[inline]
    pub(crate) fn plus(self, count: usize) -> Self {
        Self { region: self.region, index: self.index + count }
    }
}

/// The slice that holds `p`, if the allocator reserved the memory there.
#[inline]
pub(crate) fn find(p: *const u8) -> Option<Slice> {
    super::regions().iter().find_map(|region| region.slice_of(p))
}

/// The slice that holds `p`, which lies in memory the allocator reserved.
#[inline]
pub(crate) fn slice_at(p: *const u8) -> Slice {
    find(p).unwrap_or_else(|| os::give_up("mimalloc-rs: internal error: a page outside of all regions\n"))
}

/// The slice with this number, counted over all regions.
pub(crate) fn slice_of_number(number: u32) -> Slice {
    let number = number as usize;
    Slice { region: &REGIONS[number >> NUMBER_SHIFT], index: number & ((1 << NUMBER_SHIFT) - 1) }
}

impl Region {
    const fn new() -> Self {
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            slices: AtomicUsize::new(0),
            owners: AtomicPtr::new(ptr::null_mut()),
            records: AtomicPtr::new(ptr::null_mut()),
            ring: AtomicUsize::new(0),
            marks: AtomicPtr::new(ptr::null_mut()),
            groups: AtomicPtr::new(ptr::null_mut()),
            committed: AtomicUsize::new(0),
            high: AtomicUsize::new(0),
            room: AtomicUsize::new(0),
            on_demand: AtomicBool::new(false),
            exclusive: AtomicBool::new(false),
            pinned: AtomicBool::new(false),
            may_be_huge: AtomicBool::new(false),
            guards: Guards { installed: AtomicBool::new(false), protected: AtomicBool::new(false) },
            huge_at: AtomicU8::new(0),
            allowed_at: AtomicU8::new(0),
            foreign: AtomicBool::new(false),
            accessible: AtomicBool::new(false),
            zero: AtomicBool::new(false),
            commit_fn: AtomicPtr::new(ptr::null_mut()),
            commit_arg: AtomicPtr::new(ptr::null_mut()),
            hints: Hints::new(),
        }
    }

    /// Makes a region of an unused entry.
    ///
    /// # Safety
    /// The entry is the caller's alone, and the material is the region's from now on, for the life of the process.
    pub(super) unsafe fn set_up(&'static self, material: &Material) {
        let Material { base, slices, sizes, .. } = *material;
        // SAFETY: the tables follow each other in the memory for them.
        let (groups, owners, records, marks) = unsafe {
            let owners = material.tables.add(sizes.groups);
            let marks = material.tables.add(sizes.before_marks());
            (material.tables.cast::<Group>(), owners, owners.add(sizes.owners), marks)
        };
        if !material.zero && material.traits.commit.is_none() {
            for group in 0..slices / GROUP_SLICES {
                // SAFETY: the table has an entry for each group.
                unsafe { (*groups.add(group)).soil(u64::MAX) };
            }
        }
        self.groups.store(groups, Ordering::Relaxed);
        self.owners.store(owners.cast(), Ordering::Relaxed);
        self.records.store(records.cast(), Ordering::Relaxed);
        self.ring.store(sizes.ring, Ordering::Relaxed);
        if sizes.ring == RING_SLICES {
            // SAFETY: there are as many records, behind the owner words.
            unsafe { ring::put(owners.cast(), self.number() == 0) };
        }
        self.marks.store(marks.cast(), Ordering::Relaxed);
        self.on_demand.store(material.traits.on_demand, Ordering::Relaxed);
        self.exclusive.store(material.traits.exclusive, Ordering::Relaxed);
        self.pinned.store(material.traits.pinned, Ordering::Relaxed);
        self.may_be_huge.store(material.traits.may_be_huge, Ordering::Relaxed);
        self.foreign.store(material.traits.foreign, Ordering::Relaxed);
        if let Some((function, arg)) = material.traits.commit {
            self.commit_arg.store(arg, Ordering::Relaxed);
            self.commit_fn.store(function as *mut c_void, Ordering::Relaxed);
        }
        self.accessible.store(material.accessible, Ordering::Relaxed);
        self.zero.store(material.zero, Ordering::Relaxed);
        self.room.store(material.room, Ordering::Relaxed);
        self.base.store(base, Ordering::Relaxed);
        // SAFETY: the entry is the caller's, and the material has so many.
        unsafe { self.add_slices(slices) };
    }

    /// Has the region begin, or grow, once everything else is there.
    ///
    /// # Safety
    /// One thread does so at a time; so many slices more are reserved, and below the room.
    pub(super) unsafe fn add_slices(&self, count: usize) {
        self.slices.store(self.slices.load(Ordering::Relaxed) + count, Ordering::Release);
        super::RESERVED.add(count << SLICE_SHIFT);
    }

    /// How many there are; zero before it is set up.
    #[inline]
    pub(super) fn slices(&self) -> usize {
        self.slices.load(Ordering::Acquire)
    }

    /// How many there may be.
    pub(super) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// Where its marks and slices lie.
    pub(super) fn site(&self) -> Site {
        Site { marks: self.marks.load(Ordering::Relaxed).cast(), base: self.base.load(Ordering::Relaxed) }
    }

    /// Whether the allocator reserved it of its own accord.
    pub(super) fn is_on_demand(&self) -> bool {
        self.is_ready() && self.on_demand.load(Ordering::Relaxed)
    }

    /// Whether it was set up. Before, nothing is known of it.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.slices() != 0
    }

    /// Whether only heaps bound to the region take memory from it; nobody does while it is set up.
    pub(crate) fn is_exclusive(&self) -> bool {
        !self.is_ready() || self.exclusive.load(Ordering::Relaxed)
    }

    /// Whether its memory is never given back, or there is none yet.
    pub(super) fn is_pinned(&self) -> bool {
        !self.is_ready() || self.pinned.load(Ordering::Relaxed)
    }

    /// Whether memory need not read as zero after it was given back.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign.load(Ordering::Relaxed)
    }

    /// Whether huge pages may stand behind its slices.
    pub(super) fn may_be_huge(&self) -> bool {
        self.may_be_huge.load(Ordering::Relaxed)
    }

    /// Start and size of the memory that is handed out; of no size while the region is set up.
    pub(super) fn area(&self) -> (*mut u8, usize) {
        let slices = self.slices();
        (self.base.load(Ordering::Relaxed), slices << SLICE_SHIFT)
    }

    /// Bytes that were handed out at some time.
    pub(super) fn reached(&self) -> usize {
        self.high.load(Ordering::Relaxed) << SLICE_SHIFT
    }

    /// Whether it is the system that makes its memory accessible, and not the program.
    pub(crate) fn is_committed_by_system(&self) -> bool {
        self.commit_fn.load(Ordering::Relaxed).is_null()
    }

    /// The region's place among all.
    pub(crate) fn number(&'static self) -> u32 {
        // SAFETY: every region is an element of the array.
        unsafe { ptr::from_ref(self).offset_from_unsigned(REGIONS.as_ptr()) as u32 }
    }

    /// The region with this number.
    pub(crate) fn numbered(number: u32) -> &'static Self {
        &REGIONS[number as usize]
    }

    /// The slice of this region that holds `p`.
    #[inline(always)]
    pub(crate) fn slice_of(&'static self, p: *const u8) -> Option<Slice> {
        // First: while the region is set up its start is null, and would make null an address in it.
        let slices = self.slices();
        let index = p.addr().wrapping_sub(self.base.load(Ordering::Relaxed).addr()) >> SLICE_SHIFT;
        (index < slices).then_some(Slice { region: self, index })
    }

    /// The bits of the group with this number.
    pub(super) fn group(&self, group: usize) -> &'static Group {
        // SAFETY: callers stay below the number of groups; the table lives as long as the process.
        unsafe { &*self.groups.load(Ordering::Relaxed).add(group) }
    }

    /// Groups that may have a slice that was used once.
    pub(super) fn groups_in_use(&self) -> usize {
        self.high.load(Ordering::Relaxed).div_ceil(GROUP_SLICES)
    }
}

const _: () = assert!(size_of::<Group>() == 32);
const _: () = assert!(core::mem::offset_of!(Region, committed) < CACHE_LINE);
const _: () = assert!(REGIONS_MAX << NUMBER_SHIFT <= i32::MAX as usize + 1);
