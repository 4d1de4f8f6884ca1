/* The typed macros: the type comes first. */
#include <mimalloc.h>

#include "check.h"

typedef struct pair_s {
  long first;
  double second;
} pair_t;

int main(void) {
  pair_t* p = mi_malloc_tp(pair_t);
  CHECK(p != NULL && mi_usable_size(p) >= sizeof(pair_t));
  mi_free(p);
  p = mi_zalloc_tp(pair_t);
  CHECK(p != NULL && is_zero(p, sizeof(pair_t)));
  mi_free(p);
  p = mi_calloc_tp(pair_t, 10);
  CHECK(p != NULL && is_zero(p, 10 * sizeof(pair_t)));
  p = mi_recalloc_tp(pair_t, p, 1000);
  CHECK(p != NULL && is_zero(p, 1000 * sizeof(pair_t)));
  mi_free(p);
  p = mi_mallocn_tp(pair_t, 10);
  CHECK(p != NULL && mi_usable_size(p) >= 10 * sizeof(pair_t));
  p = mi_reallocn_tp(pair_t, p, 1000);
  CHECK(p != NULL && mi_usable_size(p) >= 1000 * sizeof(pair_t));
  mi_free(p);
  CHECK(mi_calloc_tp(pair_t, TOO_LARGE) == NULL);

  mi_heap_t* heap = mi_heap_new();
  p = mi_heap_malloc_tp(pair_t, heap);
  CHECK(p != NULL && mi_usable_size(p) >= sizeof(pair_t));
  mi_free(p);
  p = mi_heap_zalloc_tp(pair_t, heap);
  CHECK(p != NULL && is_zero(p, sizeof(pair_t)));
  mi_free(p);
  p = mi_heap_calloc_tp(pair_t, heap, 10);
  CHECK(p != NULL && is_zero(p, 10 * sizeof(pair_t)));
  p = mi_heap_recalloc_tp(pair_t, heap, p, 1000);
  CHECK(p != NULL && is_zero(p, 1000 * sizeof(pair_t)));
  mi_free(p);
  p = mi_heap_mallocn_tp(pair_t, heap, 10);
  CHECK(p != NULL && mi_usable_size(p) >= 10 * sizeof(pair_t));
  p = mi_heap_reallocn_tp(pair_t, heap, p, 1000);
  CHECK(p != NULL && mi_usable_size(p) >= 1000 * sizeof(pair_t));
  mi_free(p);
  mi_heap_delete(heap);
  return report_checks();
}
