/* Visiting areas and blocks, and asking how full a page is. */
#include <mimalloc.h>
#include <pthread.h>

#include "check.h"

typedef struct seen_s {
  const mi_heap_t* heap;
  size_t areas, blocks, used, wrong, last;
  void* expected;
  int found;
} seen_t;

static bool look(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t block_size, void* arg) {
  seen_t* seen = (seen_t*)arg;
  seen->wrong += heap != seen->heap || block_size != area->block_size || area->full_block_size < block_size;
  seen->wrong += area->committed > area->reserved || area->reserved == 0;
  if (block == NULL) {
    seen->areas++;
    seen->used += area->used;
  } else {
    seen->blocks++;
    char* start = (char*)area->blocks;
    seen->wrong += (char*)block < start || (char*)block >= start + area->reserved;
    seen->found += block == seen->expected;
  }
  return seen->last == 0 || seen->areas + seen->blocks < seen->last;
}

static void visits(void) {
  mi_heap_t* heap = mi_heap_new();
  static void* blocks[1000];
  for (size_t i = 0; i < 1000; i++) blocks[i] = mi_heap_malloc(heap, (i % 10) * 300 + 1);
  void* huge = mi_heap_malloc(heap, 500000);
  for (size_t i = 0; i < 1000; i += 2) mi_free(blocks[i]);

  seen_t seen = {.heap = heap, .expected = blocks[1]};
  CHECK(mi_heap_visit_blocks(heap, true, look, &seen));
  CHECK(seen.blocks == 501 && seen.used == 501 && seen.wrong == 0 && seen.found == 1 && seen.areas >= 2);
  seen_t areas = {.heap = heap};
  CHECK(mi_heap_visit_blocks(heap, false, look, &areas));
  CHECK(areas.blocks == 0 && areas.areas == seen.areas && areas.wrong == 0);
  seen_t some = {.heap = heap, .last = 3};
  CHECK(!mi_heap_visit_blocks(heap, true, look, &some));
  CHECK(some.areas + some.blocks == 3);
  seen_t by_theap = {.heap = heap};
  CHECK(mi_theap_visit_blocks(mi_heap_theap(heap), true, look, &by_theap));
  CHECK(by_theap.blocks == 501 && by_theap.wrong == 0);
  CHECK(!mi_heap_visit_blocks(heap, true, NULL, NULL));

  seen_t abandoned = {.heap = heap};
  CHECK(mi_heap_visit_abandoned_blocks(heap, true, look, &abandoned) && abandoned.areas == 0);
  mi_free(huge);
  for (size_t i = 1; i < 1000; i += 2) mi_free(blocks[i]);
  seen_t none = {.heap = heap};
  CHECK(mi_heap_visit_blocks(heap, true, look, &none) && none.blocks == 0);
  mi_heap_destroy(heap);

  seen_t main_heap = {.heap = mi_heap_main()};
  main_heap.expected = mi_malloc(50);
  CHECK(mi_heap_visit_blocks(NULL, true, look, &main_heap));
  CHECK(main_heap.found == 1 && main_heap.wrong == 0);
  CHECK(mi_heap_visit_abandoned_blocks(NULL, true, look, &main_heap) && main_heap.wrong == 0);
  mi_free(main_heap.expected);
}

static void* leaves_a_block(void* arg) {
  *(void**)arg = mi_malloc(77);
  return NULL;
}

static bool find(const mi_heap_t* heap, const mi_heap_area_t* area, void* block, size_t block_size, void* arg) {
  (void)heap;
  (void)area;
  (void)block_size;
  seen_t* seen = (seen_t*)arg;
  seen->found += block == seen->expected;
  return true;
}

static void abandoned(void) {
  seen_t seen = {0};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, leaves_a_block, &seen.expected) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(mi_heap_visit_abandoned_blocks(mi_heap_main(), true, find, &seen) && seen.found == 1);
  CHECK(mi_abandoned_visit_blocks(mi_subproc_main(), -1, true, find, &seen) && seen.found == 2);
  mi_subproc_id_t no_process = {NULL};
  CHECK(mi_abandoned_visit_blocks(no_process, -1, true, find, &seen) && seen.found == 3);
  mi_free(seen.expected);
}

typedef struct left_s {
  mi_heap_t* heap;
  seen_t small, large;
} left_t;

static void* leaves_blocks(void* arg) {
  left_t* left = (left_t*)arg;
  left->small.expected = mi_heap_malloc(left->heap, 77);
  left->large.expected = mi_heap_malloc(left->heap, 3 << 20);
  return NULL;
}

static void abandoned_in_a_heap(void) {
  left_t left = {.heap = mi_heap_new()};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, leaves_blocks, &left) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(mi_heap_visit_abandoned_blocks(left.heap, true, find, &left.small) && left.small.found == 1);
  CHECK(mi_heap_visit_abandoned_blocks(left.heap, true, find, &left.large) && left.large.found == 1);
  CHECK(mi_abandoned_visit_blocks(mi_subproc_main(), -1, true, find, &left.small) && left.small.found == 2);
  /* The next thread that allocates in the heap takes over what the last one left. */
  mi_free(mi_heap_malloc(left.heap, 77));
  CHECK(mi_heap_visit_abandoned_blocks(left.heap, true, find, &left.small) && left.small.found == 2);
  CHECK(mi_heap_visit_blocks(left.heap, true, find, &left.small) && left.small.found == 3);
  mi_heap_destroy(left.heap);
}

static void utilisation(void) {
  mi_heap_t* heap = mi_heap_new();
  enum { COUNT = 4096 };
  static void* blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) blocks[i] = mi_heap_malloc(heap, 512);
  CHECK(!mi_unsafe_heap_page_is_under_utilized(heap, NULL, 50));
  CHECK(!mi_unsafe_heap_page_is_under_utilized(heap, blocks[10], 100));
  /* Of every ten blocks one is left. */
  for (size_t i = 0; i < COUNT; i++) {
    if (i % 10 != 0) mi_free(blocks[i]);
  }
  CHECK(mi_unsafe_heap_page_is_under_utilized(heap, blocks[10], 50));
  CHECK(mi_unsafe_heap_page_is_under_utilized(NULL, blocks[10], 50));
  CHECK(!mi_unsafe_heap_page_is_under_utilized(heap, blocks[10], 5));
  CHECK(!mi_unsafe_heap_page_is_under_utilized(mi_heap_main(), blocks[10], 50));
  int here = 0;
  CHECK(!mi_unsafe_heap_page_is_under_utilized(NULL, &here, 100));
  mi_heap_destroy(heap);
}

int main(void) {
  visits();
  abandoned();
  abandoned_in_a_heap();
  utilisation();
  CHECK(!mi_is_redirected());
  return report_checks();
}
