/* Usable sizes: what they are, and the functions that tell them. */
#include <mimalloc.h>

#include "check.h"

/* At and around the bounds of every size class. */
static void class_bounds(void) {
  size_t classes = 0;
  for (size_t size = mi_good_size(0); size <= ((size_t)1 << 20); size = mi_good_size(size + 1)) {
    classes++;
    CHECK(mi_good_size(size) == size);
    for (size_t asked = size - 1; asked <= size + 1; asked++) {
      char* p = mi_malloc(asked);
      size_t usable = mi_usable_size(p);
      CHECK(p != NULL && usable >= asked && usable == mi_good_size(asked));
      CHECK(mi_malloc_size(p) == usable && mi_malloc_usable_size(p) == usable);
      memset(p, 1, usable);
      mi_free(p);
    }
  }
  CHECK(classes > 40);
}

static void good_sizes(void) {
  CHECK(mi_good_size(0) == mi_good_size(1));
  for (size_t size = 0; size < 100000; size += 7) CHECK(mi_good_size(size) >= size);
  CHECK(mi_good_size(BEYOND) == BEYOND);
  CHECK(mi_good_size(TOO_LARGE) == TOO_LARGE);
  CHECK(mi_malloc_good_size(100) == mi_good_size(100));
  CHECK(mi_usable_size(NULL) == 0);
  CHECK(mi_malloc_size(NULL) == 0);
  CHECK(mi_malloc_usable_size(NULL) == 0);
  int here;
  CHECK(mi_malloc_size(&here) == 0);
  CHECK(mi_malloc_usable_size(&here) == 0);
}

static void small(void) {
  CHECK(MI_SMALL_SIZE_MAX == 1024);
  CHECK(MI_SMALL_WSIZE_MAX == 128);
  for (size_t size = 0; size <= MI_SMALL_SIZE_MAX; size++) {
    void* p = mi_malloc_small(size);
    void* z = mi_zalloc_small(size);
    CHECK(p != NULL && mi_usable_size(p) >= size);
    CHECK(z != NULL && z != p && is_zero(z, mi_usable_size(z)));
    memset(z, 0xff, mi_usable_size(z));
    mi_free_small(p);
    mi_free(z);
  }
  mi_free_small(NULL);
}

static void telling(void) {
  size_t told = 1;
  void* p = mi_umalloc(100, &told);
  CHECK(p != NULL && told >= 100 && told == mi_usable_size(p));
  size_t before = 0;
  size_t after = 0;
  void* q = mi_urealloc(p, 5000, &before, &after);
  CHECK(q != NULL && before == told && after == mi_usable_size(q) && after >= 5000);
  size_t freed = 0;
  mi_ufree(q, &freed);
  CHECK(freed == after);

  p = mi_urealloc(NULL, 10, &before, &after);
  CHECK(p != NULL && before == 0 && after >= 10);
  CHECK(mi_urealloc(p, TOO_LARGE, &before, &after) == NULL && before == mi_usable_size(p) && after == 0);
  mi_ufree(p, NULL);
  mi_ufree(NULL, &freed);
  CHECK(freed == 0);
  mi_ufree(NULL, NULL);

#define TELLS(call, bytes)                                           \
  do {                                                               \
    told = 0;                                                        \
    p = call;                                                        \
    CHECK(p != NULL && told >= (bytes) && told == mi_usable_size(p)); \
    memset(p, 0xff, told);                                           \
    mi_free(p);                                                      \
  } while (0)
  TELLS(mi_uzalloc(100, &told), 100);
  TELLS(mi_ucalloc(10, 10, &told), 100);
  TELLS(mi_umalloc_small(100, &told), 100);
  TELLS(mi_uzalloc_small(100, &told), 100);
  TELLS(mi_umalloc_aligned(100, 256, &told), 100);
  TELLS(mi_uzalloc_aligned(100, 256, &told), 100);
  TELLS(mi_umalloc(0, &told), 0);

#define ZERO(call)                                  \
  do {                                              \
    p = call;                                       \
    CHECK(p != NULL && is_zero(p, mi_usable_size(p))); \
    mi_free(p);                                     \
  } while (0)
  ZERO(mi_uzalloc(100, NULL));
  ZERO(mi_ucalloc(10, 10, NULL));
  ZERO(mi_uzalloc_small(100, NULL));
  ZERO(mi_uzalloc_aligned(100, 256, NULL));

#define TELLS_NOTHING(call)       \
  do {                            \
    told = 1;                     \
    CHECK(call == NULL && told == 0); \
  } while (0)
  TELLS_NOTHING(mi_umalloc(TOO_LARGE, &told));
  TELLS_NOTHING(mi_uzalloc(TOO_LARGE, &told));
  TELLS_NOTHING(mi_ucalloc(TOO_LARGE, 2, &told));
  TELLS_NOTHING(mi_umalloc_aligned(TOO_LARGE, 64, &told));
  TELLS_NOTHING(mi_uzalloc_aligned(64, 3, &told));
  TELLS_NOTHING(mi_umalloc_aligned(64, 0, &told));
}

int main(void) {
  class_bounds();
  good_sizes();
  small();
  telling();
  return report_checks();
}
