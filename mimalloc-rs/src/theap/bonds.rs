//! Which theaps of first-class heaps a thread holds: found by the heap's serial number.
//!
//! An open-addressed table in the thread's own theap, which moves to slices of its own when a thread uses many heaps.
//! A heap that ends leaves its entries in the tables; they are told by the theap's tie, and dropped when the table is rebuilt.

use core::{mem, ptr};

use super::Theap;
use crate::arena::{self, Slice};
use crate::geometry::{BONDS, SLICE_SHIFT, SLICE_SIZE};
use crate::page;

/// A theap of the heap with this serial number; zero is no heap.
#[derive(Debug, Clone, Copy)]
struct Bond {
    serial: u64,
    theap: *mut Theap,
}

const NO_BOND: Bond = Bond { serial: 0, theap: ptr::null_mut() };

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Bonds {
    own: [Bond; BONDS],
    /// Entries in use, in the table that holds.
    len: usize,
    /// Where the table went when `own` was too small.
    grown: Option<(Slice, usize)>,
}

impl Bonds {
    pub(super) const EMPTY: Self = Self { own: [NO_BOND; BONDS], len: 0, grown: None };

    fn table(&mut self) -> &mut [Bond] {
        match self.grown {
            // SAFETY: these slices are the table's since it was grown, and were written as entries then.
            Some((first, slices)) => unsafe {
                core::slice::from_raw_parts_mut(first.start().cast(), entries(slices))
            },
            None => &mut self.own,
        }
    }

    /// The theap of heap `serial`.
    #[inline]
    pub(super) fn find(&mut self, serial: u64) -> Option<*mut Theap> {
        let first = self.own[serial as usize % BONDS];
        if self.grown.is_none() && first.serial == serial { Some(first.theap) } else { self.search(serial) }
    }

    #[inline(never)]
    fn search(&mut self, serial: u64) -> Option<*mut Theap> {
        let table = self.table();
        let mut at = serial as usize & (table.len() - 1);
        loop {
            let bond = table[at];
            if bond.serial == serial {
                return Some(bond.theap);
            }
            if bond.serial == 0 {
                return None;
            }
            at = (at + 1) & (table.len() - 1);
        }
    }

    /// Makes room for one more. False when there is no memory for it.
    ///
    /// # Safety
    /// The bonds are the calling thread's.
    pub(super) unsafe fn make_room(bonds: *mut Self) -> bool {
        // SAFETY: as the caller says. Nothing is borrowed while slices are taken or released, where the program may be told of
        // something, and use heaps that are new to the thread.
        unsafe {
            while (*bonds).is_full() && !(*bonds).tidy() {
                let slices = (*bonds).slices_wanted();
                let Some(run) = arena::allocate(slices, SLICE_SIZE) else { return false };
                page::mark_no_page(run.first, 0, slices);
                if let Some((first, slices)) = (*bonds).move_to(run.first, slices) {
                    arena::release(first, slices);
                }
            }
        }
        true
    }

    /// Enters the theap of heap `serial`, which has none here. False when there is no memory for it.
    ///
    /// # Safety
    /// The bonds are the calling thread's.
    pub(super) unsafe fn insert(bonds: *mut Self, serial: u64, theap: *mut Theap) -> bool {
        // SAFETY: as the caller says.
        unsafe {
            let has_room = Self::make_room(bonds);
            if has_room {
                (*bonds).len += 1;
                enter((*bonds).table(), Bond { serial, theap });
            }
            has_room
        }
    }

    fn is_full(&mut self) -> bool {
        (self.len + 1) * 4 > self.table().len() * 3
    }

    /// Drops the entries of heaps that have ended from the theap's own table. Whether it is half empty then.
    fn tidy(&mut self) -> bool {
        if self.grown.is_some() || 2 * (self.living().count() + 1) > BONDS {
            return false;
        }
        let before = mem::replace(&mut self.own, [NO_BOND; BONDS]);
        self.len = enter_all(&mut self.own, before.iter().filter(|bond| bond.lives()));
        true
    }

    fn living(&mut self) -> impl Iterator<Item = &Bond> {
        self.table().iter().filter(|bond| bond.lives())
    }

