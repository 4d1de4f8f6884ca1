//! What lies where: the address space of the allocator, piece by piece.

use super::survey::settle;
use crate::arena::{self, Content, Slice};
use crate::geometry::SLICE_SIZE;
use crate::page::Page;
use crate::size_class::CLASS;

/// A piece of address space that holds one thing.
///
/// ```
/// use mimalloc_rs::stats;
///
/// let held: usize = stats::spans().map(|span| span.bytes).sum();
/// assert!(held.is_multiple_of(stats::SLICE));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Span {
    /// Where it starts.
    pub address: usize,
    /// How long it is: a multiple of [`SLICE`].
    pub bytes: usize,
    /// What it holds.
    pub holding: Holding,
}

/// Bytes in which address space is handed out.
///
/// ```
/// assert_eq!(mimalloc_rs::stats::SLICE, 64 * 1024);
/// ```
pub const SLICE: usize = SLICE_SIZE;

/// What a [`Span`] holds.
///
/// ```
/// use mimalloc_rs::stats::Holding;
///
/// let page = Holding::Page { block_size: 64, used: 3, linked: 64, fits: 1024 };
/// assert_ne!(page, Holding::Vacant);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Holding {
    /// A page: blocks of one size.
    Page {
        /// Bytes of a block.
        block_size: usize,
        /// Blocks in use.
        used: usize,
        /// Blocks that were made so far; memory behind them was never touched.
        linked: usize,
        /// Blocks that fit.
        fits: usize,
    },
    /// A single block with memory of its own.
    Block,
    /// Records of the allocator, or what a thread keeps for its next page.
    Kept,
    /// Nothing, and the memory is still the process's.
    Free,
    /// Nothing, and the system has the memory: it was given back or never touched.
    Vacant,
}

/// All that was ever handed out of the allocator's address space, in order of address within each arena.
///
/// It can be asked for at any time. Other threads go on meanwhile, so it is what was there at about the same moment,
/// and blocks that a thread keeps to allocate from count as in use, unless it is the calling thread and they are of the
/// [main](crate::Heap::main) heap. Neighbours that hold nothing come slice by slice.
///
/// ```
/// use mimalloc_rs::stats::{self, Holding};
/// use mimalloc_rs::MiMalloc;
/// #[global_allocator]
/// static GLOBAL: MiMalloc = MiMalloc;
///
/// let block = vec![0u8; 5000];
/// let mut pages = stats::spans().filter(|span| {
///     span.address <= block.as_ptr().addr() && block.as_ptr().addr() < span.address + span.bytes
/// });
/// let Some(Holding::Page { block_size, used, .. }) = pages.next().map(|page| page.holding) else {
///     panic!("small blocks lie in pages")
/// };
/// assert!(block_size >= 5000 && used >= 1);
/// ```
pub fn spans() -> impl Iterator<Item = Span> {
    settle(None);
    arena::contents().map(|(first, slices, content)| Span {
        address: first.start().addr(),
        bytes: slices * SLICE_SIZE,
        holding: match content {
            Content::Free if first.is_resident() => Holding::Free,
            Content::Free => Holding::Vacant,
            Content::Other => Holding::Kept,
            Content::Page(_) => page(first),
        },
    })
}

fn page(first: Slice) -> Holding {
    // SAFETY: records are never unmapped, and read whole, as they are or were.
    let glance = unsafe { Page::glance(first) };
    let class = &CLASS[glance.class];
    let block_size = class.block_size as usize;
    let fits = class.reserved as usize;
    // The page may have become another's between one look and the next.
    match (glance.bytes / block_size).min(fits) {
        _ if glance.is_run => Holding::Block,
        // A slice that waits for its first page looks like one.
        0 => Holding::Kept,
        linked => Holding::Page { block_size, used: (glance.used as usize).min(linked), linked, fits },
    }
}
