//! Padding behind blocks, in builds with the crate feature `debug`: it knows how many bytes were asked for, and whether
//! someone wrote behind them.
//!
//! The last word of a block holds a canary and the number of bytes between the end of what was asked for and
//! itself, which are filled. Blocks are filled when they are allocated and freed.

use crate::report::{self, ErrorKind};
use crate::usable;

/// Bytes added to every request.
pub(crate) const SIZE: usize = size_of::<Seal>();
/// Content of a block that was allocated and not written yet.
const FRESH: u8 = 0xd0;
/// Content of a freed block.
const FREED: u8 = 0xdf;
/// Content between the end of the request and the seal, as far as [`FILLED`] goes.
const SLACK: u8 = 0xde;
/// At most so many bytes behind the request are filled and checked.
const FILLED: usize = 64;
/// At most so many bytes of a block are filled: what is huge may be meant to stay untouched.
const FILLED_BLOCK: usize = 1 << 20;

/// The last word of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Seal {
    canary: u32,
    slack: u32,
}

fn canary(block: *const u8) -> u32 {
    const ODD: usize = 0x9e37_79b9_7f4a_7c15;
    (block.addr().wrapping_mul(ODD) >> 32) as u32
}

/// Where the seal lies: at the end of the block, which is `whole` bytes long.
fn seal_of(block: *mut u8, whole: usize) -> *mut Seal {
    block.wrapping_add(whole - SIZE).cast()
}

/// Makes a new block one of `size` bytes.
///
/// # Safety
/// The block is the caller's and has room for [`SIZE`] bytes more.
pub(crate) unsafe fn close(block: *mut u8, size: usize, zero: bool) {
    // SAFETY: as the caller says.
    unsafe {
        let whole = usable::whole_size(block);
        let slack = whole - SIZE - size;
        if !zero {
            block.write_bytes(FRESH, size.min(FILLED_BLOCK));
        }
        block.add(size).write_bytes(SLACK, slack.min(FILLED));
        seal_of(block, whole).write_unaligned(Seal { canary: canary(block), slack: slack as u32 });
    }
}

/// Bytes that were asked for; zero if the seal was overwritten.
///
/// # Safety
/// `block` is a live block.
pub(crate) unsafe fn size(block: *const u8) -> usize {
    // SAFETY: as the caller says.
    unsafe {
        let whole = usable::whole_size(block);
        let seal = seal_of(block.cast_mut(), whole).read_unaligned();
        let intact = seal.canary == canary(block);
        if intact { (whole - SIZE).saturating_sub(seal.slack as usize) } else { 0 }
    }
}

/// Checks a block that is given up, and fills it.
///
/// # Safety
/// `block` is a live block that the caller gives up.
pub(crate) unsafe fn open(block: *mut u8) {
    // SAFETY: as the caller says.
    unsafe {
        let whole = usable::whole_size(block);
        let seal = seal_of(block, whole).read_unaligned();
        let room = whole - SIZE;
        if seal.canary != canary(block) || seal.slack as usize > room {
            report::error(
                ErrorKind::Corrupted,
                format_args!(
                    "the block at {block:p} was written to behind its end: of {room} bytes and more"
                ),
            );
        } else {
            let (size, slack) = (room - seal.slack as usize, seal.slack as usize);
            let behind = core::slice::from_raw_parts(block.add(size), slack.min(FILLED));
            if let Some(at) = behind.iter().position(|&byte| byte != SLACK) {
                report::error(
                    ErrorKind::Corrupted,
                    format_args!(
                        "the block at {block:p} of {size} bytes was written to at byte {}",
                        size + at
                    ),
                );
            }
        }
        block.write_bytes(FREED, room.min(FILLED_BLOCK));
    }
}
