//! Reallocation of zeroed blocks.

use crate::family::product;

family! {
    mi_rezalloc, mi_heap_rezalloc: (on, p: *mut u8, size: usize) {
        // SAFETY: C callers pass null or a live block, and give it up for the result, here and below.
        unsafe { on.rezalloc(p, size) }
    }
}
family! {
    mi_recalloc, mi_heap_recalloc: (on, p: *mut u8, count: usize, size: usize) {
        // SAFETY: as for `mi_rezalloc`.
        product(count, size, |size| unsafe { on.rezalloc(p, size) })
    }
}
family! {
    mi_rezalloc_aligned, mi_heap_rezalloc_aligned: (on, p: *mut u8, size: usize, align: usize) {
        // SAFETY: as for `mi_rezalloc`.
        unsafe { on.rezalloc_aligned_at(p, size, align, 0) }
    }
}
family! {
    mi_rezalloc_aligned_at, mi_heap_rezalloc_aligned_at:
    (on, p: *mut u8, size: usize, align: usize, offset: usize) {
        // SAFETY: as for `mi_rezalloc`.
        unsafe { on.rezalloc_aligned_at(p, size, align, offset) }
    }
}
family! {
    mi_recalloc_aligned, mi_heap_recalloc_aligned: (on, p: *mut u8, count: usize, size: usize, align: usize) {
        // SAFETY: as for `mi_rezalloc`.
        product(count, size, |size| unsafe { on.rezalloc_aligned_at(p, size, align, 0) })
    }
}
family! {
    mi_recalloc_aligned_at, mi_heap_recalloc_aligned_at:
    (on, p: *mut u8, count: usize, size: usize, align: usize, offset: usize) {
        // SAFETY: as for `mi_rezalloc`.
        product(count, size, |size| unsafe { on.rezalloc_aligned_at(p, size, align, offset) })
    }
}
family! {
    mi_aligned_recalloc: (on, p: *mut u8, count: usize, size: usize, align: usize) {
        // SAFETY: as for `mi_rezalloc`.
        product(count, size, |size| unsafe { on.rezalloc_aligned_at(p, size, align, 0) })
    }
}
family! {
    mi_aligned_offset_recalloc: (on, p: *mut u8, count: usize, size: usize, align: usize, offset: usize) {
        // SAFETY: as for `mi_rezalloc`.
        product(count, size, |size| unsafe { on.rezalloc_aligned_at(p, size, align, offset) })
    }
}
