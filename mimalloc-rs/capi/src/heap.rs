//! Heaps and theaps as C sees them.

use mi::raw::ThreadHeap;

/// `mi_heap_t`.
#[repr(C)]
pub(crate) struct MiHeap([u8; 0]);

/// `mi_theap_t`.
#[repr(C)]
pub(crate) struct MiTheap([u8; 0]);

pub(crate) unsafe fn theap_of(heap: *mut MiHeap) -> Option<ThreadHeap> {
    let _ = heap;
    Some(ThreadHeap::current())
}

pub(crate) unsafe fn theap_from(theap: *mut MiTheap) -> ThreadHeap {
    let _ = theap;
    ThreadHeap::current()
}
