//! C's own names, and those that glibc has for the same functions, for programs that call these. Unlike their namesakes with a
//! prefix they set `errno` as POSIX asks.
//!
//! The C library's functions that allocate by these, as `strdup` and `reallocarray` do, stay what they are: they call `malloc` by
//! its name, so a program that brings one of its own gets their blocks from there.

use core::arch::global_asm;
use core::ffi::c_int;
use core::ptr;

use mi::Heap;
use mi::raw::{self, ThreadHeap};

use crate::basic::{self, realloc_or_free};
use crate::errno::{self, or_no_memory};
use crate::family::product;
use crate::place::Place;
use crate::posix;

// The fast path of the function that is called most is a cache line long, and lies in one.
global_asm!(".pushsection .text.mimalloc_rs_malloc,\"ax\",@progbits", ".p2align 6", ".popsection");

#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.mimalloc_rs_malloc")]
extern "C" fn malloc(size: usize) -> *mut u8 {
    basic::malloc(size, malloc_or_no_memory)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_malloc(size: usize) -> *mut u8 {
    basic::malloc(size, malloc_or_no_memory)
}

/// `malloc` when no block is at hand.
#[cold]
#[inline(never)]
extern "C" fn malloc_or_no_memory(size: usize) -> *mut u8 {
    or_no_memory(ThreadHeap::current().malloc(size))
}

/// Defines functions under C's name and under glibc's.
macro_rules! named_twice {
    ($($(#[$doc:meta])* $name:ident, $inner:ident: ($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result $body

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $inner($($argument: $type),*) -> $result $body
    )*};
}

named_twice! {
    calloc, __libc_calloc: (count: usize, size: usize) -> *mut u8 {
        or_no_memory(product(count, size, |size| ThreadHeap::current().zalloc(size)))
    }
    realloc, __libc_realloc: (p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: C callers pass null or a live block, and give it up for the result, here and below.
        or_no_block_or_memory(unsafe { ThreadHeap::current().realloc(p, size) }, p)
    }
    /// The C library rounds an alignment up to a power of two, and programs rely on it.
    memalign, __libc_memalign: (align: usize, size: usize) -> *mut u8 {
        aligned(align.checked_next_power_of_two().unwrap_or(0), size)
    }
    posix_memalign, __posix_memalign: (result: *mut *mut u8, align: usize, size: usize) -> c_int {
        // SAFETY: C callers pass null or room for a pointer. The code is returned, `errno` stays.
        unsafe { posix::mi_posix_memalign(result, align, size) }
    }
    valloc, __libc_valloc: (size: usize) -> *mut u8 {
        or_no_memory(posix::page_aligned(Place::current(), size))
    }
    pvalloc, __libc_pvalloc: (size: usize) -> *mut u8 {
        or_no_memory(posix::whole_pages(Place::current(), size))
    }
}

/// The block that `p` was moved to; without one `errno` says whether there is no memory, or was no block.
#[inline(always)]
fn or_no_block_or_memory(block: *mut u8, p: *const u8) -> *mut u8 {
    if block.is_null() {
        errno::set(if p.is_null() || Heap::of(p).is_some() { libc::ENOMEM } else { libc::EINVAL });
    }
    block
}

#[unsafe(no_mangle)]
unsafe extern "C" fn reallocf(p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: as for `realloc`.
    or_no_memory(unsafe { realloc_or_free(Place::current(), p, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn reallocarr(place: *mut *mut u8, count: usize, size: usize) -> c_int {
    // SAFETY: C callers pass null or the place of a pointer to a block.
    unsafe { posix::mi_reallocarr(place, count, size) }
}

freeing! {
    free();
    __libc_free();
    cfree();
    __libc_cfree();
    vfree();
    free_sized(size);
    free_aligned_sized(align, size);
}

/// An aligned block; an alignment that is no power of two is told apart in `errno`.
fn aligned(align: usize, size: usize) -> *mut u8 {
    if !align.is_power_of_two() {
        errno::set(libc::EINVAL);
        return ptr::null_mut();
    }
    or_no_memory(ThreadHeap::current().malloc_aligned_at(size, align, 0))
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut u8 {
    aligned(align, size)
}

/// Windows' order of arguments.
#[unsafe(no_mangle)]
extern "C" fn _aligned_malloc(size: usize, align: usize) -> *mut u8 {
    aligned(align, size)
}

/// Defines functions that tell the usable size of a block.
macro_rules! measuring {
    ($($name:ident)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(p: *const u8) -> usize {
            // SAFETY: C callers pass null or a live block.
            unsafe { raw::usable_size(p) }
        }
    )*};
}

measuring! { malloc_usable_size malloc_size }

#[unsafe(no_mangle)]
extern "C" fn malloc_good_size(size: usize) -> usize {
    mi::good_size(size)
}
