/* Blocks that are zero stay zero where they grow. */
#include <mimalloc.h>

#include "check.h"

/* Grows in steps, dirties all that was asked for, and looks at what is new. */
#define GROWS(start, grow)                                      \
  do {                                                          \
    size_t size = 10;                                           \
    unsigned char* p = (unsigned char*)(start);                 \
    CHECK(p != NULL && is_zero(p, size));                       \
    while (p != NULL && size < 400000) {                        \
      memset(p, 0xee, size);                                    \
      size_t larger = size + size / 5 + 1;                      \
      p = (unsigned char*)(grow);                               \
      CHECK(p != NULL && is_filled(p, 0xee, size));             \
      CHECK(p != NULL && is_zero(p + size, larger - size));     \
      size = larger;                                            \
    }                                                           \
    mi_free(p);                                                 \
  } while (0)

int main(void) {
  GROWS(mi_zalloc(10), mi_rezalloc(p, larger));
  GROWS(mi_calloc(1, 10), mi_recalloc(p, larger, 1));
  GROWS(mi_rezalloc(NULL, 10), mi_recalloc(p, 1, larger));
  GROWS(mi_zalloc_aligned(10, 64), mi_rezalloc_aligned(p, larger, 64));
  GROWS(mi_zalloc_aligned_at(10, 64, 8), mi_rezalloc_aligned_at(p, larger, 64, 8));
  GROWS(mi_zalloc_aligned(10, 64), mi_recalloc_aligned(p, 1, larger, 64));
  GROWS(mi_zalloc_aligned_at(10, 64, 8), mi_recalloc_aligned_at(p, larger, 1, 64, 8));
  GROWS(mi_zalloc_aligned(10, 64), mi_aligned_recalloc(p, 1, larger, 64));
  GROWS(mi_zalloc_aligned_at(10, 64, 8), mi_aligned_offset_recalloc(p, larger, 1, 64, 8));

  for (size_t alignment = 0; alignment <= sizeof(void*); alignment++) {
    GROWS(mi_rezalloc_aligned(NULL, 10, alignment), mi_rezalloc_aligned(p, larger, alignment));
    GROWS(mi_recalloc_aligned(NULL, 10, 1, alignment), mi_recalloc_aligned(p, 1, larger, alignment));
    GROWS(mi_aligned_recalloc(NULL, 10, 1, alignment), mi_aligned_recalloc(p, 1, larger, alignment));
    GROWS(mi_rezalloc_aligned_at(NULL, 10, alignment, 0), mi_recalloc_aligned_at(p, 1, larger, alignment, 0));
  }

  char* p = mi_zalloc(20);
  strcpy(p, "here");
  CHECK(mi_rezalloc(p, TOO_LARGE) == NULL);
  CHECK(mi_recalloc(p, TOO_LARGE, 2) == NULL);
  CHECK(mi_rezalloc_aligned(p, TOO_LARGE, 64) == NULL);
  CHECK(mi_rezalloc_aligned(p, 100, 63) == NULL);
  CHECK(mi_rezalloc_aligned_at(p, TOO_LARGE, 64, 8) == NULL);
  CHECK(mi_rezalloc_aligned_at(p, 100, 0, 8) == NULL);
  CHECK(mi_recalloc_aligned(p, TOO_LARGE, 2, 64) == NULL);
  CHECK(mi_recalloc_aligned(p, 10, 10, 63) == NULL);
  CHECK(mi_recalloc_aligned_at(p, TOO_LARGE, 2, 64, 8) == NULL);
  CHECK(mi_recalloc_aligned_at(p, 10, 10, 63, 8) == NULL);
  CHECK(mi_aligned_recalloc(p, TOO_LARGE, 2, 64) == NULL);
  CHECK(mi_aligned_recalloc(p, 10, 10, 63) == NULL);
  CHECK(mi_aligned_offset_recalloc(p, TOO_LARGE, 2, 64, 8) == NULL);
  CHECK(mi_aligned_offset_recalloc(p, 10, 10, 63, 8) == NULL);
  CHECK(strcmp(p, "here") == 0);
  p = mi_rezalloc(p, 0);
  CHECK(p != NULL);
  mi_free(p);
  return report_checks();
}
