/* Statistics: as numbers, as JSON, as text. */
#include <mimalloc-stats.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static char text[200000];
static int calls;

static void collect(const char* message, void* arg) {
  CHECK(arg == &calls);
  calls++;
  strncat(text, message, sizeof(text) - strlen(text) - 1);
}

static void numbers(void) {
  mi_stats_t_decl(stats)
  CHECK(stats.size == sizeof(mi_stats_t) && stats.version == MI_STAT_VERSION);
  CHECK(mi_stats_get(&stats));
  CHECK(stats.size == sizeof(mi_stats_t) && stats.version == MI_STAT_VERSION);
  CHECK(mi_heap_stats_get(NULL, &stats) && mi_heap_stats_get(mi_heap_main(), &stats));
  CHECK(mi_subproc_stats_get(mi_subproc_main(), &stats));
  CHECK(mi_subproc_stats_get_exclusive(mi_subproc_main(), &stats));


  /* What is allocated shows, in the process and in its heap. */
  mi_heap_t* heap = mi_heap_new();
  void* p = mi_heap_malloc(heap, 80);
  void* huge = mi_heap_malloc(heap, 1 << 20);
  CHECK(mi_heap_stats_get(heap, &stats));
  CHECK(stats.malloc_normal.current == 80 && stats.malloc_bins[9].current == 1 && stats.page_bins[9].current == 1);
  CHECK(mi_stats_get_bin_size(9) == 80 && stats.malloc_huge.current >= (1 << 20));
  CHECK(mi_stats_get(&stats));
  CHECK(stats.malloc_normal.current >= 80 && stats.malloc_bins[9].current >= 1 && stats.heaps.current >= 2);
  CHECK(stats.committed.current > 0 && stats.reserved.current > 0 && stats.threads.current == 1);
  CHECK(mi_subproc_stats_get_exclusive(mi_subproc_main(), &stats));
  CHECK(stats.malloc_normal.current == 0 && stats.committed.current > 0);
  mi_free(p);
  mi_free(huge);
  CHECK(mi_heap_stats_get(heap, &stats));
  CHECK(stats.malloc_normal.current == 0 && stats.malloc_normal.total >= 80 && stats.malloc_huge.current == 0);
  mi_heap_delete(heap);

  /* Memory that the system may take is counted for the process. */
  mi_option_disable(mi_option_purge_decommits);
  mi_free(mi_malloc(4 << 20));
  mi_collect(true);
  mi_option_enable(mi_option_purge_decommits);
  CHECK(mi_subproc_stats_get_exclusive(mi_subproc_main(), &stats));
  CHECK(stats.reset.total > 0 && stats.reset_calls.total > 0);

  mi_subproc_id_t apart = mi_subproc_new();
  CHECK(mi_subproc_stats_get(apart, &stats) && stats.malloc_normal.current == 0 && stats.heaps.current == 1);
  CHECK(mi_subproc_stats_get_exclusive(apart, &stats) && stats.heaps.current == 1);
  CHECK(stats.committed.current == 0 && stats.arena_count.total == 0 && stats.threads.current == 0);
  mi_subproc_destroy(apart);

  CHECK(!mi_stats_get(NULL) && !mi_heap_stats_get(NULL, NULL));
  CHECK(!mi_subproc_stats_get(mi_subproc_main(), NULL) && !mi_subproc_stats_get_exclusive(mi_subproc_main(), NULL));
  stats.version = 4;
  CHECK(!mi_stats_get(&stats) && mi_stats_as_json(&stats, 0, NULL) == NULL);
  mi_stats_init(&stats);
  stats.size--;
  CHECK(!mi_stats_get(&stats));
  mi_stats_header_init(&stats);
  CHECK(mi_stats_get(&stats));
}

static void bins(void) {
  CHECK(mi_stats_get_bin_size(1) == 8 && mi_stats_get_bin_size(2) == 16 && mi_stats_get_bin_size(9) == 80);
  for (size_t bin = 2; bin <= MI_BIN_HUGE; bin++) {
    CHECK(mi_stats_get_bin_size(bin) > mi_stats_get_bin_size(bin - 1));
  }
  CHECK(mi_stats_get_bin_size(MI_BIN_HUGE + 1) == 0 && mi_stats_get_bin_size(TOO_LARGE) == 0);
}

