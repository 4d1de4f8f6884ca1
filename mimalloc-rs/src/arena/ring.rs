//! What the fast path of `free` asks: who owns the page at an address, and where its record is.
//!
//! Memory is numbered in frames of a slice's size, from the start of the address space. What a region's tables say of a frame
//! stands at its number modulo their length, a power of two, as in a ring: so it is found from the address alone, wherever the
//! region lies. The ring of the first region has a length that is known beforehand, and its records begin at a known distance
//! from its owner words.
//!
//! Every address leads to a place in the ring, so the owner word itself has to tell whose it is: it stands there as
//! `owner ^ frame`. Two frames of one place differ somewhere above the ring's bits. Read for the wrong one, the word comes out with
//! such a bit set, which no theap's id has. A word that was never written comes out as the frame's number, and ids have [`SAID`]
//! set, which stands for an address no program has. (Where addresses go up to 256 TiB, those of the first 64 GiB of the upper
//! half could be mistaken.)

use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::geometry::{RING_SLICES, SLICE_SHIFT};
use crate::page::Page;

/// Set in all owner words.
pub(crate) const SAID: u32 = 1 << 31;
/// Owner word of a slice that starts a page nobody owns.
pub(crate) const OWNER_NONE: u32 = SAID;
/// Owner word of a slice that starts no page, as none does that was never used.
pub(crate) const OWNER_NOT_A_PAGE: u32 = SAID | 1;
/// Owner word of the first slice of a run that holds a single block.
pub(crate) const OWNER_SINGLETON: u32 = SAID | 2;
/// Set in the owner words of a page's slices behind the first; the bits below are the distance back, to the first or another of
/// them.
pub(crate) const INTERIOR: u32 = 1 << 19;

/// The owner word of a slice so far behind the first of its page.
pub(crate) fn interior(distance: usize) -> u32 {
    SAID | INTERIOR | distance.min(INTERIOR as usize - 1) as u32
}

/// How far to go back from a slice with this owner word towards the first of its page, if it is not the first.
#[inline(always)]
pub(crate) fn way_back(owner: u32) -> Option<usize> {
    (owner & INTERIOR != 0).then_some((owner & (INTERIOR - 1)) as usize)
}

/// The number of the frame that holds `p`.
#[inline(always)]
pub(super) fn frame(p: *const u8) -> usize {
    p.addr() >> SLICE_SHIFT
}

/// So many neighbouring places of a ring from one on: up to its end, and what goes on at its start.
pub(super) fn stretch(from: usize, count: usize, ring: usize) -> [Range<usize>; 2] {
    let to = from + count;
    [from..to.min(ring), 0..to.saturating_sub(ring)]
}

/// An owner word in its table.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct OwnerWord(AtomicU32);

/// The owner word of one slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(super) word: &'a OwnerWord,
    pub(super) frame: usize,
}

impl Owner<'_> {
    #[inline(always)]
    pub(crate) fn get(self) -> u32 {
        match self.word.0.load(Ordering::Relaxed) {
            NEVER_WRITTEN => OWNER_NOT_A_PAGE,
            word => word ^ self.frame as u32,
        }
    }

    #[inline(always)]
    pub(crate) fn set(self, owner: u32) {
        self.word.0.store(owner ^ self.frame as u32, Ordering::Relaxed);
    }
}

/// What an owner word is made of.
const NEVER_WRITTEN: u32 = 0;

/// Bytes of the ring's owner words; its records follow.
const OWNERS_SIZE: usize = RING_SLICES * size_of::<OwnerWord>();

/// The first region's owner words.
static RING: Ring = Ring::new();
/// Where the fast path looks as long as there are none. Only read, so there is no memory behind it.
static NOTHING: [OwnerWord; RING_SLICES] = [const { OwnerWord(AtomicU32::new(0)) }; RING_SLICES];

/// What the ring says of an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    ring: *mut OwnerWord,
    place: usize,
    frame: usize,
}

/// Looks an address up, which may be anything.
#[inline(always)]
pub(crate) fn look(p: *const u8) -> Seen {
    let frame = frame(p);
    Seen { ring: RING.0.load(Ordering::Relaxed), place: frame % RING_SLICES, frame }
}

