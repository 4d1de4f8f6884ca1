/* Options by number, and their text. */
#include <mimalloc.h>
#include <limits.h>

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
  mi_options_print_out(collect, &named);
  CHECK(calls > 40 && named == 1);
  mi_register_output(collect, &named);
  mi_options_print();
  CHECK(named == 2);
  mi_register_output(NULL, NULL);
  return report_checks();
}
