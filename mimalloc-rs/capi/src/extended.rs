//! Small sizes, usable sizes, and the functions that tell them.

use mi::raw;

use crate::family::product;
use crate::told::tell;

family! { mi_malloc_small, mi_heap_malloc_small, mi_theap_malloc_small: (on, size: usize) { on.malloc(size) } }
family! { mi_zalloc_small, mi_heap_zalloc_small, mi_theap_zalloc_small: (on, size: usize) { on.zalloc(size) } }

freeing! { mi_free_small(); }

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_usable_size(p: *const u8) -> usize {
    // SAFETY: C callers pass null or a live block.
    unsafe { raw::usable_size(p) }
}

#[unsafe(no_mangle)]
extern "C" fn mi_good_size(size: usize) -> usize {
    mi::good_size(size)
}

/// The block, after telling its usable size.
///
/// # Safety
/// `block` is null or a live block, `place` as for [`tell`].
unsafe fn telling(block: *mut u8, place: *mut usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe { tell(place, raw::usable_size(block)) };
    block
}

family! {
    mi_umalloc, mi_heap_umalloc: (on, size: usize, block_size: *mut usize) {
        // SAFETY: the block is fresh; C callers pass null or room for a size, here and below.
        unsafe { telling(on.malloc(size), block_size) }
    }
}
family! {
    mi_uzalloc: (on, size: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(on.zalloc(size), block_size) }
    }
}
family! {
    mi_ucalloc: (on, count: usize, size: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(product(count, size, |size| on.zalloc(size)), block_size) }
    }
}
family! {
    mi_umalloc_small: (on, size: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(on.malloc(size), block_size) }
    }
}
family! {
    mi_uzalloc_small: (on, size: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(on.zalloc(size), block_size) }
    }
}
family! {
    mi_umalloc_aligned: (on, size: usize, align: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(on.malloc_aligned_at(size, align, 0), block_size) }
    }
}
family! {
    mi_uzalloc_aligned: (on, size: usize, align: usize, block_size: *mut usize) {
        // SAFETY: as for `mi_umalloc`.
        unsafe { telling(on.zalloc_aligned_at(size, align, 0), block_size) }
    }
}
family! {
    mi_urealloc: (on, p: *mut u8, size: usize, before: *mut usize, after: *mut usize) {
        // SAFETY: C callers pass null or a live block, and give it up for the result.
        unsafe {
            tell(before, raw::usable_size(p));
            telling(on.realloc(p, size), after)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_ufree(p: *mut u8, block_size: *mut usize) {
    // SAFETY: C callers pass null or a live block, and give it up.
    unsafe {
        tell(block_size, raw::usable_size(p));
        raw::free(p);
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_is_redirected() -> bool {
    false
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_malloc_size(p: *const u8) -> usize {
    // SAFETY: C callers pass null, a live block, or a pointer that has nothing to do with us.
    unsafe { raw::usable_size(p) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_malloc_usable_size(p: *const u8) -> usize {
    // SAFETY: as for `mi_malloc_size`.
    unsafe { raw::usable_size(p) }
}

#[unsafe(no_mangle)]
extern "C" fn mi_malloc_good_size(size: usize) -> usize {
    mi::good_size(size)
}
