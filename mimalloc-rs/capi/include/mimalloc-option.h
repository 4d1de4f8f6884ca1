/* Part of mimalloc.h: options. Each that has an effect can also be set in the environment, as MIMALLOC_ and its name in
 * upper case. */
#ifndef MIMALLOC_OPTION_H
#define MIMALLOC_OPTION_H
#ifndef MIMALLOC_H
#error "include mimalloc.h"
#endif

/* The numbers are those of version 3.3. */
typedef enum mi_option_e {
  mi_option_show_errors = 0,
  mi_option_show_stats = 1,
  mi_option_verbose = 2,
  mi_option_deprecated_eager_commit = 3,
  mi_option_arena_eager_commit = 4,
  mi_option_purge_decommits = 5,
  mi_option_allow_large_os_pages = 6,
  mi_option_reserve_huge_os_pages = 7,
  mi_option_reserve_huge_os_pages_at = 8,
  mi_option_reserve_os_memory = 9,
  mi_option_deprecated_segment_cache = 10,
  mi_option_deprecated_page_reset = 11,
  mi_option_deprecated_abandoned_page_purge = 12,
  mi_option_deprecated_segment_reset = 13,
  mi_option_deprecated_eager_commit_delay = 14,
  mi_option_purge_delay = 15,
  mi_option_use_numa_nodes = 16,
  mi_option_disallow_os_alloc = 17,
  mi_option_os_tag = 18,
  mi_option_max_errors = 19,
  mi_option_max_warnings = 20,
  mi_option_deprecated_max_segment_reclaim = 21,
  mi_option_destroy_on_exit = 22,
  mi_option_arena_reserve = 23,
  mi_option_arena_purge_mult = 24,
  mi_option_deprecated_purge_extend_delay = 25,
  mi_option_disallow_arena_alloc = 26,
  mi_option_retry_on_oom = 27,
  mi_option_visit_abandoned = 28,
  mi_option_guarded_min = 29,
  mi_option_guarded_max = 30,
  mi_option_guarded_precise = 31,
  mi_option_guarded_sample_rate = 32,
  mi_option_guarded_sample_seed = 33,
  mi_option_generic_collect = 34,
  mi_option_page_reclaim_on_free = 35,
  mi_option_page_full_retain = 36,
  mi_option_page_max_candidates = 37,
  mi_option_max_vabits = 38,
  mi_option_pagemap_commit = 39,
  mi_option_page_commit_on_demand = 40,
  mi_option_page_max_reclaim = 41,
  mi_option_page_cross_thread_max_reclaim = 42,
  mi_option_allow_thp = 43,
  mi_option_minimal_purge_size = 44,
  mi_option_arena_max_object_size = 45,
  mi_option_arena_is_numa_local = 46,
  _mi_option_last = 47,

  /* Live in versions 1 and 2 only: without effect. The last two are unknown here. */
  mi_option_eager_commit = mi_option_deprecated_eager_commit,
  mi_option_segment_cache = mi_option_deprecated_segment_cache,
  mi_option_segment_reset = mi_option_deprecated_segment_reset,
  mi_option_page_reset = mi_option_deprecated_page_reset,
  mi_option_abandoned_page_purge = mi_option_deprecated_abandoned_page_purge,
  mi_option_eager_commit_delay = mi_option_deprecated_eager_commit_delay,
  mi_option_max_segment_reclaim = mi_option_deprecated_max_segment_reclaim,
  mi_option_purge_extend_delay = mi_option_deprecated_purge_extend_delay,
  mi_option_target_segments_per_thread = 64,
  mi_option_cache_reset = 65,
  mi_option_pool_commit = 66,

  /* Earlier names. */
  mi_option_large_os_pages = mi_option_allow_large_os_pages,
  mi_option_eager_region_commit = mi_option_arena_eager_commit,
  mi_option_reset_decommits = mi_option_purge_decommits,
  mi_option_reset_delay = mi_option_purge_delay,
  mi_option_decommit_extend_delay = mi_option_purge_extend_delay,
  mi_option_abandoned_page_reset = mi_option_abandoned_page_purge,
  mi_option_abandoned_reclaim_on_free = mi_option_page_reclaim_on_free,
  mi_option_limit_os_alloc = mi_option_disallow_os_alloc
} mi_option_t;

/* An unknown option reads as 0, and setting it has no effect. */
mi_decl_nodiscard mi_decl_export bool mi_option_is_enabled(mi_option_t option) mi_attr_noexcept;
mi_decl_export void mi_option_enable(mi_option_t option) mi_attr_noexcept;
mi_decl_export void mi_option_disable(mi_option_t option) mi_attr_noexcept;
mi_decl_export void mi_option_set_enabled(mi_option_t option, bool enable) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export long mi_option_get(mi_option_t option) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export long mi_option_get_clamp(mi_option_t option, long min, long max) mi_attr_noexcept;
/* In bytes for options that count KiB; a negative value gives 0. */
mi_decl_nodiscard mi_decl_export size_t mi_option_get_size(mi_option_t option) mi_attr_noexcept;
mi_decl_export void mi_option_set(mi_option_t option, long value) mi_attr_noexcept;
/* These two take effect only where neither the environment nor the program has set the option. */
mi_decl_export void mi_option_set_enabled_default(mi_option_t option, bool enable) mi_attr_noexcept;
mi_decl_export void mi_option_set_default(mi_option_t option, long value) mi_attr_noexcept;

/* Names of version 1.0. Its mi_option_enable took a second argument: mi_option_set_enabled does. */
mi_decl_nodiscard mi_decl_export bool mi_option_enabled(mi_option_t option) mi_attr_noexcept;
mi_decl_export void mi_option_enable_default(mi_option_t option, bool enable) mi_attr_noexcept;

mi_decl_export void mi_options_print(void) mi_attr_noexcept;
mi_decl_export void mi_options_print_out(mi_output_fun* out, void* arg) mi_attr_noexcept;

#endif
