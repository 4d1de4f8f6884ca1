//! The tables of a region: how large they are for a number of slices.

use super::bitmap::Group;
use super::ring::OwnerWord;
use crate::geometry::{CACHE_LINE, GROUP_SLICES, HUGE_SIZE, SLICE_SIZE};
use crate::page::{MARK_LINES, MarkLine, Page};

/// Tables start and end on system pages, of whichever size.
pub(super) const TABLE_ALIGN: usize = SLICE_SIZE;

/// Sizes of the tables, which follow each other in this order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    /// Places for owner words and records, a power of two.
    pub(super) ring: usize,
    pub(super) groups: usize,
    pub(super) owners: usize,
    pub(super) records: usize,
    pub(super) marks: usize,
}

impl Tables {
    /// For a region of `slices` slices, whose owner words and records stand in rings of `ring` places.
    pub(super) const fn new(slices: usize, ring: usize) -> Self {
        assert!(ring.is_power_of_two() && slices <= ring);
        Self {
            ring,
            groups: (slices / GROUP_SLICES * size_of::<Group>()).next_multiple_of(TABLE_ALIGN),
            owners: (ring * size_of::<OwnerWord>()).next_multiple_of(TABLE_ALIGN),
            records: (ring * size_of::<Page>()).next_multiple_of(TABLE_ALIGN),
            marks: mark_lines(slices) * size_of::<MarkLine>(),
        }
    }

    /// So far behind the start the marks begin.
    pub(super) const fn before_marks(&self) -> usize {
        self.groups + self.owners + self.records
    }

    /// The slices may follow behind these bytes: they then start where huge pages may, if the tables do.
    pub(super) const fn total(&self) -> usize {
        (self.before_marks() + self.marks).next_multiple_of(HUGE_SIZE)
    }
}

/// From one line of a slice's marks to the next: the first lines of so many slices lie together, then the second ones, …
pub(super) const MARK_STRIDE: usize = TABLE_ALIGN / size_of::<MarkLine>();

/// The first line of a slice's marks.
#[inline(always)]
pub(super) const fn mark_line(slice: usize) -> usize {
    slice / MARK_STRIDE * MARK_STRIDE * MARK_LINES + slice % MARK_STRIDE
}

/// Lines that hold the marks of the first slices, and no others but of the next few; they end on a system page.
pub(super) const fn mark_lines(slices: usize) -> usize {
    slices.next_multiple_of(MARK_STRIDE) * MARK_LINES
}

const _: () = assert!(size_of::<MarkLine>() == CACHE_LINE);