/* Bins stand in the text as in mi_stats_t. */
static void bins_in_json(void) {
  mi_stats_t_decl(stats);
  for (size_t bin = 0; bin <= MI_BIN_HUGE; bin++) stats.page_bins[bin].peak = 1000 + (int64_t)bin;
  char* json = mi_stats_as_json(&stats, 0, NULL);
  const char* place = strstr(json, "\"page_bins\"");
  const char* end = strstr(json, "\"chunk_bins\"");
  CHECK(place != NULL && end != NULL);
  size_t bin = 0;
  for (; (place = strstr(place + 1, "{")) != NULL && place < end; bin++) {
    size_t peak, block_size, page_size;
    const char* format = "{\"total\": 0, \"peak\": %zu, \"current\": 0, \"block_size\": %zu, \"page_size\": %zu}";
    CHECK(sscanf(place, format, &peak, &block_size, &page_size) == 3);
    CHECK(block_size == mi_stats_get_bin_size(bin) && page_size % 65536 == 0);
    CHECK(page_size == 0 ? peak == 0 : peak == 1000 + bin);
  }
  CHECK(bin == MI_BIN_HUGE + 1);
  mi_free(json);
}

static void json(void) {
  char* own = mi_stats_get_json(0, NULL);
  CHECK(own != NULL && own[0] == '{' && strstr(own, "\"stat_version\": 5") != NULL && strstr(own, "}") != NULL);
  mi_free(own);
  CHECK(mi_stats_get_json(sizeof(text), text) == text && text[0] == '{');
  size_t length = strlen(text);
  CHECK(length > 100);
  memset(text, 'x', sizeof(text));
  CHECK(mi_stats_get_json(10, text) == NULL && text[10] == 'x');
  own = mi_heap_stats_get_json(NULL, 0, NULL);
  CHECK(own != NULL);
  mi_free(own);
  own = mi_subproc_stats_get_json(mi_subproc_main(), 0, NULL);
  CHECK(own != NULL);
  mi_free(own);

  mi_stats_t stats;
  mi_stats_init(&stats);
  stats.committed.current = 123454321;
  stats.heaps_delete_wait.total = 987656789;
  stats.malloc_bins[9].peak = 555444333;
  own = mi_stats_as_json(&stats, 0, NULL);
  CHECK(own != NULL && strstr(own, "123454321") && strstr(own, "987656789") && strstr(own, "555444333"));
  mi_free(own);
  CHECK(mi_stats_as_json(NULL, 0, NULL) == NULL);
}

/* Every field in mimalloc's order, so that none is taken for another on its way. */
#define EACH_FIELD \
  COUNT(pages) COUNT(reserved) COUNT(committed) COUNTER(reset) COUNTER(purged) COUNT(page_committed) \
  COUNT(pages_abandoned) COUNT(threads) COUNT(malloc_normal) COUNT(malloc_huge) COUNT(malloc_requested) \
  COUNTER(mmap_calls) COUNTER(commit_calls) COUNTER(reset_calls) COUNTER(purge_calls) COUNTER(arena_count) \
  COUNTER(malloc_normal_count) COUNTER(malloc_huge_count) COUNTER(malloc_guarded_count) \
  COUNTER(arena_rollback_count) COUNTER(arena_purges) COUNTER(pages_extended) COUNTER(pages_retire) \
  COUNTER(page_searches) COUNTER(page_searches_count) COUNT(segments) COUNT(segments_abandoned) \
  COUNT(segments_cache) COUNT(_segments_reserved) COUNT(heaps) COUNT(theaps) COUNTER(pages_reclaim_on_alloc) \
  COUNTER(pages_reclaim_on_free) COUNTER(pages_reabandon_full) COUNTER(pages_unabandon_busy_wait) \
  COUNTER(heaps_delete_wait)

