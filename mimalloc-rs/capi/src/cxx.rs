//! Allocation that does not fail as C does: C++'s `new`.

use core::arch::{asm, global_asm};
use core::ptr;

use mi::raw::ThreadHeap;

use crate::heap::{MiHeap, theap_of};

// What C++ writes as `try { handler(); return true; } catch (...) { return false; }`, with the tables that go with it.
// The names of the C++ library are weak: without it there is no handler to call.
global_asm!(
    ".weak __gxx_personality_v0",
    ".weak __cxa_begin_catch",
    ".weak __cxa_end_catch",
    ".pushsection .text.mimalloc_rs_call_and_catch,\"ax\",@progbits",
    ".globl mimalloc_rs_call_and_catch",
    ".hidden mimalloc_rs_call_and_catch",
    ".type mimalloc_rs_call_and_catch,@function",
    "mimalloc_rs_call_and_catch:",
    ".cfi_startproc",
    ".cfi_personality 0x9b, mimalloc_rs_cxx_personality",
    ".cfi_lsda 0x1b, .Lmimalloc_rs_handlers",
    "sub rsp, 8",
    ".cfi_def_cfa_offset 16",
    ".Lmimalloc_rs_try:",
    "call rdi",
    ".Lmimalloc_rs_tried:",
    "mov eax, 1",
    "jmp .Lmimalloc_rs_done",
    ".Lmimalloc_rs_catch:",
    "mov rdi, rax",
    "call qword ptr [rip + __cxa_begin_catch@GOTPCREL]",
    "call qword ptr [rip + __cxa_end_catch@GOTPCREL]",
    "xor eax, eax",
    ".Lmimalloc_rs_done:",
    "add rsp, 8",
    ".cfi_def_cfa_offset 8",
    "ret",
    ".cfi_endproc",
    ".size mimalloc_rs_call_and_catch, . - mimalloc_rs_call_and_catch",
    ".popsection",
    // One range of instructions, and one handler that takes every type.
    ".pushsection .gcc_except_table.mimalloc_rs,\"a\",@progbits",
    ".p2align 2",
    ".Lmimalloc_rs_handlers:",
    ".byte 0xff",
    ".byte 0x00",
    ".uleb128 .Lmimalloc_rs_types - .Lmimalloc_rs_ranges",
    ".Lmimalloc_rs_ranges:",
    ".byte 0x01",
    ".uleb128 .Lmimalloc_rs_actions - .Lmimalloc_rs_first_range",
    ".Lmimalloc_rs_first_range:",
    ".uleb128 .Lmimalloc_rs_try - mimalloc_rs_call_and_catch",
    ".uleb128 .Lmimalloc_rs_tried - .Lmimalloc_rs_try",
    ".uleb128 .Lmimalloc_rs_catch - mimalloc_rs_call_and_catch",
    ".uleb128 1",
    ".Lmimalloc_rs_actions:",
    ".byte 1, 0",
    ".p2align 3",
    ".quad 0",
    ".Lmimalloc_rs_types:",
    ".popsection",
    ".pushsection .data.rel.ro.mimalloc_rs_cxx_personality,\"aw\",@progbits",
    ".p2align 3",
    "mimalloc_rs_cxx_personality:",
    ".quad __gxx_personality_v0",
    ".popsection",
);

unsafe extern "C" {
    /// Calls the handler, and tells whether it returned instead of throwing.
    fn mimalloc_rs_call_and_catch(handler: Handler) -> bool;
}

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
                Ending::Null if mimalloc_rs_call_and_catch(handler) => {}
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
