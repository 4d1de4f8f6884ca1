//! The thread's block as the standard library's `thread_local!`, wherever there is nothing better.

extern crate std;

use core::cell::UnsafeCell;
use core::ptr;

use super::{Block, CLASSES, Here, NO_ID, Theap, UNBORN};

std::thread_local! {
    static HERE: UnsafeCell<Here> = const {
        UnsafeCell::new(Here {
            theap: UNBORN.as_ptr(),
            id: NO_ID,
            own: UNBORN.as_ptr(),
            active: [ptr::null_mut(); CLASSES],
        })
    };
}

#[inline(always)]
fn here() -> *mut Here {
    HERE.with(UnsafeCell::get)
}

#[inline(always)]
pub(super) fn theap() -> *mut Theap {
    // SAFETY: the block is the thread's, and no reference to it is ever made.
    unsafe { (*here()).theap }
}

#[inline(always)]
pub(super) fn id() -> u32 {
    // SAFETY: as above.
    unsafe { (*here()).id }
}

#[inline(always)]
pub(super) fn is_id(it: u32) -> bool {
    it == id()
}

#[inline(always)]
pub(super) fn own() -> *mut Theap {
    // SAFETY: as above.
    unsafe { (*here()).own }
}

pub(super) fn set_own(theap: *mut Theap) {
    // SAFETY: as above.
    unsafe { (*here()).own = theap };
}

pub(super) fn set(theap: *mut Theap, id: u32) {
    // SAFETY: as above.
    unsafe {
        (*here()).theap = theap;
        (*here()).id = id;
    }
}

/// One of the lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(*mut *mut Block);

impl Place {
    #[inline(always)]
    pub(super) fn of(class: usize) -> Self {
        // SAFETY: as above; the block has a word for each class.
        Self(unsafe { (&raw mut (*here()).active).cast::<*mut Block>().add(class) })
    }

    #[inline(always)]
    pub(super) fn get(self) -> *mut Block {
        // SAFETY: as above.
        unsafe { *self.0 }
    }

    #[inline(always)]
    pub(super) fn set(self, block: *mut Block) {
        // SAFETY: as above.
        unsafe { *self.0 = block };
    }
}
