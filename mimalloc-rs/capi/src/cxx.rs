//! Allocation that does not fail as C does: C++'s `new`.

#[cfg(feature = "override")]
use core::ffi::c_void;
use core::ptr;

use mi::raw::ThreadHeap;

#[cfg(feature = "override")]
use crate::cxx_library::make_catchable;
use crate::cxx_library::{call_and_catch, new_handler, throw_bad_alloc};
use crate::heap::MiHeap;
use crate::place::Place;

/// What happens when there is no memory and no handler to ask for some.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// `std::bad_alloc`; in programs without the C++ library, the end of the process.
    Throw,
    /// Null.
    Null,
}

/// A block of `size` bytes; `slow` finds one if none is at hand. The way there is a jump, not a call.
#[inline(always)]
pub(crate) fn new(size: usize, slow: extern "C-unwind" fn(usize) -> *mut u8) -> *mut u8 {
    let block = ThreadHeap::current().malloc_at_hand(size);
    if block.is_null() { slow(size) } else { block }
}

/// `operator new` when no block is at hand.
#[cold]
#[inline(never)]
pub(crate) extern "C-unwind" fn new_or_throw(size: usize) -> *mut u8 {
    insist(Ending::Throw, || ThreadHeap::current().malloc(size))
}

/// The same for the forms that do not throw.
#[cold]
#[inline(never)]
pub(crate) extern "C-unwind" fn new_or_null(size: usize) -> *mut u8 {
    insist(Ending::Null, || ThreadHeap::current().malloc(size))
}

/// The block that `attempt` gives, as soon as it gives one.
#[inline(always)]
pub(crate) fn insist(ending: Ending, attempt: impl Fn() -> *mut u8) -> *mut u8 {
    let block = attempt();
    if block.is_null() { keep_trying(ending, attempt) } else { block }
}

/// As the C++ standard asks: the installed handler makes memory available, or does not return.
#[cold]
#[inline(never)]
fn keep_trying(ending: Ending, attempt: impl Fn() -> *mut u8) -> *mut u8 {
    while let Some(handler) = new_handler() {
        // SAFETY: the program installed it for this call. It may throw: no frame from here to the caller of `new`
        // has anything to clean up.
        unsafe {
            match ending {
                Ending::Throw => handler(),
                Ending::Null if call_and_catch(handler as *const _, 0, 0).is_some() => {}
                Ending::Null => return ptr::null_mut(),
            }
        }
        let block = attempt();
        if !block.is_null() {
            return block;
        }
    }
    match ending {
        Ending::Throw => throw_bad_alloc(),
        Ending::Null => ptr::null_mut(),
    }
}

/// What a program's own `operator new` gives; null if it throws.
///
/// # Safety
/// As for [`call_and_catch`].
#[cfg(feature = "override")]
#[cold]
#[inline(never)]
pub(crate) unsafe fn replaced_or_null(operator: *const c_void, size: usize, align: usize) -> *mut u8 {
    make_catchable();
    // SAFETY: as the caller says.
    unsafe { call_and_catch(operator, size, align) }.unwrap_or(ptr::null_mut())
}

/// An aligned block, insisted on. No handler can help with an alignment that is none.
#[inline(always)]
pub(crate) fn new_aligned(ending: Ending, size: usize, align: usize) -> *mut u8 {
    if !align.is_power_of_two() {
        return match ending {
            Ending::Throw => throw_bad_alloc(),
            Ending::Null => ptr::null_mut(),
        };
    }
    insist(ending, || ThreadHeap::current().malloc_aligned_at(size, align, 0))
}

/// Insists on `count * size` bytes. No handler can help with a product that is no size.
fn new_product(count: usize, size: usize, attempt: impl Fn(usize) -> *mut u8) -> *mut u8 {
    match count.checked_mul(size) {
        Some(size) => insist(Ending::Throw, || attempt(size)),
        None => throw_bad_alloc(),
    }
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new(size: usize) -> *mut u8 {
    new(size, new_or_throw)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new_nothrow(size: usize) -> *mut u8 {
    new(size, new_or_null)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new_aligned(size: usize, align: usize) -> *mut u8 {
    new_aligned(Ending::Throw, size, align)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new_aligned_nothrow(size: usize, align: usize) -> *mut u8 {
    new_aligned(Ending::Null, size, align)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new_n(count: usize, size: usize) -> *mut u8 {
    new_product(count, size, |size| ThreadHeap::current().malloc(size))
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_new_realloc(p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: C callers pass null or a live block; it stays live through every attempt but the last.
    insist(Ending::Throw, || unsafe { ThreadHeap::current().realloc(p, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_new_reallocn(p: *mut u8, count: usize, size: usize) -> *mut u8 {
    // SAFETY: as for `mi_new_realloc`.
    new_product(count, size, |size| unsafe { ThreadHeap::current().realloc(p, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_alloc_new(heap: *mut MiHeap, size: usize) -> *mut u8 {
    // SAFETY: C callers pass a live heap, here and below.
    insist(Ending::Throw, || unsafe { Place::in_heap(heap) }.malloc(size))
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_alloc_new_n(heap: *mut MiHeap, count: usize, size: usize) -> *mut u8 {
    // SAFETY: as for `mi_heap_alloc_new`.
    new_product(count, size, |size| unsafe { Place::in_heap(heap) }.malloc(size))
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_try_new(heap: *mut MiHeap, size: usize, nothrow: bool) -> *mut u8 {
    let ending = if nothrow { Ending::Null } else { Ending::Throw };
    // SAFETY: as for `mi_heap_alloc_new`.
    insist(ending, || unsafe { Place::in_heap(heap) }.malloc(size))
}
