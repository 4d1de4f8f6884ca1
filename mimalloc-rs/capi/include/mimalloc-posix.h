/* Part of mimalloc.h: functions named after those of POSIX, BSD, Windows and C++. */
#ifndef MIMALLOC_POSIX_H
#define MIMALLOC_POSIX_H
#ifndef MIMALLOC_H
#error "include mimalloc.h"
#endif

mi_decl_nodiscard mi_decl_export size_t mi_malloc_size(const void* p) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export size_t mi_malloc_good_size(size_t size) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export size_t mi_malloc_usable_size(const void* p) mi_attr_noexcept;

/* Returns 0, EINVAL or ENOMEM; leaves *p alone when it fails. */
mi_decl_export int mi_posix_memalign(void** p, size_t alignment, size_t size) mi_attr_noexcept;
mi_decl_alloc void* mi_memalign(size_t alignment, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2)
    mi_attr_alloc_align(1);
mi_decl_alloc void* mi_aligned_alloc(size_t alignment, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2) mi_attr_alloc_align(1);
/* Aligned to a page of the system; pvalloc rounds the size up to whole pages as well. */
mi_decl_alloc void* mi_valloc(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_pvalloc(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
/* Ignores a pointer that is not in the allocator's memory. */
mi_decl_export void mi_cfree(void* p) mi_attr_noexcept;
/* Sets errno: EOVERFLOW for too large a product, ENOMEM without memory. */
mi_decl_alloc void* mi_reallocarray(void* p, size_t count, size_t size) mi_attr_noexcept mi_attr_alloc_size2(2, 3);
/* Takes the address of the pointer to resize. Returns, and sets errno to, 0, EINVAL, EOVERFLOW or ENOMEM; the pointer
 * changes on success only. A count of 0 frees and stores NULL. */
mi_decl_export int mi_reallocarr(void* p, size_t count, size_t size) mi_attr_noexcept;
mi_decl_alloc void* mi_aligned_recalloc(void* p, size_t newcount, size_t size, size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);
mi_decl_alloc void* mi_aligned_offset_recalloc(void* p, size_t newcount, size_t size, size_t alignment, size_t offset)
    mi_attr_noexcept mi_attr_alloc_size2(2, 3);
/* As mi_free. Size and alignment are those the block was asked for with. */
mi_decl_export void mi_free_size(void* p, size_t size) mi_attr_noexcept;
mi_decl_export void mi_free_size_aligned(void* p, size_t size, size_t alignment) mi_attr_noexcept;
mi_decl_export void mi_free_aligned(void* p, size_t alignment) mi_attr_noexcept;
/* As mi_expand; sets errno to ENOMEM when it fails. */
mi_decl_alloc void* mi__expand(void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(2);

mi_decl_alloc wchar_t* mi_wcsdup(const wchar_t* s) mi_attr_noexcept mi_attr_malloc;
mi_decl_alloc unsigned char* mi_mbsdup(const unsigned char* s) mi_attr_noexcept mi_attr_malloc;
/* A copy of an environment variable; NULL and size 0 if it is not set. Returns 0, EINVAL or ENOMEM. */
mi_decl_export int mi_dupenv_s(char** buf, size_t* size, const char* name) mi_attr_noexcept;
/* For Windows; EINVAL here, with NULL and size 0. */
mi_decl_export int mi_wdupenv_s(wchar_t** buf, size_t* size, const wchar_t* name) mi_attr_noexcept;

/* As C++ new: without memory the installed new-handler is called until there is some. Without a handler std::bad_alloc
 * is thrown if the program has the C++ library, and the process aborted if it has not; the nothrow ones give NULL. */
mi_decl_alloc void* mi_new(size_t size) mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_new_aligned(size_t size, size_t alignment) mi_attr_malloc mi_attr_alloc_size(1)
    mi_attr_alloc_align(2);
mi_decl_alloc void* mi_new_nothrow(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_new_aligned_nothrow(size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1) mi_attr_alloc_align(2);
mi_decl_alloc void* mi_new_n(size_t count, size_t size) mi_attr_malloc mi_attr_alloc_size2(1, 2);
mi_decl_alloc void* mi_new_realloc(void* p, size_t newsize) mi_attr_alloc_size(2);
mi_decl_alloc void* mi_new_reallocn(void* p, size_t newcount, size_t size) mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_heap_alloc_new(mi_heap_t* heap, size_t size) mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_alloc_new_n(mi_heap_t* heap, size_t count, size_t size) mi_attr_malloc
    mi_attr_alloc_size2(2, 3);
/* nothrow chooses between the two endings. */
mi_decl_alloc void* mi_heap_try_new(mi_heap_t* heap, size_t size, bool nothrow) mi_attr_malloc mi_attr_alloc_size(2);

#endif
