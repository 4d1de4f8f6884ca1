//! The tables of a region: how large they are for a number of slices.

use super::bitmap::Group;
use crate::geometry::{GROUP_SLICES, SLICE_SIZE};
use crate::page::Page;
use crate::sync::AtomicU32;

/// Tables start and end on system pages, of whichever size.
pub(super) const TABLE_ALIGN: usize = SLICE_SIZE;

/// Sizes of the tables, which follow each other in this order.
pub(super) struct Tables {
    pub(super) groups: usize,
    pub(super) owners: usize,
    pub(super) records: usize,
}

impl Tables {
    pub(super) const fn new(slices: usize) -> Self {
        Self {
            groups: (slices / GROUP_SLICES * size_of::<Group>()).next_multiple_of(TABLE_ALIGN),
            owners: (slices * size_of::<AtomicU32>()).next_multiple_of(TABLE_ALIGN),
            records: (slices * size_of::<Page>()).next_multiple_of(TABLE_ALIGN),
        }
    }

    pub(super) const fn total(&self) -> usize {
        self.groups + self.owners + self.records
    }
}
