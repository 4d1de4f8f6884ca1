//! Heaps as C sees them.

use core::ffi::{c_int, c_void};
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use mi::raw::ThreadHeap;
use mi::{Heap, SubProcess};

/// `mi_heap_t`.
#[repr(C)]
pub(crate) struct MiHeap([u8; 0]);

/// That of the calling thread's sub-process.
fn main_heap() -> NonNull<c_void> {
    SubProcess::current().main_heap()
}

/// A heap of C's, the main heap for null.
#[inline]
pub(crate) fn or_main(heap: *const MiHeap) -> NonNull<c_void> {
    NonNull::new(heap.cast_mut().cast()).unwrap_or_else(main_heap)
}

/// The heap behind a pointer of C's, without ending it; null is the main heap.
///
/// # Safety
/// `heap` is null or a live heap.
#[inline]
pub(crate) unsafe fn borrow(heap: *const MiHeap) -> ManuallyDrop<Heap> {
    // SAFETY: the caller vouches for the heap; what is made from it here is never dropped.
    ManuallyDrop::new(unsafe { Heap::from_raw(or_main(heap)) })
}

/// The calling thread's part of a heap.
///
/// # Safety
/// As for [`borrow`].
#[inline]
pub(crate) unsafe fn theap_of(heap: *const MiHeap) -> Option<ThreadHeap<'static>> {
    // SAFETY: as the caller says; C keeps to the heap's life.
    unsafe { borrow(heap).here().map(|theap| ThreadHeap::from_raw(theap.into_raw())) }
}

/// What C calls the heap, null for none.
pub(crate) fn into_c(heap: Option<NonNull<c_void>>) -> *mut MiHeap {
    heap.map_or(ptr::null_mut(), |heap| heap.as_ptr().cast())
}

/// The heap, given up by its owner.
///
/// # Safety
/// `heap` is null or a live heap that nobody uses any more.
unsafe fn take(heap: *mut MiHeap) -> Option<Heap> {
    // SAFETY: as the caller says.
    NonNull::new(heap.cast()).map(|heap| unsafe { Heap::from_raw(heap) })
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_new() -> *mut MiHeap {
    into_c(Heap::new().map(Heap::into_raw))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_delete(heap: *mut MiHeap) {
    // SAFETY: C callers pass null or a heap of theirs that nobody allocates from any more.
    if let Some(heap) = unsafe { take(heap) } {
        heap.delete();
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_destroy(heap: *mut MiHeap) {
    // SAFETY: as for `mi_heap_delete`; C callers have given up its blocks as well.
    if let Some(heap) = unsafe { take(heap) } {
        heap.destroy();
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_collect(heap: *mut MiHeap, force: bool) {
    // SAFETY: C callers pass null or a live heap, here and below.
    if let Some(here) = unsafe { theap_of(heap) } {
        here.collect(force);
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_main() -> *mut MiHeap {
    into_c(Some(main_heap()))
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_of(p: *const u8) -> *mut MiHeap {
    into_c(Heap::of(p))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_contains(heap: *const MiHeap, p: *const u8) -> bool {
    // SAFETY: as for `mi_heap_collect`.
    unsafe { borrow(heap) }.contains(p)
}

/// Defines functions that tell whether a pointer lies in any heap.
macro_rules! in_any_heap {
    ($($name:ident)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(p: *const u8) -> bool {
            Heap::of(p).is_some()
        }
    )*};
}

in_any_heap! { mi_any_heap_contains mi_is_in_heap_region mi_check_owned }

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_contains_block(heap: *const MiHeap, p: *const u8) -> bool {
    // SAFETY: as for `mi_heap_collect`.
    unsafe { mi_heap_contains(heap, p) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_check_owned(heap: *const MiHeap, p: *const u8) -> bool {
    // SAFETY: as for `mi_heap_collect`.
    unsafe { mi_heap_contains(heap, p) }
}

/// Memory is not placed by node.
#[unsafe(no_mangle)]
extern "C" fn mi_heap_set_numa_affinity(heap: *mut MiHeap, node: c_int) {
    let _ = (heap, node);
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_get_backing() -> *mut MiHeap {
    mi_heap_main()
}
