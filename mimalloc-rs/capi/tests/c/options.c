/* Options by number, and their text. */
#include <ctype.h>
#include <limits.h>
#include <mimalloc.h>

#include "check.h"

static void each(void) {
  CHECK(_mi_option_last == 47 && mi_option_arena_is_numa_local == 46 && mi_option_purge_delay == 15);
  for (int number = 0; number < _mi_option_last; number++) {
    mi_option_t option = (mi_option_t)number;
    long before = mi_option_get(option);
    CHECK(mi_option_is_enabled(option) == (before != 0));
    mi_option_set(option, 7);
    CHECK(mi_option_get(option) == 7 && mi_option_is_enabled(option));
    mi_option_set_default(option, 9);
    CHECK(mi_option_get(option) == 7);
    mi_option_disable(option);
    CHECK(mi_option_get(option) == 0 && !mi_option_is_enabled(option));
    mi_option_enable(option);
    CHECK(mi_option_get(option) == 1);
    mi_option_set_enabled(option, false);
    CHECK(mi_option_get(option) == 0);
    mi_option_set_enabled(option, true);
    CHECK(mi_option_get(option) == 1);
    mi_option_set_enabled_default(option, false);
    mi_option_enable_default(option, false);
    CHECK(mi_option_enabled(option));
    CHECK(mi_option_get(option) == 1);
    mi_option_set(option, before);
  }
}

static void sizes_and_bounds(void) {
  mi_option_set(mi_option_arena_reserve, 64);
  CHECK(mi_option_get_size(mi_option_arena_reserve) == 64 * 1024);
  mi_option_set(mi_option_arena_reserve, -1);
  CHECK(mi_option_get_size(mi_option_arena_reserve) == 0);
  mi_option_set(mi_option_purge_delay, 50);
  CHECK(mi_option_get_clamp(mi_option_purge_delay, 60, 70) == 60);
  CHECK(mi_option_get_clamp(mi_option_purge_delay, 10, 20) == 20);
  CHECK(mi_option_get_clamp(mi_option_purge_delay, 10, 70) == 50);
  CHECK(mi_option_get(mi_option_purge_delay) == 50);
  mi_option_set(mi_option_guarded_max, 100);
  mi_option_set(mi_option_guarded_min, 200);
  CHECK(mi_option_get(mi_option_guarded_max) >= 200);
}

static void unknown(void) {
  int numbers[] = {-1, _mi_option_last, 1000, INT_MAX, INT_MIN, mi_option_cache_reset, mi_option_pool_commit};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    mi_option_t option = (mi_option_t)numbers[i];
    mi_option_set(option, 5);
    mi_option_set_default(option, 5);
    mi_option_enable(option);
    CHECK(mi_option_get(option) == 0 && !mi_option_is_enabled(option) && mi_option_get_size(option) == 0);
    CHECK(mi_option_get_clamp(option, 2, 3) == 2);
  }
  mi_option_set(mi_option_target_segments_per_thread, 5);
  CHECK(mi_option_get(mi_option_target_segments_per_thread) == 5);
}

/* Every option that has a name outside of C, by that name. */
#define EACH_NAMED \
  NAMED(show_errors) NAMED(show_stats) NAMED(verbose) NAMED(arena_eager_commit) NAMED(purge_decommits) \
  NAMED(allow_large_os_pages) NAMED(reserve_huge_os_pages) NAMED(reserve_huge_os_pages_at) \
  NAMED(reserve_os_memory) NAMED(purge_delay) NAMED(use_numa_nodes) NAMED(disallow_os_alloc) NAMED(os_tag) \
  NAMED(max_errors) NAMED(max_warnings) NAMED(destroy_on_exit) NAMED(arena_reserve) NAMED(arena_purge_mult) \
  NAMED(disallow_arena_alloc) NAMED(retry_on_oom) NAMED(visit_abandoned) NAMED(guarded_min) NAMED(guarded_max) \
  NAMED(guarded_precise) NAMED(guarded_sample_rate) NAMED(guarded_sample_seed) NAMED(generic_collect) \
  NAMED(page_reclaim_on_free) NAMED(page_full_retain) NAMED(page_max_candidates) NAMED(max_vabits) \
  NAMED(pagemap_commit) NAMED(page_commit_on_demand) NAMED(page_max_reclaim) \
  NAMED(page_cross_thread_max_reclaim) NAMED(allow_thp) NAMED(minimal_purge_size) NAMED(arena_max_object_size) \
  NAMED(arena_is_numa_local) NAMED(eager_commit) NAMED(abandoned_page_purge) NAMED(eager_commit_delay) \
  NAMED(max_segment_reclaim) NAMED(purge_extend_delay) NAMED(target_segments_per_thread)

static char text[20000];

static void append(const char* message, void* arg) {
  strncat((char*)arg, message, sizeof(text) - strlen(text) - 1);
}

/* A value set by number is shown by name. */
static void names(void) {
#define NAMED(name) {mi_option_##name, "MIMALLOC_" #name},
  static const struct {
    mi_option_t option;
    const char* name;
  } options[] = {EACH_NAMED};
#undef NAMED
  enum { COUNT = sizeof(options) / sizeof(options[0]) };
  long before[COUNT];
  for (int i = 0; i < COUNT; i++) {
    before[i] = mi_option_get(options[i].option);
    mi_option_set(options[i].option, 4000 + i);
  }
  text[0] = 0;
  mi_options_print_out(append, text);
  for (int i = 0; i < COUNT; i++) {
    char line[100];
    int length = snprintf(line, sizeof(line), "%s=%d", options[i].name, 4000 + i);
    for (int c = 0; c < length; c++) line[c] = (char)toupper(line[c]);
    check(strstr(text, line) != NULL, line, __FILE__, __LINE__);
    mi_option_set(options[i].option, before[i]);
  }
}

static int calls;
static int named;

static void collect(const char* message, void* arg) {
  CHECK(arg == &named);
  calls++;
  named += strstr(message, "MIMALLOC_PURGE_DELAY") != NULL;
}

int main(void) {
  each();
  sizes_and_bounds();
  unknown();
  names();
  mi_options_print_out(collect, &named);
  CHECK(calls > 40 && named == 1);
  mi_register_output(collect, &named);
  mi_options_print();
  CHECK(named == 2);
  mi_register_output(NULL, NULL);
  return report_checks();
}