/* Programs built with mimalloc's own header find everything where it says. */
static void layout(void) {
  size_t next = 2 * sizeof(size_t);
#define LIES_NEXT(name, type)                                                           \
  check(offsetof(mi_stats_t, name) == next, "the place of " #name, __FILE__, __LINE__); \
  next += sizeof(type);
#define COUNT(name) LIES_NEXT(name, mi_stat_count_t)
#define COUNTER(name) LIES_NEXT(name, mi_stat_counter_t)
  EACH_FIELD
#undef COUNT
#undef COUNTER
  CHECK(next == 544 && sizeof(mi_stats_t) == 4368);
  CHECK(offsetof(mi_stats_t, _stat_reserved) == 544 && offsetof(mi_stats_t, _stat_counter_reserved) == 640);
  CHECK(offsetof(mi_stats_t, malloc_bins) == 672 && offsetof(mi_stats_t, page_bins) == 2448);
  CHECK(offsetof(mi_stats_t, chunk_bins) == 4224);
}

static void fields(void) {
  mi_stats_t stats;
  mi_stats_init(&stats);
  int64_t next = 7000000;
#define COUNT(name) stats.name.total = next++;
#define COUNTER(name) stats.name.total = next++;
  EACH_FIELD
#undef COUNT
#undef COUNTER
  char* json = mi_stats_as_json(&stats, 0, NULL);
  CHECK(json != NULL);
  next = 7000000;
  char member[100];
#define SHOWN(format, name)                                               \
  snprintf(member, sizeof(member), format, #name, (long)next++);          \
  check(strstr(json, member) != NULL, member, __FILE__, __LINE__);
#define COUNT(name) SHOWN("\"%s\": {\"total\": %ld", name)
#define COUNTER(name) SHOWN("\"%s\": %ld", name)
  EACH_FIELD
  mi_free(json);
}

#define PRINTS(call)                            \
  do {                                          \
    text[0] = 0;                                \
    calls = 0;                                  \
    call;                                       \
    CHECK(calls > 0 && strstr(text, "elapsed") != NULL); \
  } while (0)

static void printing(void) {
  PRINTS(mi_stats_print_out(collect, &calls));
  PRINTS(mi_thread_stats_print_out(collect, &calls));
  PRINTS(mi_heap_stats_print_out(NULL, collect, &calls));
  PRINTS(mi_subproc_stats_print_out(mi_subproc_main(), collect, &calls));
  PRINTS(mi_subproc_heap_stats_print_out(mi_subproc_main(), collect, &calls));
  mi_register_output(collect, &calls);
  PRINTS(mi_stats_print(NULL));
  PRINTS(mi_thread_stats_print(NULL));
  PRINTS(mi_stats_print(stdout));
  PRINTS(mi_stats_print(stderr));
  PRINTS(mi_stats_print(text));
  PRINTS(mi_stats_print_out(NULL, NULL));
  mi_register_output(NULL, NULL);
  mi_stats_merge();
  mi_heap_stats_merge_to_subproc(NULL);
  mi_stats_reset();
}

/* What is printed of a thread that has blocks says so. */
static void* prints_its_own(void* arg) {
  (void)arg;
  void* blocks[10];
  for (int i = 0; i < 10; i++) blocks[i] = mi_malloc(1000);
  PRINTS(mi_thread_stats_print_out(collect, &calls));
  CHECK(strstr(text, " not all blocks were freed") != NULL);
  for (int i = 0; i < 10; i++) mi_free(blocks[i]);
  PRINTS(mi_thread_stats_print_out(collect, &calls));
  CHECK(strstr(text, "  all blocks were freed") != NULL);
  mi_register_output(collect, &calls);
  PRINTS(mi_thread_stats_print(NULL));
  CHECK(strstr(text, "  all blocks were freed") != NULL);
  mi_register_output(NULL, NULL);
  return NULL;
}

int main(void) {
  pthread_t thread;
  /* So that the process has blocks that this thread has not. */
  void* held = mi_malloc(1000);
  CHECK(pthread_create(&thread, NULL, prints_its_own, NULL) == 0 && pthread_join(thread, NULL) == 0);
  mi_free(held);
  numbers();
  bins();
  bins_in_json();
  json();
  layout();
  fields();
  printing();
  return report_checks();
}
