/* Theaps, a thread's parts of heaps, and sub-processes, a process's parts. */
#include <mimalloc.h>
#include <pthread.h>

#include "check.h"

static void theaps(void) {
  mi_theap_t* first = mi_theap_get_default();
  CHECK(first != NULL && mi_theap_get_default() == first);
  mi_heap_t* heap = mi_heap_new();
  mi_theap_t* theap = mi_heap_theap(heap);
  CHECK(theap != NULL && theap != first && mi_heap_theap(heap) == theap);
  CHECK(mi_heap_theap(mi_heap_main()) == first);
  void* blocks[] = {
      mi_theap_malloc(theap, 10),           mi_theap_zalloc(theap, 10),
      mi_theap_calloc(theap, 10, 10),       mi_theap_malloc_small(theap, 10),
      mi_theap_zalloc_small(theap, 10),     mi_theap_malloc_aligned(theap, 10, 256),
      mi_theap_realloc(theap, NULL, 10),
  };
  for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
    CHECK(blocks[i] != NULL && mi_heap_contains(heap, blocks[i]));
  }
  CHECK(is_zero(blocks[1], 10) && is_zero(blocks[2], 100) && is_zero(blocks[4], 10) && is_aligned(blocks[5], 256));
  blocks[0] = mi_theap_realloc(theap, blocks[0], 1000);
  CHECK(blocks[0] != NULL && mi_usable_size(blocks[0]) >= 1000);
  CHECK(mi_theap_malloc(theap, TOO_LARGE) == NULL && mi_theap_zalloc(theap, NOT_THERE) == NULL);
  CHECK(mi_theap_calloc(theap, TOO_LARGE, 2) == NULL && mi_theap_malloc_aligned(theap, 10, 3) == NULL);
  CHECK(mi_theap_realloc(theap, blocks[0], TOO_LARGE) == NULL);
  /* What a heap without memory for a theap gives is not the default. */
  CHECK(mi_theap_malloc(NULL, 10) == NULL && mi_theap_zalloc_small(NULL, 10) == NULL);
  CHECK(mi_theap_realloc(NULL, blocks[0], 10) == NULL && mi_usable_size(blocks[0]) >= 1000);
  mi_theap_collect(NULL, true);

  CHECK(mi_theap_set_default(theap) == first);
  CHECK(mi_theap_get_default() == theap);
  void* p = mi_malloc(10);
  CHECK(mi_heap_contains(heap, p));
  mi_free(p);
  CHECK(mi_theap_set_default(NULL) == theap);
  CHECK(mi_theap_get_default() == theap);
  CHECK(mi_theap_set_default(first) == theap);

  mi_theap_collect(theap, false);
  mi_theap_collect(theap, true);
  mi_theap_guarded_set_sample_rate(theap, 0, 0);
  mi_theap_guarded_set_size_bound(theap, 0, 1000);
  for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) mi_free(blocks[i]);
  mi_heap_delete(heap);
}

static void* first_act(void* arg) {
  mi_theap_t* theap = mi_theap_get_default();
  void* p = mi_theap_malloc(theap, 10);
  mi_free(p);
  return theap != NULL && theap != arg ? p : NULL;
}

static bool count_heaps(mi_heap_t* heap, void* arg) {
  CHECK(heap != NULL);
  return --*(int*)arg != 0;
}

static int heaps_in(mi_subproc_id_t id) {
  int left = 1000;
  CHECK(mi_subproc_visit_heaps(id, count_heaps, &left));
  return 1000 - left;
}

static mi_subproc_id_t apart;
static void* left_behind;

static void* in_sub_process(void* arg) {
  mi_subproc_add_current_thread(apart);
  CHECK(mi_subproc_current()._mi_subproc_id == apart._mi_subproc_id);
  left_behind = mi_malloc(100);
  CHECK(left_behind != NULL);
  CHECK(mi_heap_contains(mi_heap_main(), left_behind) && mi_heap_contains(NULL, left_behind));
  CHECK(mi_heap_main() == mi_heap_of(left_behind) && mi_heap_main() == mi_heap_get_backing());
  CHECK(mi_heap_theap(mi_heap_main()) == mi_theap_get_default() && mi_heap_theap(NULL) == mi_theap_get_default());
  CHECK(mi_heap_of(mi_heap_malloc(mi_heap_main(), 100)) == mi_heap_of(left_behind));
  CHECK(mi_heap_of(mi_heap_malloc(NULL, 100)) == mi_heap_of(left_behind));
  mi_heap_t* ended = mi_heap_new();
  void* kept = mi_heap_malloc(ended, 100);
  mi_heap_delete(ended);
  CHECK(mi_heap_contains(mi_heap_main(), kept));
  mi_heap_t* heap = mi_heap_new();
  CHECK(mi_heap_malloc(heap, 100) != NULL);
  CHECK(heaps_in(apart) == 2);
  int one = 1;
  CHECK(!mi_subproc_visit_heaps(apart, count_heaps, &one));
  return arg;
}

static void sub_processes(void) {
  mi_subproc_id_t none = {NULL};
  CHECK(mi_subproc_main()._mi_subproc_id != NULL);
  CHECK(mi_subproc_current()._mi_subproc_id == mi_subproc_main()._mi_subproc_id);
  int before = heaps_in(mi_subproc_main());
  CHECK(before >= 1);
  mi_heap_t* heap = mi_heap_new();
  CHECK(heaps_in(mi_subproc_main()) == before + 1);
  mi_heap_delete(heap);
  CHECK(heaps_in(mi_subproc_main()) == before);
  CHECK(!mi_subproc_visit_heaps(none, count_heaps, &before));
  CHECK(!mi_subproc_visit_heaps(mi_subproc_main(), NULL, NULL));

  apart = mi_subproc_new();
  CHECK(apart._mi_subproc_id != NULL && apart._mi_subproc_id != mi_subproc_main()._mi_subproc_id);
  CHECK(heaps_in(apart) == 1);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, in_sub_process, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(mi_subproc_current()._mi_subproc_id == mi_subproc_main()._mi_subproc_id);
  CHECK(!mi_heap_contains(mi_heap_main(), left_behind) && !mi_heap_contains(NULL, left_behind));
  mi_free(left_behind);
  mi_subproc_delete(apart);
  mi_subproc_destroy(apart);
  mi_subproc_destroy(none);
  mi_subproc_delete(none);
  mi_subproc_destroy(mi_subproc_main());
  mi_subproc_add_current_thread(none);
  void* p = mi_malloc(10);
  CHECK(mi_heap_contains(mi_heap_main(), p));
  mi_free(p);
}

int main(void) {
  theaps();
  pthread_t thread;
  void* result = NULL;
  CHECK(pthread_create(&thread, NULL, first_act, mi_theap_get_default()) == 0);
  CHECK(pthread_join(thread, &result) == 0 && result != NULL);
  sub_processes();
  return report_checks();
}
