//! From a thread to its heap, from the first allocation to the last free.

mod slot;

use core::ffi::c_void;

use crate::arena;
use crate::heap::{self, Heap};
use crate::os;
use crate::sync::AtomicU32;

/// The calling thread's heap; one of the two that own nothing before its first allocation and after its end.
#[inline(always)]
pub(crate) fn heap() -> *mut Heap {
    slot::get()
}

/// The calling thread's heap, made if there is none yet.
#[cold]
#[inline(never)]
pub(crate) fn heap_for_alloc() -> Option<*mut Heap> {
    let heap = slot::get();
    // SAFETY: the slot holds a heap at all times.
    if !unsafe { Heap::is_none(heap) } {
        return Some(heap);
    }
    set_up_process();
    let heap = heap::acquire()?;
    // Before anything that might allocate: a nested call finds the heap.
    slot::set(heap);
    os::arm_thread_exit(heap.cast());
    Some(heap)
}

/// The same for a thread that frees. A thread that has ended gets none: it would be left behind.
pub(crate) fn heap_for_free(heap: *mut Heap) -> Option<*mut Heap> {
    // SAFETY: the slot holds a heap at all times.
    if !unsafe { Heap::is_none(heap) } {
        return Some(heap);
    }
    if heap == heap::LATE.as_ptr() { None } else { heap_for_alloc() }
}

/// Registers what is registered once.
fn set_up_process() {
    static DONE: AtomicU32 = AtomicU32::new(0);
    os::on_thread_exit(at_thread_exit);
    if DONE.swap(1, crate::sync::Ordering::Relaxed) == 0 {
        os::on_fork_child(at_fork_child);
    }
}

/// The thread's heap gives up all pages. Other destructors may run after this one: they free without a heap, and
/// if they allocate the thread gets a heap once more and this is called again.
unsafe extern "C" fn at_thread_exit(heap: *mut c_void) {
    let heap: *mut Heap = heap.cast();
    slot::set(heap::LATE.as_ptr());
    // SAFETY: the value was stored by this thread for its own heap, which nobody uses from here on.
    unsafe {
        Heap::collect(heap, true);
        heap::retire_heap(heap);
    }
    arena::purge_if_due();
}

/// Only the forking thread lives on in the child. Its heap is intact, and no lock can be left held.
unsafe extern "C" fn at_fork_child() {
    arena::forget_purger();
}
