/* Heaps: all functions that name one. */
#include <mimalloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static mi_heap_t* heap;

#define IN_HEAP(call)                                              \
  do {                                                             \
    void* block = (void*)(call);                                   \
    CHECK(block != NULL && mi_heap_contains(heap, block));         \
    CHECK(mi_heap_of(block) == heap && mi_any_heap_contains(block)); \
    CHECK(!mi_heap_contains(NULL, block));                         \
    mi_free(block);                                                \
  } while (0)

static void every_function(void) {
  IN_HEAP(mi_heap_malloc(heap, 10));
  IN_HEAP(mi_heap_malloc(heap, 0));
  IN_HEAP(mi_heap_malloc(heap, 300000));
  IN_HEAP(mi_heap_zalloc(heap, 10));
  IN_HEAP(mi_heap_calloc(heap, 10, 10));
  IN_HEAP(mi_heap_mallocn(heap, 10, 10));
  IN_HEAP(mi_heap_malloc_small(heap, 10));
  IN_HEAP(mi_heap_zalloc_small(heap, 10));
  IN_HEAP(mi_heap_umalloc(heap, 10, NULL));
  IN_HEAP(mi_heap_realloc(heap, NULL, 10));
  IN_HEAP(mi_heap_reallocn(heap, NULL, 10, 10));
  IN_HEAP(mi_heap_reallocf(heap, NULL, 10));
  IN_HEAP(mi_heap_rezalloc(heap, NULL, 10));
  IN_HEAP(mi_heap_recalloc(heap, NULL, 10, 10));
  IN_HEAP(mi_heap_strdup(heap, "text"));
  IN_HEAP(mi_heap_strndup(heap, "text", 2));
  IN_HEAP(mi_heap_realpath(heap, "/", NULL));
  IN_HEAP(mi_heap_malloc_aligned(heap, 10, 256));
  IN_HEAP(mi_heap_malloc_aligned_at(heap, 10, 256, 8));
  IN_HEAP(mi_heap_zalloc_aligned(heap, 10, 256));
  IN_HEAP(mi_heap_zalloc_aligned_at(heap, 10, 256, 8));
  IN_HEAP(mi_heap_calloc_aligned(heap, 10, 10, 256));
  IN_HEAP(mi_heap_calloc_aligned_at(heap, 10, 10, 256, 8));
  IN_HEAP(mi_heap_realloc_aligned(heap, NULL, 10, 256));
  IN_HEAP(mi_heap_realloc_aligned_at(heap, NULL, 10, 256, 8));
  IN_HEAP(mi_heap_rezalloc_aligned(heap, NULL, 10, 256));
  IN_HEAP(mi_heap_rezalloc_aligned_at(heap, NULL, 10, 256, 8));
  IN_HEAP(mi_heap_recalloc_aligned(heap, NULL, 10, 10, 256));
  IN_HEAP(mi_heap_recalloc_aligned_at(heap, NULL, 10, 10, 256, 8));
  IN_HEAP(mi_heap_realloc_aligned(heap, NULL, 10, 0));
  IN_HEAP(mi_heap_recalloc_aligned(heap, NULL, 10, 10, 3));
  IN_HEAP(mi_heap_alloc_new(heap, 10));
  IN_HEAP(mi_heap_alloc_new_n(heap, 10, 10));
  IN_HEAP(mi_heap_try_new(heap, 10, true));
}

static void failures(void) {
  char* p = mi_heap_malloc(heap, 10);
  strcpy(p, "here");
  size_t sizes[] = {TOO_LARGE, BEYOND, NOT_THERE};
  for (size_t i = 0; i < 3; i++) {
    size_t size = sizes[i];
    CHECK(mi_heap_malloc(heap, size) == NULL);
    CHECK(mi_heap_zalloc(heap, size) == NULL);
    CHECK(mi_heap_calloc(heap, 1, size) == NULL);
    CHECK(mi_heap_calloc(heap, size, 16) == NULL);
    CHECK(mi_heap_mallocn(heap, size, 16) == NULL);
    CHECK(mi_heap_realloc(heap, p, size) == NULL);
    CHECK(mi_heap_reallocn(heap, p, size, 16) == NULL);
    CHECK(mi_heap_rezalloc(heap, p, size) == NULL);
    CHECK(mi_heap_recalloc(heap, p, size, 16) == NULL);
    CHECK(mi_heap_malloc_aligned(heap, size, 64) == NULL);
    CHECK(mi_heap_malloc_aligned_at(heap, size, 64, 8) == NULL);
    CHECK(mi_heap_zalloc_aligned(heap, size, 64) == NULL);
    CHECK(mi_heap_calloc_aligned(heap, size, 16, 64) == NULL);
    CHECK(mi_heap_realloc_aligned(heap, p, size, 64) == NULL);
    CHECK(mi_heap_rezalloc_aligned(heap, p, size, 64) == NULL);
    CHECK(mi_heap_recalloc_aligned(heap, p, size, 16, 64) == NULL);
    CHECK(mi_heap_try_new(heap, size, true) == NULL);
  }
  CHECK(mi_heap_malloc_aligned(heap, 10, 3) == NULL);
  CHECK(mi_heap_zalloc_aligned_at(heap, 10, 0, 3) == NULL);
  CHECK(mi_heap_realloc_aligned_at(heap, p, 10, 3, 3) == NULL);
  CHECK(mi_heap_strdup(heap, NULL) == NULL);
  CHECK(mi_heap_strndup(heap, NULL, 3) == NULL);
  CHECK_ERRNO(ENOENT, mi_heap_realpath(heap, "/no/such/path", NULL) == NULL);
  CHECK(strcmp(p, "here") == 0);
  CHECK(mi_heap_reallocf(heap, p, TOO_LARGE) == NULL);
}

