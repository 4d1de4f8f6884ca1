//! A thread's part of a heap as C sees it.

use core::ptr;

use mi::Heap;
use mi::raw::ThreadHeap;

use crate::heap::{MiHeap, into_c, theap_of};

/// `mi_theap_t`.
#[repr(C)]
pub(crate) struct MiTheap([u8; 0]);

/// A theap of C's; none for null, which stands for that of a heap without memory for one, and not for the thread's default.
///
/// # Safety
/// `theap` is null or one of the calling thread's.
#[inline]
pub(crate) unsafe fn theap_from(theap: *mut MiTheap) -> Option<ThreadHeap<'static>> {
    // SAFETY: the caller vouches for the pointer.
    (!theap.is_null()).then(|| unsafe { ThreadHeap::from_raw(theap.cast()) })
}

/// The calling thread's default; made, if the thread has none yet.
fn default_theap() -> Option<ThreadHeap<'static>> {
    let current = ThreadHeap::current();
    if current.into_raw().is_null() { Heap::main().here() } else { Some(current) }
}

#[unsafe(no_mangle)]
extern "C" fn mi_theap_get_default() -> *mut MiTheap {
    default_theap().map_or(ptr::null_mut(), |theap| theap.into_raw().cast())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_theap_set_default(theap: *mut MiTheap) -> *mut MiTheap {
    let before = mi_theap_get_default();
    // SAFETY: C callers pass null or a theap of the calling thread, whose heap they keep while it is the default.
    unsafe {
        if let Some(theap) = theap_from(theap) {
            theap.set_default();
        }
    }
    before
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_theap(heap: *mut MiHeap) -> *mut MiTheap {
    // SAFETY: C callers pass null or a live heap.
    unsafe { theap_of(heap) }.map_or(ptr::null_mut(), |theap| theap.into_raw().cast())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_theap_collect(theap: *mut MiTheap, force: bool) {
    // SAFETY: C callers pass null or a theap of the calling thread.
    if let Some(theap) = unsafe { theap_from(theap) } {
        theap.collect(force);
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_get_default() -> *mut MiHeap {
    default_theap().map_or(ptr::null_mut(), |theap| into_c(Some(theap.heap())))
}

/// Null, and nothing else, if the heap has no part for this thread for want of memory.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_set_default(heap: *mut MiHeap) -> *mut MiHeap {
    if heap.is_null() {
        return ptr::null_mut();
    }
    let before = mi_heap_get_default();
    // SAFETY: C callers pass a live heap, and keep it while it is the default.
    unsafe {
        let Some(theap) = theap_of(heap) else { return ptr::null_mut() };
        theap.set_default();
    }
    before
}

/// Defines functions that choose blocks to guard, by theap and by heap. They have an effect in hardened builds only.
macro_rules! guarding {
    ($($theap:ident, $heap:ident: $set:ident($first:ident: $type:ty, $second:ident);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $theap(theap: *mut MiTheap, $first: usize, $second: usize) {
            // SAFETY: C callers pass null or a theap of their own thread.
            if let Some(theap) = unsafe { theap_from(theap) } {
                theap.$set(<$type>::try_from($first).unwrap_or(<$type>::MAX), $second);
            }
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $heap(heap: *mut MiHeap, $first: usize, $second: usize) {
            // SAFETY: C callers pass a live heap.
            if let Some(theap) = unsafe { theap_of(heap) } {
                theap.$set(<$type>::try_from($first).unwrap_or(<$type>::MAX), $second);
            }
        }
    )*};
}

guarding! {
    mi_theap_guarded_set_sample_rate, mi_heap_guarded_set_sample_rate: set_guarded_rate(rate: u32, seed);
    mi_theap_guarded_set_size_bound, mi_heap_guarded_set_size_bound: set_guarded_sizes(min: usize, max);
}
