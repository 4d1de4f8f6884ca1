//! What others free into a page: from their pointers to marks, and from the marks to the owner's lists.
//!
//! Most pages have their marks in the table; a [compact](super::compact) one has them in its word. When a page has gone, a thread
//! that is late with its second step, or an entry of a stack, may still mean it. So each record has a word for either kind, and a
//! link for the stacks. The word of the other kind stays owned, so what comes late finds nothing to
//! claim there, and a record that stands in one stack may enter another.

use core::ptr;

use super::marks::{Batch, Parts};
use super::remote::{Freed, RemoteWord};
use super::{Block, Page, freed_twice};
use crate::arena::Slice;
use crate::size_class::{CLASS, is_compact};
use crate::sync::{AtomicU32, Ordering, Strict};

/// What became of blocks that were sent to a page of somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// They are marked: the page's owner finds them, or who takes it from its stack.
    Away,
    /// The same, and the caller has to put the page into its stack.
    ToList,
    /// The page had no owner: it is the caller's now.
    Claimed,
}

/// # Safety
/// As for all of [`Page`].
impl Page {
    /// The page's word for other threads. The caller need not own the page, but it must be one.
    #[inline(always)]
    pub(crate) unsafe fn remote<'a>(page: *mut Page) -> &'a RemoteWord {
        // SAFETY: as the caller says.
        unsafe { Self::remote_of(page, Self::class(page)) }
    }

    /// The page's word if it is of this class, or of another with as many marks.
    #[inline(always)]
    pub(crate) unsafe fn remote_of<'a>(page: *mut Page, class: usize) -> &'a RemoteWord {
        // SAFETY: records are never unmapped, and the word is only touched atomically.
        unsafe { &(&(*page).shared.remote)[usize::from(is_compact(class))] }
    }

    /// The page's link in the stack of this class. As for [`Page::remote_of`].
    pub(crate) unsafe fn listed_next<'a>(page: *mut Page, class: usize) -> &'a AtomicU32 {
        // SAFETY: as for `remote_of`.
        unsafe { &(&(*page).shared.listed_next)[usize::from(is_compact(class))] }
    }

    /// A block alone, of the page in `first`; the caller holds it.
    #[inline(always)]
    pub(crate) unsafe fn batch_of(first: Slice, block: *mut Block) -> Batch {
        // SAFETY: as the caller says, so the page's class does not change.
        let facts = unsafe { Self::facts(first.page()) };
        Batch::of(facts.block_at(block.addr() - first.start().addr()))
    }

    /// Frees `blocks` into the page in `first`, which the caller does not own. One without an owner is claimed
    /// with the last block that it waits for, or if the caller `wants` it, given its class and who owned it last.
    #[inline(always)]
    pub(crate) unsafe fn free_remote(
        first: Slice,
        blocks: Batch,
        wants: impl Fn(usize, u32) -> bool,
    ) -> Sent {
        let page = first.page();
        // SAFETY: the caller gives up the blocks, so the page is what it is until they are marked. Later only atomic
        // words are looked at; if the page has changed hands or is another one by then, the number awaited may be wrong:
        // then the page is claimed without need, or waits in the stack without blocks in use. A page that was claimed is the
        // caller's.
        unsafe {
            let class = Self::class(page);
            let wanted = |freed| {
                freed >= u32::from((*page).shared.awaited.load(Ordering::Relaxed))
                    || wants(class, Self::origin(page))
            };
            let remote = Self::remote_of(page, class);
            let freed = if is_compact(class) {
                remote.free_compact(blocks, wanted)
            } else {
                remote.free(first.marks(), blocks, wanted)
            };
            let place = |block| first.start().add(block * CLASS[class].block_size as usize).cast();
            match freed {
                Freed::Marked => Sent::Away,
                Freed::ToList => Sent::ToList,
                Freed::ClaimedAndMarked => Sent::Claimed,
                Freed::Claimed => {
                    blocks.blocks().for_each(|block| Self::push_local(page, place(block)));
                    Sent::Claimed
                }
                Freed::Twice(blocks) => {
                    blocks.blocks().for_each(|block| freed_twice(place(block)));
                    Sent::Away
                }
            }
        }
    }

