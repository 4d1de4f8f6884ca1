/* Aligned allocation and reallocation, at all alignments and offsets. */
#include <mimalloc.h>

#include "check.h"

static void every_alignment(void) {
  for (size_t alignment = 1; alignment <= ((size_t)1 << 27); alignment *= 2) {
    size_t sizes[] = {0, 1, 7, alignment - 1, alignment, alignment + 1, 100, 5000, 70000, 200000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      size_t size = sizes[i];
      if (alignment > ((size_t)1 << 22) && size > 200000) continue;
      char* p = mi_malloc_aligned(size, alignment);
      CHECK(p != NULL && is_aligned(p, alignment) && mi_usable_size(p) >= size);
      if (p != NULL) memset(p, 0xff, size);
      char* z = mi_zalloc_aligned(size, alignment);
      CHECK(z != NULL && z != p && is_aligned(z, alignment) && is_zero(z, size));
      mi_free(p);
      mi_free(z);
      z = mi_calloc_aligned(2, size, alignment);
      CHECK(z != NULL && is_aligned(z, alignment) && is_zero(z, 2 * size));
      mi_free_aligned(z, alignment);
    }
  }
}

static void offsets(void) {
  for (size_t alignment = 1; alignment <= 65536; alignment *= 4) {
    size_t places[] = {0, 1, 7, 8, 16, 100, alignment / 2, alignment, alignment + 8, 5000};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
      size_t offset = places[i];
      for (size_t size = 0; size < 20000; size = 3 * size + 50) {
        char* p = mi_malloc_aligned_at(size, alignment, offset);
        CHECK(p != NULL && is_aligned(p + offset, alignment) && mi_usable_size(p) >= size);
        memset(p, 0xff, size);
        char* z = mi_zalloc_aligned_at(size, alignment, offset);
        CHECK(z != NULL && is_aligned(z + offset, alignment) && is_zero(z, size));
        char* c = mi_calloc_aligned_at(3, size, alignment, offset);
        CHECK(c != NULL && is_aligned(c + offset, alignment) && is_zero(c, 3 * size));
        p = mi_realloc_aligned_at(p, 2 * size, alignment, offset);
        CHECK(p != NULL && is_aligned(p + offset, alignment) && is_filled(p, 0xff, size));
        mi_free(p);
        mi_free(z);
        mi_free(c);
      }
    }
  }
}

static void reallocation(void) {
  char* p = mi_malloc_aligned(100, 256);
  memset(p, 7, 100);
  CHECK(mi_realloc_aligned(p, mi_usable_size(p), 256) == p);
  for (size_t size = 100; size < 2000000; size *= 3) {
    p = mi_realloc_aligned(p, size, 256);
    CHECK(p != NULL && is_aligned(p, 256) && is_filled(p, 7, 100));
  }
  p = mi_realloc_aligned(p, 100, 4096);
  CHECK(p != NULL && is_aligned(p, 4096) && is_filled(p, 7, 100));
  p = mi_realloc_aligned(p, 50, 1);
  CHECK(p != NULL && is_filled(p, 7, 50));
  mi_free(p);
  p = mi_realloc_aligned(NULL, 100, 128);
  CHECK(p != NULL && is_aligned(p, 128));
  p = mi_realloc_aligned(p, 0, 128);
  CHECK(p != NULL && is_aligned(p, 128));
  mi_free(p);
}

/* Up to a word reallocation takes any, for every block is aligned to one. */
static void any_alignment_up_to_a_word(void) {
  for (size_t alignment = 0; alignment <= sizeof(void*); alignment++) {
    char* p = mi_realloc_aligned(NULL, 5, alignment);
    CHECK(p != NULL && is_aligned(p, sizeof(void*)));
    if (p == NULL) continue;
    strcpy(p, "here");
    p = mi_realloc_aligned(p, 1000, alignment);
    CHECK(p != NULL && is_aligned(p, sizeof(void*)) && strcmp(p, "here") == 0);
    p = mi_realloc_aligned_at(p, 100000, alignment, 0);
    CHECK(p != NULL && is_aligned(p, sizeof(void*)) && strcmp(p, "here") == 0);
    CHECK(mi_realloc_aligned(p, TOO_LARGE, alignment) == NULL && strcmp(p, "here") == 0);
    mi_free(p);
  }
}

static void refusals(void) {
  char* p = mi_malloc(10);
  strcpy(p, "here");
  size_t bad[] = {0, 3, 6, 12, 24, 100, 4095, TOO_LARGE};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    size_t alignment = bad[i];
    CHECK_ERRNO(0, mi_malloc_aligned(8, alignment) == NULL);
    CHECK_ERRNO(0, mi_zalloc_aligned(8, alignment) == NULL);
    CHECK(mi_malloc_aligned_at(8, alignment, 4) == NULL);
    CHECK(mi_zalloc_aligned_at(8, alignment, 4) == NULL);
    CHECK(mi_calloc_aligned(8, 8, alignment) == NULL);
    CHECK(mi_calloc_aligned_at(8, 8, alignment, 4) == NULL);
    CHECK(mi_realloc_aligned_at(p, 8, alignment, 4) == NULL);
    if (alignment <= sizeof(void*)) continue;
    CHECK(mi_realloc_aligned(p, 800, alignment) == NULL);
    CHECK(mi_realloc_aligned_at(p, 800, alignment, 0) == NULL);
  }
  size_t large[] = {TOO_LARGE, TOO_LARGE - 64, BEYOND, BEYOND - 1, NOT_THERE};
  for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
    size_t size = large[i];
    CHECK(mi_malloc_aligned(size, 64) == NULL);
    CHECK(mi_malloc_aligned_at(size, 64, 8) == NULL);
    CHECK(mi_zalloc_aligned(size, 65536) == NULL);
    CHECK(mi_zalloc_aligned_at(size, 64, 8) == NULL);
    CHECK(mi_calloc_aligned(size, 2, 64) == NULL);
    CHECK(mi_calloc_aligned_at(size, 2, 64, 8) == NULL);
    CHECK(mi_realloc_aligned(p, size, 64) == NULL);
    CHECK(mi_realloc_aligned_at(p, size, 64, 8) == NULL);
  }
  CHECK(mi_malloc_aligned(100, (size_t)1 << 62) == NULL);
  CHECK(mi_malloc_aligned(100, (size_t)1 << 63) == NULL);
  CHECK(strcmp(p, "here") == 0);
  mi_free(p);
}

int main(void) {
  every_alignment();
  offsets();
  reallocation();
  any_alignment_up_to_a_word();
  refusals();
  return report_checks();
}
