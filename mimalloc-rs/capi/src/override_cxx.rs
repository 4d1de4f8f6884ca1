//! C++'s replaceable operators, by their mangled names on 64-bit systems.
//!
//! A program may replace some of them. So those that C++ defines by another go there by its name, as the loader binds it.

use core::arch::{global_asm, naked_asm};
use core::ffi::c_void;

use crate::cxx::{Ending, new, new_aligned, new_or_null, new_or_throw, replaced_or_null};

#[unsafe(no_mangle)]
extern "C-unwind" fn _Znwm(size: usize) -> *mut u8 {
    new(size, new_or_throw)
}

#[unsafe(no_mangle)]
extern "C-unwind" fn _ZnwmSt11align_val_t(size: usize, align: usize) -> *mut u8 {
    new_aligned(Ending::Throw, size, align)
}

freeing! {
    _ZdlPv();
    _ZdlPvSt11align_val_t(align);
}

/// Operators that do what another does, told no more than that one, after an instruction that may drop an argument.
macro_rules! same_as {
    ($($name:ident = $other:ident $(after $drop:literal)?;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $name() {
            naked_asm!($($drop,)? concat!("jmp qword ptr [rip + ", stringify!($other), "@GOTPCREL]"))
        }
    )*};
}

same_as! {
    _Znam = _Znwm;
    _ZnamSt11align_val_t = _ZnwmSt11align_val_t;
    _ZdlPvm = _ZdlPv;
    _ZdlPvRKSt9nothrow_t = _ZdlPv;
    _ZdaPv = _ZdlPv;
    _ZdaPvm = _ZdaPv;
    _ZdaPvRKSt9nothrow_t = _ZdaPv;
    _ZdlPvmSt11align_val_t = _ZdlPvSt11align_val_t after "mov rsi, rdx";
    _ZdlPvSt11align_val_tRKSt9nothrow_t = _ZdlPvSt11align_val_t;
    _ZdaPvSt11align_val_t = _ZdlPvSt11align_val_t;
    _ZdaPvmSt11align_val_t = _ZdaPvSt11align_val_t after "mov rsi, rdx";
    _ZdaPvSt11align_val_tRKSt9nothrow_t = _ZdaPvSt11align_val_t;
}

// Ours under names that nobody else can define, and those that the loader binds.
global_asm!(
    ".macro mimalloc_rs_operator name",
    ".globl mimalloc_rs_own\\name",
    ".hidden mimalloc_rs_own\\name",
    ".set mimalloc_rs_own\\name, \\name",
    ".quad \\name, mimalloc_rs_own\\name",
    ".endm",
    ".pushsection .data.rel.ro.mimalloc_rs_operators,\"aw\",@progbits",
    ".p2align 3",
    ".globl mimalloc_rs_operators",
    ".hidden mimalloc_rs_operators",
    ".type mimalloc_rs_operators,@object",
    "mimalloc_rs_operators:",
    "mimalloc_rs_operator _Znwm",
    "mimalloc_rs_operator _Znam",
    "mimalloc_rs_operator _ZnwmSt11align_val_t",
    "mimalloc_rs_operator _ZnamSt11align_val_t",
    ".size mimalloc_rs_operators, . - mimalloc_rs_operators",
    ".popsection",
    ".purgem mimalloc_rs_operator",
);

/// An operator that throws.
#[repr(C)]
struct Operator {
    bound: *const c_void,
    ours: *const c_void,
}

#[repr(C)]
struct Operators {
    new: Operator,
    new_array: Operator,
    new_aligned: Operator,
    new_array_aligned: Operator,
}

// SAFETY: addresses of functions, which are as good in every thread.
unsafe impl Sync for Operators {}

unsafe extern "C" {
    static mimalloc_rs_operators: Operators;
}

fn operators() -> &'static Operators {
    // SAFETY: it is defined above as it is declared, and only the loader writes to it, before any of this runs.
    unsafe { &mimalloc_rs_operators }
}

impl Operator {
    /// The program's own, unless it leaves this one to us.
    #[inline(always)]
    fn replaced(&self) -> Option<*const c_void> {
        (self.bound != self.ours).then_some(self.bound)
    }
}

/// `operator new` that gives null where that of `operators` throws.
#[inline(always)]
fn nothrow_new(size: usize, operators: &[&Operator]) -> *mut u8 {
    match operators.iter().find_map(|operator| operator.replaced()) {
        // SAFETY: it is one that takes a size.
        Some(operator) => unsafe { replaced_or_null(operator, size, 0) },
        None => new(size, new_or_null),
    }
}

/// The same of aligned blocks.
#[inline(always)]
fn nothrow_new_aligned(size: usize, align: usize, operators: &[&Operator]) -> *mut u8 {
    match operators.iter().find_map(|operator| operator.replaced()) {
        // SAFETY: it is one that takes a size and an alignment.
        Some(operator) => unsafe { replaced_or_null(operator, size, align) },
        None => new_aligned(Ending::Null, size, align),
    }
}

#[unsafe(no_mangle)]
extern "C-unwind" fn _ZnwmRKSt9nothrow_t(size: usize, nothrow: *const u8) -> *mut u8 {
    let _ = nothrow;
    nothrow_new(size, &[&operators().new])
}

// An array goes by the program's operator for single objects if that for arrays is ours.

#[unsafe(no_mangle)]
extern "C-unwind" fn _ZnamRKSt9nothrow_t(size: usize, nothrow: *const u8) -> *mut u8 {
    let _ = nothrow;
    nothrow_new(size, &[&operators().new_array, &operators().new])
}

#[unsafe(no_mangle)]
extern "C-unwind" fn _ZnwmSt11align_val_tRKSt9nothrow_t(
    size: usize,
    align: usize,
    nothrow: *const u8,
) -> *mut u8 {
    let _ = nothrow;
    nothrow_new_aligned(size, align, &[&operators().new_aligned])
}

#[unsafe(no_mangle)]
extern "C-unwind" fn _ZnamSt11align_val_tRKSt9nothrow_t(
    size: usize,
    align: usize,
    nothrow: *const u8,
) -> *mut u8 {
    let _ = nothrow;
    nothrow_new_aligned(size, align, &[&operators().new_array_aligned, &operators().new_aligned])
}