    /// Takes what other threads freed as a list, and says how many blocks it has. They still count as used.
    #[inline]
    pub(crate) unsafe fn take_remote(page: *mut Page) -> (*mut Block, u32) {
        // SAFETY: as the caller says.
        unsafe { Self::link_remote(page, ptr::null_mut()) }
    }

    /// Moves what other threads freed to the owner's list.
    pub(crate) unsafe fn collect_remote(page: *mut Page) {
        // SAFETY: the caller owns the page.
        unsafe {
            let (list, count) = Self::link_remote(page, (*page).local_free);
            (*page).local_free = list;
            (*page).used -= count;
        }
    }

    /// Forgets what other threads freed, so that a later page does not find it.
    pub(crate) unsafe fn forget_remote(page: *mut Page) {
        // SAFETY: the caller owns the page.
        unsafe { Self::drain_remote(page, |_| ()) };
    }

    /// The same of marks that the word does not tell of, since whoever marked blocks, or took them, was gone before it was done.
    pub(crate) unsafe fn forget_unsaid(page: *mut Page) {
        // SAFETY: the caller owns the page.
        unsafe {
            if !is_compact(Self::class(page)) {
                let parts = Parts::of_blocks(Self::facts(page).reserved as usize);
                Self::slice(page).marks().drain::<Strict>(parts, |_| ());
            }
        }
    }

    /// Puts what other threads freed in front of `list`, in the order of addresses, and says how many blocks that was.
    #[inline]
    unsafe fn link_remote(page: *mut Page, mut list: *mut Block) -> (*mut Block, u32) {
        let mut count = 0;
        // SAFETY: the caller owns the page, and with it the blocks that are marked.
        unsafe {
            let (start, block_size) = ((*page).start, Self::facts(page).block_size as usize);
            Self::drain_remote(page, |block| {
                let block = start.add(block * block_size).cast();
                Block::set_next(block, list);
                list = block;
                count += 1;
            });
        }
        (list, count)
    }

    /// Takes all marks away: `each` gets the blocks, the last first.
    #[inline(always)]
    unsafe fn drain_remote(page: *mut Page, each: impl FnMut(usize)) {
        // SAFETY: the caller owns the page.
        unsafe {
            if is_compact(Self::class(page)) {
                return Self::remote(page).take_compact().blocks().for_each(each);
            }
            let parts = Self::remote(page).take();
            if parts != Parts::NONE {
                Self::slice(page).marks().drain::<Strict>(parts, each);
            }
        }
    }

    /// Whether a block of the page in `first`, which the caller gives up, is marked as freed by another thread before.
    pub(crate) unsafe fn is_marked(first: Slice, block: *mut Block) -> bool {
        let page = first.page();
        // SAFETY: as the caller says.
        unsafe {
            let block = Self::batch_of(first, block);
            if is_compact(Self::class(page)) {
                return !Self::remote(page).freed_compact().is_joined_by(block);
            }
            first.marks().has(block)
        }
    }

    /// Whether all blocks in use are marked: nobody has one any more.
    pub(crate) unsafe fn is_emptied(page: *mut Page) -> bool {
        // SAFETY: the caller owns the page.
        unsafe { (*page).used == Self::count_marked(Self::slice(page), Self::class(page)) }
    }

    /// How many blocks are marked at this moment in the page in `first`, which may be anybody's, and another one of another
    /// class by now: the class says which of the record's words is looked at, and as what.
    pub(super) unsafe fn count_marked(first: Slice, class: usize) -> u32 {
        // SAFETY: records are never unmapped. The word of a page that is not compact never has other parts than there are
        // lines of marks.
        unsafe {
            let remote = Self::remote_of(first.page(), class);
            if is_compact(class) {
                return remote.freed_compact().count();
            }
            first.marks().count(remote.parts())
        }
    }
}
