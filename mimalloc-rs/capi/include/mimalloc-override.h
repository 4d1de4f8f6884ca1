/* mimalloc-override.h: includes mimalloc.h, and turns the names of other C libraries into ours by macro. For programs
 * that use the library without its overriding symbols; include it after the system's headers. */
#ifndef MIMALLOC_OVERRIDE_H
#define MIMALLOC_OVERRIDE_H

#include "mimalloc.h"

/* C and POSIX */
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef strdup
#undef strndup
#undef realpath
#define malloc(n) mi_malloc(n)
#define calloc(c, n) mi_calloc(c, n)
#define realloc(p, n) mi_realloc(p, n)
#define free(p) mi_free(p)
#define strdup(s) mi_strdup(s)
#define strndup(s, n) mi_strndup(s, n)
#define realpath(f, n) mi_realpath(f, n)

/* BSD and Unix */
#undef reallocf
#undef malloc_size
#undef malloc_usable_size
#undef malloc_good_size
#undef cfree
#undef valloc
#undef pvalloc
#undef reallocarray
#undef reallocarr
#undef memalign
#undef aligned_alloc
#undef posix_memalign
#undef _posix_memalign
#define reallocf(p, n) mi_reallocf(p, n)
#define malloc_size(p) mi_usable_size(p)
#define malloc_usable_size(p) mi_usable_size(p)
#define malloc_good_size(n) mi_malloc_good_size(n)
#define cfree(p) mi_free(p)
#define valloc(n) mi_valloc(n)
#define pvalloc(n) mi_pvalloc(n)
#define reallocarray(p, c, n) mi_reallocarray(p, c, n)
#define reallocarr(p, c, n) mi_reallocarr(p, c, n)
#define memalign(a, n) mi_memalign(a, n)
#define aligned_alloc(a, n) mi_aligned_alloc(a, n)
#define posix_memalign(p, a, n) mi_posix_memalign(p, a, n)
#define _posix_memalign(p, a, n) mi_posix_memalign(p, a, n)

/* Windows */
#undef _expand
#undef _msize
#undef _recalloc
#undef _strdup
#undef _strndup
#undef _wcsdup
#undef _mbsdup
#undef _dupenv_s
#undef _wdupenv_s
#define _expand(p, n) mi_expand(p, n)
#define _msize(p) mi_usable_size(p)
#define _recalloc(p, c, n) mi_recalloc(p, c, n)
#define _strdup(s) mi_strdup(s)
#define _strndup(s, n) mi_strndup(s, n)
#define _wcsdup(s) mi_wcsdup(s)
#define _mbsdup(s) mi_mbsdup(s)
#define _dupenv_s(b, n, v) mi_dupenv_s(b, n, v)
#define _wdupenv_s(b, n, v) mi_wdupenv_s(b, n, v)
#undef _aligned_malloc
#undef _aligned_realloc
#undef _aligned_recalloc
#undef _aligned_msize
#undef _aligned_free
#undef _aligned_offset_malloc
#undef _aligned_offset_realloc
#undef _aligned_offset_recalloc
#define _aligned_malloc(n, a) mi_malloc_aligned(n, a)
#define _aligned_realloc(p, n, a) mi_realloc_aligned(p, n, a)
#define _aligned_recalloc(p, c, n, a) mi_aligned_recalloc(p, c, n, a)
#define _aligned_msize(p, a, o) mi_usable_size(p)
#define _aligned_free(p) mi_free(p)
#define _aligned_offset_malloc(n, a, o) mi_malloc_aligned_at(n, a, o)
#define _aligned_offset_realloc(p, n, a, o) mi_realloc_aligned_at(p, n, a, o)
#define _aligned_offset_recalloc(p, c, n, a, o) mi_aligned_offset_recalloc(p, c, n, a, o)

#endif
