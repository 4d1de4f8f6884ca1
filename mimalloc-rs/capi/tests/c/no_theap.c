/* A heap without a part for this thread, where every function fails: each as its failures are described. */
#include <mimalloc.h>

#include "check.h"

/* As many heaps as there can be, and the thread's own theap, are one theap too many. */
static mi_heap_t* heap_without_theap(void) {
  mi_heap_t* heap;
  do heap = mi_heap_new();
  while (heap != NULL && mi_heap_theap(heap) != NULL);
  return heap;
}

int main(void) {
  char* kept = mi_zalloc(100);
  strcpy(kept, "here");
  mi_heap_t* heap = heap_without_theap();
  CHECK(heap != NULL);

  CHECK(mi_heap_malloc(heap, 10) == NULL);
  CHECK(mi_heap_zalloc(heap, 10) == NULL);
  CHECK(mi_heap_calloc(heap, 10, 10) == NULL);
  CHECK(mi_heap_malloc_aligned(heap, 10, 64) == NULL);
  CHECK(mi_heap_zalloc_aligned(heap, 10, 64) == NULL);
  CHECK(mi_heap_strdup(heap, "text") == NULL);
  CHECK(mi_heap_try_new(heap, 10, true) == NULL);
  CHECK(mi_heap_realloc(heap, kept, 10) == NULL);
  CHECK(mi_heap_rezalloc(heap, kept, 1000) == NULL);
  CHECK(mi_heap_realloc_aligned(heap, kept, 1000, 64) == NULL);
  CHECK(mi_heap_rezalloc_aligned(heap, kept, 1000, 64) == NULL);
  CHECK(strcmp(kept, "here") == 0);
  mi_free(kept);

  size_t told = 77;
  CHECK(mi_heap_umalloc(heap, 10, &told) == NULL && told == 0);

  void* large = mi_malloc(5000000);
  CHECK(mi_check_owned(large));
  CHECK(mi_heap_reallocf(heap, large, 6000000) == NULL);
  CHECK(!mi_check_owned(large));

  static char buffer[4096];
  CHECK(mi_heap_realpath(heap, "/usr/..", buffer) == buffer && strcmp(buffer, "/") == 0);
  CHECK_ERRNO(ENOENT, mi_heap_realpath(heap, "/no/such/path", buffer) == NULL);
  CHECK_ERRNO(ENOMEM, mi_heap_realpath(heap, "/", NULL) == NULL);
  return report_checks();
}
