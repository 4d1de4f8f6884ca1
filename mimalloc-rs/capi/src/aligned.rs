//! Aligned allocation: the size comes before the alignment.

use crate::family::product;

family! {
    mi_malloc_aligned, mi_heap_malloc_aligned, mi_theap_malloc_aligned: (on, size: usize, align: usize) {
        on.malloc_aligned_at(size, align, 0)
    }
}
family! {
    mi_malloc_aligned_at, mi_heap_malloc_aligned_at: (on, size: usize, align: usize, offset: usize) {
        on.malloc_aligned_at(size, align, offset)
    }
}
family! {
    mi_zalloc_aligned, mi_heap_zalloc_aligned: (on, size: usize, align: usize) {
        on.zalloc_aligned_at(size, align, 0)
    }
}
family! {
    mi_zalloc_aligned_at, mi_heap_zalloc_aligned_at: (on, size: usize, align: usize, offset: usize) {
        on.zalloc_aligned_at(size, align, offset)
    }
}
family! {
    mi_calloc_aligned, mi_heap_calloc_aligned: (on, count: usize, size: usize, align: usize) {
        product(count, size, |size| on.zalloc_aligned_at(size, align, 0))
    }
}
family! {
    mi_calloc_aligned_at, mi_heap_calloc_aligned_at:
    (on, count: usize, size: usize, align: usize, offset: usize) {
        product(count, size, |size| on.zalloc_aligned_at(size, align, offset))
    }
}
family! {
    mi_realloc_aligned, mi_heap_realloc_aligned: (on, p: *mut u8, size: usize, align: usize) {
        // SAFETY: C callers pass null or a live block, and give it up for the result, here and below.
        unsafe { on.realloc_aligned_at(p, size, align, 0) }
    }
}
family! {
    mi_realloc_aligned_at, mi_heap_realloc_aligned_at:
    (on, p: *mut u8, size: usize, align: usize, offset: usize) {
        // SAFETY: as for `mi_realloc_aligned`.
        unsafe { on.realloc_aligned_at(p, size, align, offset) }
    }
}