static void migration(void) {
  char* p = mi_malloc(100);
  strcpy(p, "moves");
  CHECK(!mi_heap_contains(heap, p) && mi_heap_contains(NULL, p) && mi_heap_contains(mi_heap_main(), p));
  p = mi_heap_realloc(heap, p, 100);
  CHECK(p != NULL && mi_heap_contains(heap, p) && strcmp(p, "moves") == 0);
  CHECK(mi_heap_realloc(heap, p, 100) == p);
  p = mi_realloc(p, 100);
  CHECK(p != NULL && mi_heap_contains(NULL, p) && strcmp(p, "moves") == 0);
  mi_free(p);
}

static void endings(void) {
  mi_heap_t* deleted = mi_heap_new();
  char* kept = mi_heap_strdup(deleted, "outlives its heap");
  char* huge = mi_heap_malloc(deleted, 1000000);
  memset(huge, 3, 1000000);
  mi_heap_delete(deleted);
  CHECK(strcmp(kept, "outlives its heap") == 0 && is_filled(huge, 3, 1000000));
  CHECK(mi_heap_contains(mi_heap_main(), kept));
  mi_free(kept);
  mi_free(huge);

  for (int round = 0; round < 50; round++) {
    mi_heap_t* destroyed = mi_heap_new();
    CHECK(destroyed != NULL);
    for (size_t i = 0; i < 1000; i++) memset(mi_heap_malloc(destroyed, i * 5), 1, i * 5);
    mi_heap_destroy(destroyed);
  }

  mi_heap_t* kept_heap = mi_heap_new_ex(7, false, NULL);
  kept = mi_heap_strdup(kept_heap, "not to be destroyed");
  mi_heap_destroy(kept_heap);
  CHECK(strcmp(kept, "not to be destroyed") == 0);
  mi_free(kept);
  mi_heap_t* ended = mi_heap_new_ex(7, true, NULL);
  CHECK(ended != NULL && mi_heap_malloc(ended, 10) != NULL);
  mi_heap_destroy(ended);

  void* p = mi_malloc(10);
  mi_heap_delete(NULL);
  mi_heap_destroy(NULL);
  mi_heap_delete(mi_heap_main());
  mi_heap_destroy(mi_heap_main());
  CHECK(mi_heap_contains(mi_heap_main(), p));
  mi_free(p);
}

static void defaults(void) {
  mi_heap_t* before = mi_heap_get_default();
  CHECK(before == mi_heap_main() && before == mi_heap_get_backing());
  CHECK(mi_heap_set_default(NULL) == NULL);
  CHECK(mi_heap_set_default(heap) == before);
  CHECK(mi_heap_get_default() == heap);
  void* p = mi_malloc(10);
  void* q = malloc(10);
  CHECK(mi_heap_contains(heap, p) && mi_heap_contains(heap, q));
  CHECK(mi_heap_set_default(before) == heap);
  mi_free(p);
  mi_free(q);
  mi_heap_t* ended = mi_heap_new();
  CHECK(mi_heap_set_default(ended) == before);
  mi_heap_delete(ended);
  CHECK(mi_heap_get_default() == before);
}

static void membership(void) {
  int here = 0;
  void* p = mi_heap_malloc(heap, 10);
  CHECK(mi_heap_of(NULL) == NULL && mi_heap_of(&here) == NULL && mi_heap_of((void*)1) == NULL);
  CHECK(mi_heap_of((void*)opaque(SIZE_MAX)) == NULL);
  CHECK(!mi_heap_contains(heap, NULL) && !mi_heap_contains(heap, &here));
  CHECK(!mi_any_heap_contains(NULL) && !mi_any_heap_contains(&here) && !mi_is_in_heap_region(&here));
  CHECK(mi_is_in_heap_region(p) && mi_check_owned(p) && !mi_check_owned(&here) && !mi_check_owned(NULL));
  CHECK(mi_heap_contains_block(heap, p) && !mi_heap_contains_block(mi_heap_main(), p));
  CHECK(mi_heap_check_owned(heap, p) && !mi_heap_check_owned(heap, &here));
  mi_free(p);
}

static void* use_from_thread(void* arg) {
  void** blocks = (void**)arg;
  for (size_t i = 0; i < 1000; i++) {
    if (blocks[i] != NULL) mi_free(blocks[i]);
    blocks[i] = mi_heap_malloc(heap, i + 1);
  }
  return NULL;
}

static void all_threads(void) {
  static void* blocks[4][1000];
  pthread_t threads[4];
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, use_from_thread, blocks[(i + round) % 4]) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 1000; j++) {
      CHECK(mi_heap_contains(heap, blocks[i][j]));
      mi_free(blocks[i][j]);
    }
  }
}

int main(void) {
  heap = mi_heap_new();
  CHECK(heap != NULL && heap != mi_heap_main());
  every_function();
  failures();
  migration();
  endings();
  defaults();
  membership();
  all_threads();
  mi_heap_set_numa_affinity(heap, 0);
  mi_heap_set_numa_affinity(NULL, -1);
  mi_heap_collect(heap, false);
  mi_heap_collect(heap, true);
  mi_heap_guarded_set_sample_rate(heap, 0, 0);
  mi_heap_guarded_set_size_bound(heap, 0, 100);
  mi_heap_destroy(heap);
  return report_checks();
}