impl Seen {
    /// If this is a theap's id, the address lies in the first slice of one of its pages, which is what its owner word says.
    #[inline(always)]
    pub(crate) fn owner(&self) -> u32 {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let mut owner = self.frame as u32;
            // The compiler would load the word apart, since it may change at any time.
            // SAFETY: the ring has a word for each place, and it is loaded whole.
            unsafe {
                core::arch::asm!(
                    "xor {owner:e}, dword ptr [{ring} + 4 * {place}]",
                    owner = inout(reg) owner,
                    ring = in(reg) self.ring,
                    place = in(reg) self.place,
                    options(pure, readonly, nostack),
                );
            }
            owner
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        // SAFETY: the ring has a word for each place.
        unsafe {
            (*self.ring.add(self.place)).0.load(Ordering::Relaxed) ^ self.frame as u32
        }
    }

    /// What the ring says of so many frames before.
    #[inline]
    fn before(self, distance: usize) -> Self {
        let frame = self.frame.wrapping_sub(distance);
        Self { place: frame % RING_SLICES, frame, ..self }
    }

    /// The record of the page.
    ///
    /// # Safety
    /// The owner word says that there is one.
    #[inline(always)]
    pub(crate) unsafe fn page(&self) -> *mut Page {
        // SAFETY: as the caller says; the records of the ring follow its owner words.
        unsafe { self.ring.byte_add(OWNERS_SIZE + self.place * size_of::<Page>()).cast() }
    }
}

/// The page that holds `p` and its owner word, as far as the ring says so: not for a run, and for what lies in other regions.
#[inline]
pub(crate) fn shared_page(p: *const u8) -> Option<(*mut Page, u32)> {
    let mut seen = look(p);
    loop {
        let owner = seen.owner();
        let is_in_page = (OWNER_SINGLETON + 1..SAID + RING_SLICES as u32).contains(&owner);
        if !is_in_page && owner != OWNER_NONE {
            return None;
        }
        match way_back(owner) {
            Some(distance) => seen = seen.before(distance),
            // SAFETY: that somebody owns it, or nobody, is said of a page's first slice only.
            None => return Some((unsafe { seen.page() }, owner)),
        }
    }
}

/// Whether nothing was put there yet.
pub(super) fn is_wanted() -> bool {
    RING.is_empty()
}

/// Has the fast path look there, if it has nothing else, or `is_first`.
///
/// # Safety
/// They are there for the life of the process: [`RING_SLICES`] owner words, and as many records behind.
pub(super) unsafe fn put(owners: *mut OwnerWord, is_first: bool) {
    RING.put(owners, is_first);
}

/// Where the fast path finds owner words.
#[derive(Debug)]
struct Ring(AtomicPtr<OwnerWord>);

impl Ring {
    const fn new() -> Self {
        Self(AtomicPtr::new(NOTHING.as_ptr().cast_mut()))
    }

    fn is_empty(&self) -> bool {
        ptr::eq(self.0.load(Ordering::Acquire), NOTHING.as_ptr())
    }

