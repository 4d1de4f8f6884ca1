/* mimalloc.h: the C interface of mimalloc-rs.
 *
 * Everything mimalloc 1.0, 2.x and 3.x declare for Linux is here. Where the versions disagree, this header follows
 * version 3: heaps belong to the process and not to a thread, and the typed macros take the type first.
 * Names that exist in versions 1 and 2 only are kept at the end of their group.
 *
 * What holds for every function unless its line says otherwise:
 *  - Size 0 is a valid request: it gives a block of its own, different from NULL and from every other live block.
 *  - A failing allocation gives NULL. A failing reallocation leaves the old block as it was.
 *  - NULL can be freed, measured (0) and reallocated (a plain allocation).
 *  - Blocks may be freed, resized and measured by any thread.
 *  - Blocks of more than 8 bytes are aligned to 16, smaller ones to 8.
 *  - errno is left alone, except where a line names it.
 */
#ifndef MIMALLOC_H
#define MIMALLOC_H

/* The interface version: 10000 * major + 100 * minor + patch of the mimalloc release that this header corresponds to. */
#define MI_MALLOC_VERSION 30302

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus) && __cplusplus >= 201103L
#define mi_attr_noexcept noexcept
#elif defined(__cplusplus)
#define mi_attr_noexcept throw()
#else
#define mi_attr_noexcept
#endif

#if defined(__cplusplus) && __cplusplus >= 201703L
#define mi_decl_nodiscard [[nodiscard]]
#elif defined(__GNUC__)
#define mi_decl_nodiscard __attribute__((warn_unused_result))
#else
#define mi_decl_nodiscard
#endif

#if defined(__GNUC__)
#define mi_decl_export __attribute__((visibility("default")))
#define mi_attr_malloc __attribute__((malloc))
#define mi_attr_alloc_size(s) __attribute__((alloc_size(s)))
#define mi_attr_alloc_size2(s1, s2) __attribute__((alloc_size(s1, s2)))
#define mi_attr_alloc_align(p) __attribute__((alloc_align(p)))
#else
#define mi_decl_export
#define mi_attr_malloc
#define mi_attr_alloc_size(s)
#define mi_attr_alloc_size2(s1, s2)
#define mi_attr_alloc_align(p)
#endif

#define mi_cdecl
#define mi_decl_restrict

/* A function that returns fresh memory. */
#define mi_decl_alloc mi_decl_nodiscard mi_decl_export

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Basic allocation ---------------------------------------------------------------------------------------- */

