//! Functions named after those of POSIX, BSD and Windows.

use core::ffi::{c_char, c_int};
use core::ptr;

use libc::wchar_t;
use mi::MiMalloc;
use mi::raw::{self, ThreadHeap};

use crate::basic::copy_string;
use crate::errno;
use crate::place::Place;
use crate::told::tell;

/// The system's page size.
fn page_size() -> usize {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Whether POSIX lets `posix_memalign` refuse this alignment.
fn is_bad_alignment(align: usize) -> bool {
    !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut u8>())
}

/// # Safety
/// `result` is null or valid for writing.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn mi_posix_memalign(result: *mut *mut u8, align: usize, size: usize) -> c_int {
    if result.is_null() || is_bad_alignment(align) {
        return libc::EINVAL;
    }
    let block = ThreadHeap::current().malloc_aligned_at(size, align, 0);
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: C callers pass null or room for a pointer.
    unsafe { result.write(block) };
    0
}

family! { mi_memalign: (on, align: usize, size: usize) { on.malloc_aligned_at(size, align, 0) } }
family! { mi_aligned_alloc: (on, align: usize, size: usize) { on.malloc_aligned_at(size, align, 0) } }
family! { mi_valloc: (on, size: usize) { page_aligned(on, size) } }
family! { mi_pvalloc: (on, size: usize) { whole_pages(on, size) } }

pub(crate) fn page_aligned(on: Place, size: usize) -> *mut u8 {
    on.malloc_aligned_at(size, page_size(), 0)
}

pub(crate) fn whole_pages(on: Place, size: usize) -> *mut u8 {
    let page = page_size();
    match size.checked_next_multiple_of(page) {
        Some(size) => on.malloc_aligned_at(size, page, 0),
        None => ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_cfree(p: *mut u8) {
    if MiMalloc.owns(p) {
        // SAFETY: C callers give up the block.
        unsafe { raw::free(p) }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_reallocarray(p: *mut u8, count: usize, size: usize) -> *mut u8 {
    let Some(total) = count.checked_mul(size) else {
        errno::set(libc::EOVERFLOW);
        return ptr::null_mut();
    };
    // SAFETY: C callers pass null or a live block, and give it up for the result.
    errno::or_no_memory(unsafe { ThreadHeap::current().realloc(p, total) })
}

/// # Safety
/// `place` is null or holds null or a live block.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn mi_reallocarr(place: *mut *mut u8, count: usize, size: usize) -> c_int {
    // SAFETY: C callers pass null or the place of a pointer to a block, which is given up for what replaces it.
    let code = unsafe { reallocate_at(place, count, size) };
    if code != 0 {
        errno::set(code);
    }
    code
}

/// # Safety
/// As for [`mi_reallocarr`]. The place need not be aligned.
unsafe fn reallocate_at(place: *mut *mut u8, count: usize, size: usize) -> c_int {
    if place.is_null() || size == 0 {
        return libc::EINVAL;
    }
    let Some(total) = count.checked_mul(size) else { return libc::EOVERFLOW };
    // SAFETY: the caller vouches for the place and the block.
    unsafe {
        let p = place.read_unaligned();
        let block = if total == 0 {
            raw::free(p);
            ptr::null_mut()
        } else {
            let block = ThreadHeap::current().realloc(p, total);
            if block.is_null() {
                return libc::ENOMEM;
            }
            block
        };
        place.write_unaligned(block);
    }
    0
}

freeing! {
    mi_free_size(size);
    mi_free_size_aligned(size, align);
    mi_free_aligned(align);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi__expand(p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: C callers pass null or a live block.
    errno::or_no_memory(unsafe { raw::expand(p, size) })
}

family! {
    mi_wcsdup: (on, string: *const wchar_t) {
        if string.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: C callers pass null or a wide string, which has its zero.
        unsafe {
            let bytes = (libc::wcslen(string) + 1) * size_of::<wchar_t>();
            let copy = on.malloc(bytes);
            if !copy.is_null() {
                copy.copy_from_nonoverlapping(string.cast(), bytes);
            }
            copy
        }
    }
}
family! {
    mi_mbsdup: (on, string: *const c_char) {
        // SAFETY: C callers pass null or a string.
        unsafe { copy_string(on, string, || libc::strlen(string)) }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_dupenv_s(buffer: *mut *mut c_char, size: *mut usize, name: *const c_char) -> c_int {
    if buffer.is_null() || name.is_null() {
        return libc::EINVAL;
    }
    // SAFETY: C callers pass a string, room for a pointer, and null or room for a size. The variable's value is a
    // string until the environment changes, which C leaves to the program to exclude.
    unsafe {
        buffer.write(ptr::null_mut());
        tell(size, 0);
        let value = libc::getenv(name);
        if value.is_null() {
            return 0;
        }
        let len = libc::strlen(value);
        let copy = copy_string(Place::current(), value, || len);
        if copy.is_null() {
            return libc::ENOMEM;
        }
        buffer.write(copy.cast());
        tell(size, len);
    }
    0
}

/// The environment has no wide strings.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_wdupenv_s(
    buffer: *mut *mut wchar_t,
    size: *mut usize,
    name: *const wchar_t,
) -> c_int {
    let _ = name;
    // SAFETY: C callers pass null or room for a pointer, and null or room for a size.
    unsafe {
        tell(buffer, ptr::null_mut());
        tell(size, 0);
    }
    libc::EINVAL
}
