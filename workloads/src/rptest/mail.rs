//! Blocks on their way to another thread, which is to free them.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::blocks::{Blocks, free};
use crate::api::{Api, Request};

/// Blocks from one thread, with the array they are in. Both are heap blocks, as in the original.
#[repr(align(16))]
struct Parcel {
    next: *mut Parcel,
    blocks: NonNull<NonNull<u8>>,
    count: u32,
    sender: usize,
}

const PARCEL: Request = Request::array::<Parcel>(1);

/// The array of so many blocks.
fn array(count: u32) -> Request {
    Request::aligned(count as usize * size_of::<NonNull<u8>>(), align_of::<Parcel>())
}

/// Where parcels for one thread are put. Mailboxes share no cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Mailbox {
    latest: AtomicPtr<Parcel>,
    closed: AtomicBool,
}

impl Mailbox {
    /// Whether the owner has no time left to look into it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn set_closed(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Sends as many blocks as are asked for, which `make` makes, from a thread of this number.
    pub(super) fn send<A: Api>(&self, sender: usize, count: u32, mut make: impl FnMut() -> NonNull<u8>) {
        let parcel = A::alloc(PARCEL).cast::<Parcel>();
        let blocks = A::alloc(array(count)).cast::<NonNull<u8>>();
        // SAFETY: the array has room for so many blocks.
        (0..count as usize).for_each(|index| unsafe { blocks.add(index).write(make()) });
        let mut next = self.latest.load(Ordering::Relaxed);
        loop {
            // SAFETY: the block has room for a parcel and is not yet in the mailbox.
            unsafe { parcel.write(Parcel { next, blocks, count, sender }) };
            let sent = self.latest.compare_exchange_weak(
                next,
                parcel.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            match sent {
                Ok(_) => return,
                Err(newer) => next = newer,
            }
        }
    }

    /// Takes everything out.
    pub(super) fn empty(&self) -> Parcels {
        Parcels { latest: self.latest.swap(ptr::null_mut(), Ordering::Acquire) }
    }
}

/// Parcels out of a mailbox, to be freed.
pub(super) struct Parcels {
    latest: *mut Parcel,
}

impl Parcels {
    /// Frees all blocks, their arrays and the parcels.
    ///
    /// # Safety
    /// The senders had the same `A`, and `me` is the number of the calling thread.
    pub(super) unsafe fn free<A: Api>(mut self, me: usize, blocks: &mut Blocks<A>) {
        while let Some(parcel) = NonNull::new(self.latest) {
            // SAFETY: whoever took the parcel out of the mailbox is the only one who has it, and
            // the blocks in it; the array has as many as the parcel says.
            unsafe {
                let Parcel { next, blocks: contents, count, sender } = parcel.read();
                let foreign = sender != me;
                (0..count as usize).for_each(|index| blocks.free(contents.add(index).read(), foreign));
                free::<A>(contents.cast(), array(count), foreign);
                free::<A>(parcel.cast(), PARCEL, foreign);
                self.latest = next;
            }
        }
    }
}
