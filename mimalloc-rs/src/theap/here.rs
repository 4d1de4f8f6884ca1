//! What a thread finds next to its thread register: the theap it allocates from by default, and the words of that theap
//! which the fast paths need, its id and its active lists.
//!
//! Only the lists of the thread's own theap ever lie here. Those of first-class heaps stay with their theaps, whatever the
//! default is. While one is the default, the lists here are empty, and every allocation takes the way of those that find no
//! block. Such a heap may end while its thread does, and its theap may be somebody else's when the thread frees for the
//! last time. So what a thread needs to free, and to end, is found from its own theap, which is named here as well.
//!
//! On x86-64 Linux this block is defined in assembly with the initial-exec model, on any toolchain and in
//! shared libraries too: its words are addressed from the thread register, without a call, and it begins as that of the
//! unborn theap, so nobody asks whether a thread is new. Elsewhere it is a `thread_local!`.
//!
//! A thread touches its own block only.

#[cfg_attr(all(target_arch = "x86_64", target_os = "linux", not(miri)), path = "here/fixed.rs")]
#[cfg_attr(not(all(target_arch = "x86_64", target_os = "linux", not(miri))), path = "here/portable.rs")]
mod imp;

use core::ptr;

use super::{NO_ID, OF_HEAP, Theap, UNBORN};
use crate::address::in_register;
use crate::geometry::CLASSES;
use crate::page::Block;

/// The block of a thread.
#[repr(C)]
struct Here {
    theap: *mut Theap,
    id: u32,
    own: *mut Theap,
    active: [*mut Block; CLASSES],
}

// Libraries that a running program loads get such blocks from what the C library sets aside for them: glibc has 1.5 KiB, unless
// the user wants more.
const _: () = assert!(size_of::<Here>() <= 384);

/// The active list of a class, of the calling thread's default theap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List(imp::Place);

impl List {
    #[inline(always)]
    pub(crate) fn of(class: usize) -> Self {
        debug_assert!(class < CLASSES);
        Self(imp::Place::of(class))
    }

    /// Null if the list is empty.
    #[inline(always)]
    pub(crate) fn first(self) -> *mut Block {
        self.0.get()
    }

    #[inline(always)]
    pub(crate) fn set_first(self, block: *mut Block) {
        self.0.set(block);
    }
}

/// The theap that the calling thread allocates from by default; one of the two that own nothing before its first allocation and
/// after its end.
#[inline(always)]
pub(crate) fn theap() -> *mut Theap {
    imp::theap()
}

/// Whether that is its id.
#[inline(always)]
pub(crate) fn is_id(id: u32) -> bool {
    imp::is_id(id)
}

/// The calling thread's own theap, its part of the main heap; as for [`theap`].
#[inline(always)]
pub(crate) fn own() -> *mut Theap {
    imp::own()
}

/// Makes `theap` the calling thread's own, from which it allocates by default.
///
/// # Safety
/// It is a theap of the main heap that nobody else uses, or one of those that own nothing.
pub(crate) unsafe fn set_own(theap: *mut Theap) {
    // SAFETY: as the caller says.
    unsafe { switch_to(theap) };
    imp::set_own(theap);
}

/// Has the calling thread allocate from `theap` by default.
///
/// # Safety
/// The thread uses the theap, or it is one of those that own nothing.
pub(crate) unsafe fn switch_to(theap: *mut Theap) {
    let own = imp::own();
    // SAFETY: the thread uses its own theap. The one before may be somebody else's by now, and is not looked at.
    unsafe {
        let (from_here, to_here) = (lie_here(imp::id()), lie_here(Theap::id(theap)));
        for class in 0..CLASSES {
            if from_here {
                (*own).parked[class] = List::of(class).first();
            }
            List::of(class).set_first(if to_here { (*theap).parked[class] } else { ptr::null_mut() });
        }
        imp::set(theap, Theap::id(theap));
    }
}

/// Whether the active lists of the default theap lie here, if it has this id.
fn lie_here(id: u32) -> bool {
    id & OF_HEAP == 0 && id != NO_ID
}

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// The active list of a class: its first block, null if there is none.
    pub(crate) unsafe fn active(theap: *mut Theap, class: usize) -> *mut Block {
        // SAFETY: the caller uses the theap.
        unsafe {
            if theap == imp::theap() && lie_here(imp::id()) {
                return List::of(class).first();
            }
            (*theap).parked[class]
        }
    }

    pub(super) unsafe fn set_active(theap: *mut Theap, class: usize, list: *mut Block) {
        // SAFETY: the caller uses the theap.
        unsafe {
            if theap == imp::theap() && lie_here(imp::id()) {
                return List::of(class).set_first(list);
            }
            (*theap).parked[class] = list;
        }
    }

    /// Where a theap that is not the thread's default, or that of a first-class heap, has the active list of a class. Those
    /// that own nothing may be passed here.
    #[inline(always)]
    pub(crate) unsafe fn parked(theap: *mut Theap, class: usize) -> *mut *mut Block {
        // SAFETY: the caller uses the theap, and the class is one of its classes.
        unsafe { in_register((&raw mut (*theap).parked).cast::<*mut Block>().add(class)) }
    }
}
