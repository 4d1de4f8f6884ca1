//! One thread's blocks: half of them asked for zeroed, half with an alignment and then filled; the first
//! word of each says what to free.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::tables::{LARGEST, SMALLEST};
use crate::api::{Api, Request};
use crate::fatal::fatal;

/// What blocks of less than a page are asked for with, in turn. The first are asked for zeroed
/// instead, and so are all larger blocks.
const ALIGNMENTS: [usize; 3] = [1, 8, 16];
const ZEROED: u32 = 0;

const PAGE: usize = 4_096;

/// What every last byte is set to.
const MARK: u8 = 0x6d;

/// A block's label: its size below, the index of its alignment above.
const SIZE_BITS: u32 = 16;
const _: () = assert!(LARGEST < 1 << SIZE_BITS);

/// What became of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Blocks made, and the bytes in them.
    pub(super) blocks: u64,
    pub(super) bytes: u64,
    pub(super) bytes_freed: u64,
}

/// One thread's calls of the allocator.
pub(super) struct Blocks<A> {
    pub(super) tally: Tally,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Blocks<A> {
    pub(super) fn new() -> Blocks<A> {
        Blocks { tally: Tally::default(), api: PhantomData }
    }

    /// A block whose pages have all been touched.
    pub(super) fn allocate(&mut self, size: u32, turn: usize) -> NonNull<u8> {
        let bytes = size as usize;
        // An index below 3.
        let alignment = if bytes < PAGE { (turn % ALIGNMENTS.len()) as u32 } else { ZEROED };
        let request = request(size, alignment);
        let block = if alignment == ZEROED {
            A::alloc_zeroed(request)
        } else {
            let block = A::alloc(request);
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(0, bytes) };
            block
        };
        // SAFETY: the offsets are inside of the block, which is at least as large as two labels; it
        // need not be aligned for one.
        unsafe {
            (PAGE..bytes).step_by(PAGE).for_each(|offset| block.add(offset).write_volatile(MARK));
            block.add(bytes - 1).write_volatile(MARK);
            block.cast::<u32>().write_unaligned(alignment << SIZE_BITS | size);
        }
        self.tally.blocks += 1;
        self.tally.bytes += u64::from(size);
        block
    }

    /// Frees a block, which may be that of another thread.
    ///
    /// # Safety
    /// The block came from `allocate` with the same `A`, and nobody else uses it.
    pub(super) unsafe fn free(&mut self, block: NonNull<u8>, foreign: bool) {
        // SAFETY: `allocate` wrote the label.
        let label = unsafe { block.cast::<u32>().read_unaligned() };
        let (alignment, size) = (label >> SIZE_BITS, label & ((1 << SIZE_BITS) - 1));
        if alignment as usize >= ALIGNMENTS.len() || !(SMALLEST..=LARGEST).contains(&size) {
            corrupted(label);
        }
        self.tally.bytes_freed += u64::from(size);
        // SAFETY: the caller vouches for the block, whose label says what it was asked for with.
        unsafe { free::<A>(block, request(size, alignment), foreign) };
    }
}

fn request(size: u32, alignment: u32) -> Request {
    Request::aligned(size as usize, ALIGNMENTS[alignment as usize])
}

/// # Safety
/// The block came from `A` for this request and was not freed since.
pub(super) unsafe fn free<A: Api>(block: NonNull<u8>, request: Request, foreign: bool) {
    // SAFETY: the caller keeps the contract of both.
    unsafe {
        if foreign {
            A::free_foreign(block, request);
        } else {
            A::free(block, request);
        }
    }
}

#[cold]
fn corrupted(label: u32) -> ! {
    fatal(format_args!(
        "rptest: a block has the label {label:#x}, which nobody wrote: the allocator gave it to two owners"
    ))
}
