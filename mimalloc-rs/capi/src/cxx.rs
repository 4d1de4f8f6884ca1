//! Allocation that does not fail as C does: C++'s `new`.

use core::arch::asm;
use core::ptr;

use mi::raw::ThreadHeap;

use crate::heap::{MiHeap, theap_of};

type Handler = unsafe extern "C-unwind" fn();
type GetHandler = unsafe extern "C-unwind" fn() -> Option<Handler>;
type Throw = unsafe extern "C-unwind" fn() -> !;

/// The address of a function of the C++ library; null in programs without it.
macro_rules! cxx_library {
    ($symbol:literal as $type:ty) => {{
        let address: *const ();
        // SAFETY: reads an address that the loader fills in, zero for a weak symbol nobody defines.
        unsafe {
            asm!(
                concat!(".weak ", $symbol),
                concat!("mov {address}, qword ptr [rip + ", $symbol, "@GOTPCREL]"),
                address = out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
            core::mem::transmute::<*const (), Option<$type>>(address)
        }
    }};
}

/// What happens when there is no memory and no handler to ask for some.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// `std::bad_alloc`; in programs without the C++ library, the end of the process.
    Throw,
    /// Null.
    Null,
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
        unsafe { handler() };
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

fn new_handler() -> Option<Handler> {
    let get = cxx_library!("_ZSt15get_new_handlerv" as GetHandler)?;
    // SAFETY: `std::get_new_handler` has no preconditions.
    unsafe { get() }
}

fn throw_bad_alloc() -> ! {
    match cxx_library!("_ZSt17__throw_bad_allocv" as Throw) {
        // SAFETY: `std::__throw_bad_alloc` has no preconditions; as for the handler, nothing is skipped.
        Some(throw) => unsafe { throw() },
        // SAFETY: ends the process.
        None => unsafe { libc::abort() },
    }
}

/// A block of `size` bytes, insisted on.
#[inline(always)]
pub(crate) fn new(ending: Ending, size: usize) -> *mut u8 {
    insist(ending, || ThreadHeap::current().malloc(size))
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
    new(Ending::Throw, size)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn mi_new_nothrow(size: usize) -> *mut u8 {
    new(Ending::Null, size)
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

/// # Safety
/// `heap` is a live heap.
unsafe fn malloc_in(heap: *mut MiHeap, size: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    match unsafe { theap_of(heap) } {
        Some(on) => on.malloc(size),
        None => ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_alloc_new(heap: *mut MiHeap, size: usize) -> *mut u8 {
    // SAFETY: C callers pass a live heap, here and below.
    insist(Ending::Throw, || unsafe { malloc_in(heap, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_alloc_new_n(heap: *mut MiHeap, count: usize, size: usize) -> *mut u8 {
    // SAFETY: as for `mi_heap_alloc_new`.
    new_product(count, size, |size| unsafe { malloc_in(heap, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn mi_heap_try_new(heap: *mut MiHeap, size: usize, nothrow: bool) -> *mut u8 {
    let ending = if nothrow { Ending::Null } else { Ending::Throw };
    // SAFETY: as for `mi_heap_alloc_new`.
    insist(ending, || unsafe { malloc_in(heap, size) })
}
