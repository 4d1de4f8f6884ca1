//! Allocation, reallocation, strings.

use core::ffi::c_char;
use core::ptr;

use mi::raw;
use mi::raw::ThreadHeap;

use crate::errno;
use crate::family::product;
use crate::place::Place;

/// A block of `size` bytes, which `slow` finds if none is at hand. The way there is a jump, not a call.
#[inline(always)]
pub(crate) fn malloc(size: usize, slow: extern "C" fn(usize) -> *mut u8) -> *mut u8 {
    let block = ThreadHeap::current().malloc_at_hand(size);
    if block.is_null() { slow(size) } else { block }
}

#[unsafe(no_mangle)]
extern "C" fn mi_malloc(size: usize) -> *mut u8 {
    malloc(size, malloc_slowly)
}

#[cold]
#[inline(never)]
extern "C" fn malloc_slowly(size: usize) -> *mut u8 {
    ThreadHeap::current().malloc(size)
}

family! { heap mi_heap_malloc, theap mi_theap_malloc: (on, size: usize) { on.malloc(size) } }
family! { mi_zalloc, mi_heap_zalloc, mi_theap_zalloc: (on, size: usize) { on.zalloc(size) } }
family! {
    mi_calloc, mi_heap_calloc, mi_theap_calloc: (on, count: usize, size: usize) {
        product(count, size, |size| on.zalloc(size))
    }
}
family! {
    mi_mallocn, mi_heap_mallocn: (on, count: usize, size: usize) { product(count, size, |size| on.malloc(size)) }
}
family! {
    mi_realloc, mi_heap_realloc, mi_theap_realloc: (on, p: *mut u8, size: usize) {
        // SAFETY: C callers pass null or a live block, and give it up for the result.
        unsafe { on.realloc(p, size) }
    }
}
family! {
    mi_reallocn, mi_heap_reallocn: (on, p: *mut u8, count: usize, size: usize) {
        // SAFETY: as for `mi_realloc`.
        product(count, size, |size| unsafe { on.realloc(p, size) })
    }
}
family! {
    mi_reallocf, mi_heap_reallocf: (on, p: *mut u8, size: usize) {
        // SAFETY: as for `mi_realloc`.
        unsafe { realloc_or_free(on, p, size) }
    }
}
family! {
    mi_strdup, mi_heap_strdup: (on, string: *const c_char) {
        // SAFETY: C callers pass null or a string.
        unsafe { copy_string(on, string, || libc::strlen(string)) }
    }
}
family! {
    mi_strndup, mi_heap_strndup: (on, string: *const c_char, limit: usize) {
        // SAFETY: C callers pass null or at least `limit` bytes, unless a zero comes before.
        unsafe { copy_string(on, string, || libc::strnlen(string, limit)) }
    }
}
family! {
    mi_realpath, mi_heap_realpath: (on, path: *const c_char, resolved: *mut c_char) {
        // SAFETY: C callers pass a string, and null or room for a path.
        unsafe { resolve(on, path, resolved) }
    }
}

freeing! { mi_free(); }

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_expand(p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: C callers pass null or a live block.
    unsafe { raw::expand(p, size) }
}

/// # Safety
/// As for [`Place::realloc`]; the block is given up in any case.
pub(crate) unsafe fn realloc_or_free(on: Place, p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller gives up the block, which is still live if there is no result.
    unsafe {
        let block = on.realloc(p, size);
        if block.is_null() {
            raw::free(p);
        }
        block
    }
}

/// # Safety
/// `string` is null, or as long as `len` says.
pub(crate) unsafe fn copy_string(on: Place, string: *const c_char, len: impl FnOnce() -> usize) -> *mut u8 {
    if string.is_null() {
        return ptr::null_mut();
    }
    let len = len();
    let copy = on.malloc(len + 1);
    if !copy.is_null() {
        // SAFETY: the string has `len` bytes, and the fresh block one more.
        unsafe {
            copy.copy_from_nonoverlapping(string.cast(), len);
            copy.add(len).write(0);
        }
    }
    copy
}

/// # Safety
/// `path` is a string, `resolved` null or a buffer of `PATH_MAX` bytes.
unsafe fn resolve(on: Place, path: *const c_char, resolved: *mut c_char) -> *mut u8 {
    // SAFETY: the caller vouches for both, and the block of our own is large enough, and live until it is freed.
    unsafe {
        if !resolved.is_null() {
            return libc::realpath(path, resolved).cast();
        }
        let buffer = on.malloc(libc::PATH_MAX as usize);
        if buffer.is_null() {
            return errno::or_no_memory(buffer);
        }
        let found = libc::realpath(path, buffer.cast());
        let copy = copy_string(on, found, || libc::strlen(found));
        raw::free(buffer);
        if found.is_null() { copy } else { errno::or_no_memory(copy) }
    }
}