    /// A table of so many slices is at most half full with the entries of living heaps.
    fn slices_wanted(&mut self) -> usize {
        ((self.living().count() + 1) * 2).next_power_of_two().div_ceil(entries(1)).next_power_of_two()
    }

    /// Moves the entries of living heaps to a table in these slices, if they are enough by now. Returns slices without a use: those
    /// of the table before, or these.
    ///
    /// # Safety
    /// The slices are the caller's, and no page.
    unsafe fn move_to(&mut self, first: Slice, slices: usize) -> Option<(Slice, usize)> {
        if slices < self.slices_wanted() {
            return Some((first, slices));
        }
        let start: *mut Bond = first.start().cast();
        // SAFETY: as the caller says; they hold this many entries, and are written before they are read.
        let new = unsafe {
            start.write_bytes(0, entries(slices));
            core::slice::from_raw_parts_mut(start, entries(slices))
        };
        let len = enter_all(new, self.living());
        let before = self.grown.replace((first, slices));
        self.own = [NO_BOND; BONDS];
        self.len = len;
        before
    }

    /// Ends the bonds of a thread, whose number is `holder`.
    pub(super) fn dissolve(&mut self, holder: u32) {
        for bond in self.table().iter().filter(|bond| bond.serial != 0) {
            // SAFETY: theaps are never unmapped, and their ties are only touched atomically.
            unsafe {
                if (*bond.theap).tie.unbind(bond.serial, holder) {
                    Theap::go_away(bond.theap);
                }
            }
        }
        self.own = [NO_BOND; BONDS];
        self.len = 0;
        if let Some((first, slices)) = self.grown.take() {
            // SAFETY: the slices were the table's alone.
            unsafe { arena::release(first, slices) };
        }
    }
}

impl Bond {
    fn lives(&self) -> bool {
        // SAFETY: theaps are never unmapped, and their ties are only touched atomically.
        self.serial != 0 && unsafe { (*self.theap).tie.is_of(self.serial) }
    }
}

/// Puts an entry into a table that has room.
fn enter(table: &mut [Bond], bond: Bond) {
    let mut at = bond.serial as usize & (table.len() - 1);
    while table[at].serial != 0 {
        at = (at + 1) & (table.len() - 1);
    }
    table[at] = bond;
}

/// Puts entries into an empty table that has room, and says how many there were.
fn enter_all<'a>(table: &mut [Bond], bonds: impl Iterator<Item = &'a Bond>) -> usize {
    bonds.map(|bond| enter(table, *bond)).count()
}

const fn entries(slices: usize) -> usize {
    (slices << SLICE_SHIFT) / size_of::<Bond>()
}

const _: () = assert!(BONDS.is_power_of_two() && size_of::<Bond>() == 16);

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::Heap;
    use crate::theap::here;

    #[test]
    fn heaps_that_have_ended_take_no_room() {
        let alive: Vec<_> = (0..BONDS / 4).map(|_| Heap::new().expect("memory for one more heap")).collect();
        let theaps: Vec<_> =
            alive.iter().map(|heap| heap.theap().expect("memory for one more theap")).collect();
        for _ in 0..10 * BONDS {
            let heap = Heap::new().expect("memory for one more heap");
            assert!(heap.here().is_some());
            heap.destroy();
        }
        assert!(alive.iter().zip(theaps).all(|(heap, theap)| heap.theap() == Some(theap)));
        // SAFETY: the theap is this thread's.
        assert!(unsafe { (*here::own()).bonds.grown }.is_none());
    }

    #[test]
    fn a_table_of_several_slices_holds_no_page() {
        let heaps: Vec<_> = (0..entries(1)).map(|_| Heap::new().expect("memory for one more heap")).collect();
        assert!(heaps.iter().all(|heap| heap.here().is_some()));
        // SAFETY: the theap is this thread's.
        let (first, slices) = unsafe { (*here::own()).bonds.grown }.expect("more than fit into the theap");
        assert!(slices > 1);
        assert!((0..slices).all(|index| first.plus(index).owner().get() == arena::OWNER_NOT_A_PAGE));
    }
}