    /// Of two threads that need memory at the very start, one may set up the second region before the other is done with the
    /// first, which all slices come from afterwards. So the first takes over. Whoever looks meanwhile sees one of
    /// them, and what it does not know is found in the region's own tables.
    fn put(&self, owners: *mut OwnerWord, is_first: bool) {
        if is_first {
            self.0.store(owners, Ordering::Release);
        } else {
            let nothing = NOTHING.as_ptr().cast_mut();
            let _ = self.0.compare_exchange(nothing, owners, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

const _: () = assert!(OWNERS_SIZE.is_multiple_of(super::tables::TABLE_ALIGN), "records follow at once");

#[cfg(test)]
mod tests {
    use super::super::region::{Slice, first};
    use super::super::{allocate, release};
    use super::*;
    use crate::geometry::SLICE_SIZE;

    /// So many slices of the first region, which a test that starts with the process may have to wait for.
    fn slices(count: usize) -> Slice {
        loop {
            let slice = allocate(count, SLICE_SIZE).expect("memory").first;
            if ptr::eq(slice.region, first()) {
                return slice;
            }
            // SAFETY: the slices were taken above.
            unsafe { release(slice, count) };
        }
    }

    /// What the fast path sees at an address.
    fn seen(address: usize) -> u32 {
        look(ptr::without_provenance(address)).owner()
    }

    #[test]
    fn an_id_is_seen_at_its_slice_and_nowhere_else() {
        let slice = slices(1);
        let (start, lap) = (slice.start().addr(), RING_SLICES * SLICE_SIZE);
        let id = SAID | 100;
        slice.owner().set(id);
        assert_eq!((slice.owner().get(), seen(start), seen(start + SLICE_SIZE - 1)), (id, id, id));
        // SAFETY: the slice is in the ring.
        assert_eq!(unsafe { look(slice.start()).page() }, slice.page());
        for other in (start % lap..1 << 47).step_by(lap).filter(|&other| other != start) {
            assert!(seen(other) & !SAID >= RING_SLICES as u32, "{other:x}");
        }
        slice.owner().set(OWNER_NONE);
        assert_eq!((slice.owner().get(), seen(start)), (OWNER_NONE, OWNER_NONE));
        // SAFETY: the slice was taken above.
        unsafe { release(slice, 1) };
    }

    #[test]
    fn a_page_is_found_from_all_of_its_slices_whoever_owns_it() {
        let run = slices(3);
        let page_at = |index: usize| shared_page(run.plus(index).start());
        let id = SAID | 100;
        run.plus(1).owner().set(interior(1));
        run.plus(2).owner().set(interior(1));
        for owner in [OWNER_NONE, id] {
            run.owner().set(owner);
            assert_eq!([0, 1, 2].map(page_at), [Some((run.page(), owner)); 3]);
        }
        for owner in [OWNER_NOT_A_PAGE, OWNER_SINGLETON] {
            run.owner().set(owner);
            assert_eq!([0, 1, 2].map(page_at), [None; 3]);
        }
        run.owner().set(id);
        let elsewhere = run.start().wrapping_add(RING_SLICES * SLICE_SIZE);
        assert_eq!([ptr::null(), elsewhere.cast_const()].map(shared_page), [None; 2]);
        (0..3).for_each(|index| run.plus(index).owner().set(OWNER_NONE));
        // SAFETY: the slices were taken above.
        unsafe { release(run, 3) };
    }

    #[test]
    fn the_first_region_takes_over_from_one_set_up_sooner() {
        let [one, other, late] = [1, 2, 3].map(|at| ptr::without_provenance_mut(at << 12));
        let ring = Ring::new();
        assert!(ring.is_empty());
        ring.put(one, false);
        ring.put(late, false);
        assert_eq!((ring.is_empty(), ring.0.load(Ordering::Relaxed)), (false, one));
        ring.put(other, true);
        ring.put(late, false);
        assert_eq!(ring.0.load(Ordering::Relaxed), other);
    }

    #[test]
    fn slices_have_places_of_their_own_where_the_ring_closes() {
        let region = slices(1).region;
        let last = RING_SLICES - 1 - Slice { region, index: 0 }.place();
        let (last, next) = (Slice { region, index: last }, Slice { region, index: last + 1 });
        assert_eq!((last.place(), next.place()), (RING_SLICES - 1, 0));
        assert_eq!(
            next.page().addr() + RING_SLICES * size_of::<Page>(),
            last.page().addr() + size_of::<Page>()
        );
    }

    #[test]
    fn a_stretch_goes_on_at_the_start_of_the_ring() {
        assert_eq!(stretch(3, 5, 8), [3..8, 0..0]);
        assert_eq!(stretch(6, 5, 8), [6..8, 0..3]);
        assert_eq!(stretch(3, 8, 8), [3..8, 0..3]);
    }

    #[test]
    fn the_way_back_is_found_in_steps() {
        assert_eq!(way_back(interior(5)), Some(5));
        let far = INTERIOR as usize + 5;
        let step = way_back(interior(far)).expect("an interior slice");
        assert_eq!(way_back(interior(far - step)), Some(far - step));
        assert!([OWNER_NONE, OWNER_NOT_A_PAGE, OWNER_SINGLETON].map(way_back).iter().all(Option::is_none));
    }
}
