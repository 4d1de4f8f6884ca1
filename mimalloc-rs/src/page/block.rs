//! A free block: a link to the next one. The rest of its memory is unspecified.
//!
//! The crate features `debug` and `secure` hide the links: each is combined with a secret of the process and with the block's own
//! address, so that who can write to freed memory can neither read an address there nor make the allocator follow one.
//! A link that leads out of the allocator's memory ends its list, and is reported.

#[cfg(any(feature = "debug", feature = "secure"))]
pub(crate) use hidden::choose_secret;

use crate::report::{self, ErrorKind};

/// See the [module](self).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Block {
    link: *mut Block,
}

/// What was found where a free block has its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Link {
    Whole,
    /// It leads out of the allocator's memory. Found only where links are hidden.
    #[cfg_attr(
        not(any(feature = "debug", feature = "secure")),
        allow(dead_code, reason = "any link is followed")
    )]
    Broken,
}

impl Link {
    /// Tells of the broken link of `block`, behind which there is nothing any more. This may call the program.
    #[inline(always)]
    pub(crate) fn tell(self, block: *mut Block) {
        self.tell_otherwise(block, "the rest of its list is lost");
    }

    /// The same, with what comes of it.
    #[inline(always)]
    pub(crate) fn tell_otherwise(self, block: *mut Block, outcome: &str) {
        if self == Self::Broken {
            tell_of_broken(block, outcome);
        }
    }
}

#[cold]
#[inline(never)]
fn tell_of_broken(block: *mut Block, outcome: &str) {
    report::error(
        ErrorKind::Corrupted,
        format_args!("the free block at {block:p} was written to: its link is not one; {outcome}"),
    );
}

/// # Safety
/// Throughout, `block` is a free block that the caller holds.
impl Block {
    /// The next block of the list, and how the link to it is. A broken one ends the list.
    ///
    /// To tell of it is left to the caller, as soon as its lists are whole: who is told may allocate and free.
    #[inline(always)]
    pub(crate) unsafe fn next(block: *mut Self) -> (*mut Self, Link) {
        // SAFETY: as the caller says; the link was set when the block was freed.
        let link = unsafe { (*block).link };
        #[cfg(any(feature = "debug", feature = "secure"))]
        return hidden::uncover(block, link);
        #[cfg(not(any(feature = "debug", feature = "secure")))]
        (link, Link::Whole)
    }

    /// Makes `next` the block behind this one.
    #[inline(always)]
    pub(crate) unsafe fn set_next(block: *mut Self, next: *mut Self) {
        #[cfg(any(feature = "debug", feature = "secure"))]
        let next = hidden::cover(block, next);
        // SAFETY: as the caller says.
        unsafe { (*block).link = next };
    }

    /// Erases the link of a block that is given out, so that it does not look like a free one. Only hidden links can be
    /// told from what a program writes.
    #[inline(always)]
    pub(crate) unsafe fn erase(block: *mut Self) {
        #[cfg(any(feature = "debug", feature = "secure"))]
        // SAFETY: as the caller says.
        unsafe {
            (*block).link = core::ptr::null_mut();
        }
        let _ = block;
    }

    /// What the block's link would be, if it is a free block. It may be any block.
    pub(crate) unsafe fn peek(block: *mut Self) -> *mut Self {
        // SAFETY: a block has room for a link.
        let link = unsafe { block.cast::<*mut Self>().read() };
        link.map_addr(|address| address ^ Self::secret_at(block))
    }

    /// The secret that hides a link at this address; nothing without the feature.
    #[inline(always)]
    pub(crate) fn secret_at(block: *mut Self) -> usize {
        #[cfg(any(feature = "debug", feature = "secure"))]
        return hidden::secret_at(block);
        #[cfg(not(any(feature = "debug", feature = "secure")))]
        {
            let _ = block;
            0
        }
    }
}

#[cfg(any(feature = "debug", feature = "secure"))]
mod hidden {
    use core::ptr;
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::{Block, Link};
    use crate::arena;
    use crate::os;

    /// Chosen before the first link is written; not zero from then on.
    static SECRET: AtomicUsize = AtomicUsize::new(0);

    /// Chooses the process's secret, if it has none yet.
    pub(crate) fn choose_secret() {
        if SECRET.load(Ordering::Relaxed) == 0 {
            let _ = SECRET.compare_exchange(0, os::random() | 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The secret as it applies at this address: neighbours do not share it.
    #[inline(always)]
    pub(super) fn secret_at(block: *mut Block) -> usize {
        const ODD: usize = 0x9e37_79b9_7f4a_7c15;
        SECRET.load(Ordering::Relaxed) ^ block.addr().wrapping_mul(ODD).rotate_right(29)
    }

    #[inline(always)]
    pub(super) fn cover(block: *mut Block, next: *mut Block) -> *mut Block {
        next.map_addr(|address| address ^ secret_at(block))
    }

    #[inline(always)]
    pub(super) fn uncover(block: *mut Block, link: *mut Block) -> (*mut Block, Link) {
        let next = link.map_addr(|address| address ^ secret_at(block));
        let plausible =
            || next.addr().is_multiple_of(align_of::<Block>()) && arena::find(next.cast()).is_some();
        if next.is_null() || plausible() { (next, Link::Whole) } else { (ptr::null_mut(), Link::Broken) }
    }
}