mi_decl_alloc void* mi_malloc(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
/* All bytes zero. Too large a product gives NULL. */
mi_decl_alloc void* mi_calloc(size_t count, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);
mi_decl_alloc void* mi_zalloc(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
/* Stays in place when the new size fits and uses at least half of the block. Size 0 gives a fresh minimal block. A pointer
 * that does not lead into a block is reported (EINVAL) and gives NULL, here and wherever blocks are resized. */
mi_decl_alloc void* mi_realloc(void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(2);
/* p if its block has room for newsize or can be extended where it is, otherwise NULL; never moves. */
mi_decl_alloc void* mi_expand(void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(2);
/* Reallocations that zero what is added. The block must have been allocated zeroed. */
mi_decl_alloc void* mi_rezalloc(void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(2);
mi_decl_alloc void* mi_recalloc(void* p, size_t newcount, size_t size) mi_attr_noexcept mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_mallocn(size_t count, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(1, 2);
mi_decl_alloc void* mi_reallocn(void* p, size_t count, size_t size) mi_attr_noexcept mi_attr_alloc_size2(2, 3);
/* Frees p when it fails. */
mi_decl_alloc void* mi_reallocf(void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(2);
/* Never changes errno. A pointer that does not lead into a block is reported (EINVAL) and ignored; one into the middle of a
 * block is found in builds with the features debug or secure only. */
mi_decl_export void mi_free(void* p) mi_attr_noexcept;
/* Copies of strings; NULL gives NULL. */
mi_decl_alloc char* mi_strdup(const char* s) mi_attr_noexcept mi_attr_malloc;
mi_decl_alloc char* mi_strndup(const char* s, size_t n) mi_attr_noexcept mi_attr_malloc;
/* As realpath of the C library; a NULL buffer gives a block to be freed with mi_free. Sets errno. */
mi_decl_alloc char* mi_realpath(const char* fname, char* resolved_name) mi_attr_noexcept;

/* ---- More about sizes ---------------------------------------------------------------------------------------- */

#define MI_SMALL_WSIZE_MAX (128)
#define MI_SMALL_SIZE_MAX (MI_SMALL_WSIZE_MAX * sizeof(void*))

/* For sizes up to MI_SMALL_SIZE_MAX; larger ones are served here, too. */
mi_decl_alloc void* mi_malloc_small(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_zalloc_small(size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_export void mi_free_small(void* p) mi_attr_noexcept;

/* The bytes that may be used at p, at least what was asked for. */
mi_decl_nodiscard mi_decl_export size_t mi_usable_size(const void* p) mi_attr_noexcept;
/* The usable size a request of this size gets; in builds with the feature debug, the largest request that gets no larger
 * a block. */
mi_decl_nodiscard mi_decl_export size_t mi_good_size(size_t size) mi_attr_noexcept;

/* As their namesakes, telling usable sizes as well, each to a pointer that may be NULL. A failure tells 0. */
mi_decl_alloc void* mi_umalloc(size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_uzalloc(size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(1);
mi_decl_alloc void* mi_ucalloc(size_t count, size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(1, 2);
mi_decl_alloc void* mi_urealloc(void* p, size_t newsize, size_t* pre, size_t* post) mi_attr_noexcept
    mi_attr_alloc_size(2);
mi_decl_export void mi_ufree(void* p, size_t* block_size) mi_attr_noexcept;
mi_decl_alloc void* mi_umalloc_aligned(size_t size, size_t alignment, size_t* block_size) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);
mi_decl_alloc void* mi_uzalloc_aligned(size_t size, size_t alignment, size_t* block_size) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size(1) mi_attr_alloc_align(2);
mi_decl_alloc void* mi_umalloc_small(size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);
mi_decl_alloc void* mi_uzalloc_small(size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);

/* ---- Aligned allocation: the size comes before the alignment --------------------------------------------------- */

/* An alignment that is no power of two gives NULL. Only reallocation without an offset takes any up to 8, which every
 * block has. With `_at`, p + offset is aligned instead of p. */
mi_decl_alloc void* mi_malloc_aligned(size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1) mi_attr_alloc_align(2);
mi_decl_alloc void* mi_malloc_aligned_at(size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);
mi_decl_alloc void* mi_zalloc_aligned(size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1) mi_attr_alloc_align(2);
mi_decl_alloc void* mi_zalloc_aligned_at(size_t size, size_t alignment, size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(1);
mi_decl_alloc void* mi_calloc_aligned(size_t count, size_t size, size_t alignment) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(1, 2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_calloc_aligned_at(size_t count, size_t size, size_t alignment, size_t offset) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size2(1, 2);
mi_decl_alloc void* mi_realloc_aligned(void* p, size_t newsize, size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_realloc_aligned_at(void* p, size_t newsize, size_t alignment, size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_rezalloc_aligned(void* p, size_t newsize, size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_rezalloc_aligned_at(void* p, size_t newsize, size_t alignment, size_t offset) mi_attr_noexcept
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_recalloc_aligned(void* p, size_t newcount, size_t size, size_t alignment) mi_attr_noexcept
    mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);
mi_decl_alloc void* mi_recalloc_aligned_at(void* p, size_t newcount, size_t size, size_t alignment, size_t offset)
    mi_attr_noexcept mi_attr_alloc_size2(2, 3);

/* ---- Callbacks, collection, process and thread ----------------------------------------------------------------- */

/* Called now and then from allocation, and from every collection, so that a program can free what it put off.
 * heartbeat counts the calls of the thread; force asks to free everything. May allocate and free. NULL removes it. */
typedef void(mi_cdecl mi_deferred_free_fun)(bool force, unsigned long long heartbeat, void* arg);
mi_decl_export void mi_register_deferred_free(mi_deferred_free_fun* deferred_free, void* arg) mi_attr_noexcept;
/* Receives messages instead of standard error. NULL goes back to standard error. */
typedef void(mi_cdecl mi_output_fun)(const char* msg, void* arg);
mi_decl_export void mi_register_output(mi_output_fun* out, void* arg) mi_attr_noexcept;
/* Told of errors: EAGAIN (freed twice), EFAULT (memory overwritten), ENOMEM (no memory), EOVERFLOW (too large),
 * EINVAL (not a block). May run inside malloc and free. */
typedef void(mi_cdecl mi_error_fun)(int err, void* arg);
mi_decl_export void mi_register_error(mi_error_fun* fun, void* arg) mi_attr_noexcept;

/* Gives back what the calling thread keeps without need; with force, all free memory of the process. Another thread that
 * is giving memory back at this moment is asked to do the latter, and not waited for. */
mi_decl_export void mi_collect(bool force) mi_attr_noexcept;
/* Versions 1 and 2: abandon until the thread owns at most that much. Here a forced collection. */
mi_decl_export void mi_collect_reduce(size_t target_thread_owned) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export int mi_version(void) mi_attr_noexcept;
/* Any pointer may be NULL. Times in milliseconds, sizes in bytes. */
mi_decl_export void mi_process_info(size_t* elapsed_msecs, size_t* user_msecs, size_t* system_msecs,
                                    size_t* current_rss, size_t* peak_rss, size_t* current_commit,
                                    size_t* peak_commit, size_t* page_faults) mi_attr_noexcept;
mi_decl_export void mi_process_info_print(void) mi_attr_noexcept;
mi_decl_export void mi_process_info_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;
/* These four may be called any number of times, and need not be called: loading, exit and a thread's first
 * allocation and end do what they do. */
mi_decl_export void mi_process_init(void) mi_attr_noexcept;
mi_decl_export void mi_process_done(void) mi_attr_noexcept;
mi_decl_export void mi_thread_init(void) mi_attr_noexcept;
mi_decl_export void mi_thread_done(void) mi_attr_noexcept;
/* Says that the calling thread is one of a pool. Without effect here. */
mi_decl_export void mi_thread_set_in_threadpool(void) mi_attr_noexcept;

/* ---- Heaps, theaps, arenas, sub-processes ---------------------------------------------------------------------- */

#include "mimalloc-heap.h"

/* ---- Options --------------------------------------------------------------------------------------------------- */

#include "mimalloc-option.h"

/* ---- The names of other C libraries ---------------------------------------------------------------------------- */

#include "mimalloc-posix.h"

#ifdef __cplusplus
}
#endif

/* ---- Statistics ------------------------------------------------------------------------------------------------ */

#include "mimalloc-stats.h"

/* ---- Typed allocation ------------------------------------------------------------------------------------------ */

/* The type comes first in all of them, as in version 3; versions 1 and 2 have the block or the heap first in some. */
#define mi_malloc_tp(tp) ((tp*)mi_malloc(sizeof(tp)))
#define mi_zalloc_tp(tp) ((tp*)mi_zalloc(sizeof(tp)))
#define mi_calloc_tp(tp, n) ((tp*)mi_calloc(n, sizeof(tp)))
#define mi_mallocn_tp(tp, n) ((tp*)mi_mallocn(n, sizeof(tp)))
#define mi_reallocn_tp(tp, p, n) ((tp*)mi_reallocn(p, n, sizeof(tp)))
#define mi_recalloc_tp(tp, p, n) ((tp*)mi_recalloc(p, n, sizeof(tp)))
#define mi_heap_malloc_tp(tp, hp) ((tp*)mi_heap_malloc(hp, sizeof(tp)))
#define mi_heap_zalloc_tp(tp, hp) ((tp*)mi_heap_zalloc(hp, sizeof(tp)))
#define mi_heap_calloc_tp(tp, hp, n) ((tp*)mi_heap_calloc(hp, n, sizeof(tp)))
#define mi_heap_mallocn_tp(tp, hp, n) ((tp*)mi_heap_mallocn(hp, n, sizeof(tp)))
#define mi_heap_reallocn_tp(tp, hp, p, n) ((tp*)mi_heap_reallocn(hp, p, n, sizeof(tp)))
#define mi_heap_recalloc_tp(tp, hp, p, n) ((tp*)mi_heap_recalloc(hp, p, n, sizeof(tp)))

#if defined(__cplusplus) && __cplusplus >= 201103L
#include "mimalloc-stl.h"
#endif

#endif
