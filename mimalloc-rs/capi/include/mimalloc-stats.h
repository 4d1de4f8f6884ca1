/* mimalloc-stats.h: statistics as numbers, as JSON and as text. Included by mimalloc.h.
 *
 * Fields that describe nothing in this library stay zero.
 */
#ifndef MIMALLOC_STATS_H
#define MIMALLOC_STATS_H

#include <string.h>

#include "mimalloc.h"

#define MI_STAT_VERSION 5
#define MI_BIN_HUGE 73
#define MI_CBIN_COUNT 6

typedef struct mi_stat_count_s {
  int64_t total;
  int64_t peak;
  int64_t current;
} mi_stat_count_t;

typedef struct mi_stat_counter_s {
  int64_t total;
} mi_stat_counter_t;

/* How arenas group what they hand out. */
typedef enum mi_chunkbin_e {
  MI_CBIN_SMALL,
  MI_CBIN_OTHER,
  MI_CBIN_MEDIUM,
  MI_CBIN_LARGE,
  MI_CBIN_HUGE,
  MI_CBIN_NONE
} mi_chunkbin_t;

typedef struct mi_stats_s {
  size_t size;    /* the caller sets it to sizeof(mi_stats_t) */
  size_t version; /* and this to MI_STAT_VERSION */

  /* Counts rise and fall, counters only rise. The order is that of mimalloc 3.3.2. */
  mi_stat_count_t pages;
  mi_stat_count_t reserved;
  mi_stat_count_t committed;
  mi_stat_counter_t reset;
  mi_stat_counter_t purged;
  mi_stat_count_t page_committed;
  mi_stat_count_t pages_abandoned;
  mi_stat_count_t threads;
  mi_stat_count_t malloc_normal;
  mi_stat_count_t malloc_huge;
  mi_stat_count_t malloc_requested;
  mi_stat_counter_t mmap_calls;
  mi_stat_counter_t commit_calls;
  mi_stat_counter_t reset_calls;
  mi_stat_counter_t purge_calls;
  mi_stat_counter_t arena_count;
  mi_stat_counter_t malloc_normal_count;
  mi_stat_counter_t malloc_huge_count;
  mi_stat_counter_t malloc_guarded_count;
  mi_stat_counter_t arena_rollback_count;
  mi_stat_counter_t arena_purges;
  mi_stat_counter_t pages_extended;
  mi_stat_counter_t pages_retire;
  mi_stat_counter_t page_searches;
  mi_stat_counter_t page_searches_count;
  mi_stat_count_t segments;
  mi_stat_count_t segments_abandoned;
  mi_stat_count_t segments_cache;
  mi_stat_count_t _segments_reserved;
  mi_stat_count_t heaps;
  mi_stat_count_t theaps;
  mi_stat_counter_t pages_reclaim_on_alloc;
  mi_stat_counter_t pages_reclaim_on_free;
  mi_stat_counter_t pages_reabandon_full;
  mi_stat_counter_t pages_unabandon_busy_wait;
  mi_stat_counter_t heaps_delete_wait;

  mi_stat_count_t _stat_reserved[4];
  mi_stat_counter_t _stat_counter_reserved[4];

  /* By size class: blocks, pages; by kind of arena chunk. */
  mi_stat_count_t malloc_bins[MI_BIN_HUGE + 1];
  mi_stat_count_t page_bins[MI_BIN_HUGE + 1];
  mi_stat_count_t chunk_bins[MI_CBIN_COUNT];
} mi_stats_t;

/* Declares a mi_stats_t that is ready to be filled, semicolons included. */
#define mi_stats_t_decl(name) \
  mi_stats_t name;            \
  mi_stats_init(&name);

#ifdef __cplusplus
extern "C" {
#endif

/* C before 1999 has the word only as an extension. */
#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define mi_stats_inline static inline
#else
#define mi_stats_inline static __inline
#endif

mi_stats_inline void mi_stats_header_init(mi_stats_t* stats) {
  stats->size = sizeof(mi_stats_t);
  stats->version = MI_STAT_VERSION;
}

mi_stats_inline void mi_stats_init(mi_stats_t* stats) {
  memset(stats, 0, sizeof(*stats));
  mi_stats_header_init(stats);
}

/* These give false for NULL, and for a size or version that the caller has not set as said above. A NULL heap is the
 * main heap. */
mi_decl_export bool mi_stats_get(mi_stats_t* stats) mi_attr_noexcept;
mi_decl_export bool mi_heap_stats_get(mi_heap_t* heap, mi_stats_t* stats) mi_attr_noexcept;
mi_decl_export bool mi_subproc_stats_get(mi_subproc_id_t subproc, mi_stats_t* stats) mi_attr_noexcept;
/* Without the heaps of the sub-process. What no heap has (memory, arenas, threads) is the main one's. */
mi_decl_export bool mi_subproc_stats_get_exclusive(mi_subproc_id_t subproc, mi_stats_t* stats) mi_attr_noexcept;

/* In the buffer, or in a block to be freed with mi_free if it is NULL. NULL if it does not fit. */
mi_decl_nodiscard mi_decl_export char* mi_stats_get_json(size_t buf_size, char* buf) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export char* mi_stats_as_json(mi_stats_t* stats, size_t buf_size, char* buf)
    mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export char* mi_heap_stats_get_json(mi_heap_t* heap, size_t buf_size, char* buf)
    mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export char* mi_subproc_stats_get_json(mi_subproc_id_t subproc, size_t buf_size, char* buf)
    mi_attr_noexcept;
/* The block size of a bin; 0 if there is no such bin. */
mi_decl_nodiscard mi_decl_export size_t mi_stats_get_bin_size(size_t bin) mi_attr_noexcept;

/* To the default output, whatever out is: version 1 had a FILE* here. */
mi_decl_export void mi_stats_print(void* out) mi_attr_noexcept;
/* Of the calling thread's part of its default heap. */
mi_decl_export void mi_thread_stats_print(void* out) mi_attr_noexcept;
/* A NULL function is the default output, here and below. */
mi_decl_export void mi_stats_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;
mi_decl_export void mi_thread_stats_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;
mi_decl_export void mi_heap_stats_print_out(mi_heap_t* heap, mi_output_fun* out, void* arg) mi_attr_noexcept;
mi_decl_export void mi_subproc_stats_print_out(mi_subproc_id_t subproc, mi_output_fun* out, void* arg)
    mi_attr_noexcept;
/* Each heap apart. */
mi_decl_export void mi_subproc_heap_stats_print_out(mi_subproc_id_t subproc, mi_output_fun* out, void* arg)
    mi_attr_noexcept;

/* Numbers need no merging, and describe what is there: these have nothing to do. */
mi_decl_export void mi_stats_merge(void) mi_attr_noexcept;
mi_decl_export void mi_heap_stats_merge_to_subproc(mi_heap_t* heap) mi_attr_noexcept;
mi_decl_export void mi_stats_reset(void) mi_attr_noexcept;

#ifdef __cplusplus
}
#endif

#endif
