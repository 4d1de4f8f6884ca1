/* malloc, calloc, realloc and their kin, with a prefix. */
#include <mimalloc.h>

#include "check.h"

static void no_size(void) {
  void* a = mi_malloc(0);
  void* b = mi_malloc(0);
  void* c = mi_calloc(0, 8);
  void* d = mi_calloc(8, 0);
  void* e = mi_zalloc(0);
  void* f = mi_mallocn(0, 5);
  void* g = mi_realloc(NULL, 0);
  void* all[] = {a, b, c, d, e, f, g};
  for (size_t i = 0; i < 7; i++) {
    CHECK(all[i] != NULL);
    for (size_t j = 0; j < i; j++) CHECK(all[i] != all[j]);
  }
  for (size_t i = 0; i < 7; i++) mi_free(all[i]);
  mi_free(NULL);
}

static void contents(void) {
  for (size_t size = 1; size < 300000; size += size / 3 + 1) {
    unsigned char* p = (unsigned char*)mi_malloc(size);
    CHECK(p != NULL && is_aligned(p, size >= 16 ? 16 : 8));
    memset(p, 0xab, mi_usable_size(p));
    mi_free(p);
    p = (unsigned char*)mi_calloc(1, size);
    CHECK(p != NULL && is_zero(p, size));
    memset(p, 0xab, size);
    mi_free(p);
    p = (unsigned char*)mi_zalloc(size);
    CHECK(p != NULL && is_zero(p, mi_usable_size(p)));
    memset(p, 0xab, mi_usable_size(p));
    p = (unsigned char*)mi_realloc(p, 2 * size);
    CHECK(p != NULL && is_filled(p, 0xab, size));
    p = (unsigned char*)mi_realloc(p, size / 2 + 1);
    CHECK(p != NULL && is_filled(p, 0xab, size / 2 + 1));
    mi_free(p);
  }
}

static void too_large(void) {
  char* p = mi_malloc(100);
  strcpy(p, "still here");
  size_t sizes[] = {TOO_LARGE, TOO_LARGE - 8, TOO_LARGE - 4096, BEYOND, BEYOND - 1, NOT_THERE};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    size_t size = sizes[i];
    CHECK(mi_malloc(size) == NULL);
    CHECK(mi_zalloc(size) == NULL);
    CHECK(mi_calloc(1, size) == NULL);
    CHECK(mi_calloc(size, 1) == NULL);
    CHECK(mi_mallocn(1, size) == NULL);
    CHECK(mi_realloc(p, size) == NULL);
    CHECK(mi_reallocn(p, 1, size) == NULL);
    CHECK(mi_expand(p, size) == NULL);
    CHECK(mi_realloc(NULL, size) == NULL);
    CHECK(mi_reallocf(NULL, size) == NULL);
  }
  size_t half = BEYOND / 2 + 1;
  CHECK(mi_calloc(half, 4) == NULL);
  CHECK(mi_calloc(4, half) == NULL);
  CHECK(mi_mallocn(half, 4) == NULL);
  CHECK(mi_reallocn(p, half, 4) == NULL);
  CHECK(mi_reallocn(p, TOO_LARGE, TOO_LARGE) == NULL);
  CHECK(strcmp(p, "still here") == 0);
  mi_free(p);
}

static void reallocation(void) {
  char* p = mi_malloc(64);
  CHECK(mi_realloc(p, mi_usable_size(p)) == p);
  CHECK(mi_realloc(p, mi_usable_size(p) / 2) == p);
  strcpy(p, "moves along");
  p = mi_realloc(p, 100000);
  CHECK(p != NULL && strcmp(p, "moves along") == 0);
  p = mi_realloc(p, 16);
  CHECK(p != NULL && memcmp(p, "moves along", 12) == 0 && mi_usable_size(p) < 100000);
  p = mi_realloc(p, 0);
  CHECK(p != NULL && mi_usable_size(p) <= 16);
  mi_free(p);

  p = mi_reallocn(NULL, 10, 10);
  CHECK(p != NULL && mi_usable_size(p) >= 100);
  p = mi_reallocn(p, 20, 10);
  CHECK(p != NULL && mi_usable_size(p) >= 200);
  p = mi_reallocf(p, 300);
  CHECK(p != NULL && mi_usable_size(p) >= 300);
  /* Fails, and frees: a second free would be an error. */
  CHECK(mi_reallocf(p, TOO_LARGE) == NULL);
}

static void expansion(void) {
  CHECK(mi_expand(NULL, 0) == NULL);
  CHECK(mi_expand(NULL, 8) == NULL);
  char* p = mi_malloc(100);
  CHECK(mi_expand(p, mi_usable_size(p)) == p);
  CHECK(mi_expand(p, 1) == p);
  CHECK(mi_expand(p, 0) == p);
  CHECK(mi_expand(p, mi_usable_size(p) + 1) == NULL);
  CHECK(mi_usable_size(p) >= 100);
  mi_free(p);
}

static void errno_stays(void) {
  void* small = mi_malloc(10);
  void* large = mi_malloc(10 << 20);
  CHECK_ERRNO(0, (mi_free(small), 1));
  CHECK_ERRNO(0, (mi_free(large), 1));
  CHECK_ERRNO(0, mi_malloc(TOO_LARGE) == NULL);
  CHECK_ERRNO(0, mi_calloc(TOO_LARGE, 2) == NULL);
}

/* Many live blocks at once never overlap. */
static void many(void) {
  enum { COUNT = 20000 };
  static unsigned char* blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    size_t size = (i * 37) % 2000 + 1;
    blocks[i] = (unsigned char*)mi_malloc(size);
    memset(blocks[i], (int)(i & 0xff), size);
  }
  int intact = 1;
  for (size_t i = 0; i < COUNT; i++) {
    intact = intact && is_filled(blocks[i], (int)(i & 0xff), (i * 37) % 2000 + 1);
    mi_free(blocks[i]);
  }
  CHECK(intact);
}

int main(void) {
  no_size();
  contents();
  too_large();
  reallocation();
  expansion();
  errno_stays();
  many();
  return report_checks();
}
