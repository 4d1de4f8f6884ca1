/* Functions named after those of POSIX and BSD, with a prefix. */
#include <mimalloc.h>
#include <unistd.h>

#include "check.h"

static void aligned(void) {
  void* const untouched = (void*)&checks_made;
  void* p = untouched;
  CHECK_ERRNO(0, mi_posix_memalign(NULL, 16, 8) == EINVAL);
  size_t bad[] = {0, 1, 2, 4, 12, 24, 100};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    CHECK_ERRNO(0, mi_posix_memalign(&p, bad[i], 8) == EINVAL && p == untouched);
  }
  CHECK(mi_posix_memalign(&p, 64, TOO_LARGE) == ENOMEM && p == untouched);
  CHECK(mi_posix_memalign(&p, 64, NOT_THERE) == ENOMEM && p == untouched);
  for (size_t alignment = 8; alignment <= 65536; alignment *= 2) {
    void* q = NULL;
    CHECK(mi_posix_memalign(&p, alignment, 0) == 0 && p != NULL && is_aligned(p, alignment));
    CHECK(mi_posix_memalign(&q, alignment, 100) == 0 && q != p && is_aligned(q, alignment));
    mi_free(p);
    mi_free(q);
    p = mi_memalign(alignment, 10);
    q = mi_aligned_alloc(alignment, 10);
    CHECK(p != NULL && is_aligned(p, alignment) && q != NULL && is_aligned(q, alignment));
    mi_free_size_aligned(p, 10, alignment);
    mi_free_aligned(q, alignment);
  }
  CHECK_ERRNO(0, mi_memalign(0, 10) == NULL);
  CHECK_ERRNO(0, mi_memalign(3, 10) == NULL);
  CHECK_ERRNO(0, mi_aligned_alloc(0, 10) == NULL);
  CHECK_ERRNO(0, mi_aligned_alloc(48, 96) == NULL);
  CHECK(mi_memalign(64, TOO_LARGE) == NULL);
  CHECK(mi_aligned_alloc(64, TOO_LARGE) == NULL);
}

static void pages(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t sizes[] = {0, 1, page - 1, page, page + 1, 10 * page};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    char* v = mi_valloc(sizes[i]);
    char* p = mi_pvalloc(sizes[i]);
    CHECK(v != NULL && is_aligned(v, page) && mi_usable_size(v) >= sizes[i]);
    CHECK(p != NULL && is_aligned(p, page) && mi_usable_size(p) >= (sizes[i] + page - 1) / page * page);
    mi_free(v);
    mi_free(p);
  }
  CHECK(mi_valloc(TOO_LARGE) == NULL);
  CHECK(mi_pvalloc(TOO_LARGE) == NULL);
  CHECK(mi_pvalloc(TOO_LARGE - page) == NULL);
  CHECK(mi_pvalloc(TOO_LARGE - page + 1) == NULL);
}

static void arrays(void) {
  void* p;
  CHECK_ERRNO(0, (p = mi_reallocarray(NULL, 0, 8)) != NULL);
  CHECK_ERRNO(0, (p = mi_reallocarray(p, 100, 8)) != NULL && mi_usable_size(p) >= 800);
  CHECK_ERRNO(EOVERFLOW, mi_reallocarray(p, TOO_LARGE, 8) == NULL);
  CHECK_ERRNO(EOVERFLOW, mi_reallocarray(NULL, BEYOND, 2) == NULL);
  CHECK_ERRNO(ENOMEM, mi_reallocarray(p, NOT_THERE, 1) == NULL);
  CHECK(mi_usable_size(p) >= 800);

  void* before = p;
  CHECK_ERRNO(EINVAL, mi_reallocarr(NULL, 1, 1) == EINVAL);
  CHECK_ERRNO(EINVAL, mi_reallocarr(&p, 1, 0) == EINVAL && p == before);
  CHECK_ERRNO(EOVERFLOW, mi_reallocarr(&p, TOO_LARGE, 8) == EOVERFLOW && p == before);
  CHECK_ERRNO(ENOMEM, mi_reallocarr(&p, NOT_THERE, 1) == ENOMEM && p == before);
  CHECK_ERRNO(0, mi_reallocarr(&p, 1000, 8) == 0 && p != NULL && mi_usable_size(p) >= 8000);
  CHECK_ERRNO(0, mi_reallocarr(&p, 0, 8) == 0 && p == NULL);
  CHECK_ERRNO(0, mi_reallocarr(&p, 0, 8) == 0 && p == NULL);
  CHECK_ERRNO(0, mi_reallocarr(&p, 3, 8) == 0 && p != NULL);
  mi_free_size(p, 24);
}

static void frees(void) {
  int here = 0;
  mi_cfree(NULL);
  mi_cfree(&here);
  mi_cfree(mi_malloc(10));
  mi_free_size(NULL, 0);
  mi_free_size_aligned(NULL, 0, 16);
  mi_free_aligned(NULL, 16);
  mi_free_size(mi_malloc(100), 100);

  char* p = mi_malloc(100);
  CHECK_ERRNO(0, mi__expand(p, 50) == p);
  CHECK_ERRNO(ENOMEM, mi__expand(p, 100000) == NULL);
  CHECK_ERRNO(ENOMEM, mi__expand(NULL, 1) == NULL);
  mi_free(p);
}

int main(void) {
  aligned();
  pages();
  arrays();
  frees();
  return report_checks();
}
