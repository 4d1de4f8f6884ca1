//! The tables of a region: how large they are for a number of slices.

use super::bitmap::Group;
use crate::geometry::{CACHE_LINE, GROUP_SLICES, HUGE_SIZE, SLICE_SIZE};
use crate::page::{MARK_LINES, MarkLine, Page};
use crate::sync::AtomicU32;

/// Tables start and end on system pages, of whichever size.
pub(super) const TABLE_ALIGN: usize = SLICE_SIZE;

/// Sizes of the tables, which follow each other in this order.
pub(super) struct Tables {
    pub(super) groups: usize,
    pub(super) owners: usize,
    pub(super) records: usize,
    pub(super) marks: usize,
}

impl Tables {
    pub(super) const fn new(slices: usize) -> Self {
        Self {
            groups: (slices / GROUP_SLICES * size_of::<Group>()).next_multiple_of(TABLE_ALIGN),
            owners: (slices * size_of::<AtomicU32>()).next_multiple_of(TABLE_ALIGN),
            records: (slices * size_of::<Page>()).next_multiple_of(TABLE_ALIGN),
            marks: MARK_LINES * mark_stride(slices) * size_of::<MarkLine>(),
        }
    }

    /// The slices may follow behind these bytes: they then start where huge pages may, if the tables do.
    pub(super) const fn total(&self) -> usize {
        (self.groups + self.owners + self.records + self.marks).next_multiple_of(HUGE_SIZE)
    }
}

/// From one line of a slice's marks to the next one: the lines of all slices, so many that they end on a system page.
#[inline]
pub(super) const fn mark_stride(slices: usize) -> usize {
    slices.next_multiple_of(TABLE_ALIGN / size_of::<MarkLine>())
}

const _: () = assert!(size_of::<MarkLine>() == CACHE_LINE);
