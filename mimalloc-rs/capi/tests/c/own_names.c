/* C's own names are ours, and set errno as POSIX asks. */
#include <malloc.h>
#include <mimalloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

/* Names that no header here declares. */
void* reallocf(void* p, size_t size);
size_t malloc_size(const void* p);
size_t malloc_good_size(size_t size);
void vfree(void* p);
void cfree(void* p);
int reallocarr(void* p, size_t count, size_t size);
void* _aligned_malloc(size_t size, size_t alignment);
void free_sized(void* p, size_t size);
void free_aligned_sized(void* p, size_t alignment, size_t size);
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void __libc_free(void* p);
void __libc_cfree(void* p);
void* __libc_valloc(size_t size);
void* __libc_pvalloc(size_t size);
void* __libc_memalign(size_t alignment, size_t size);
int __posix_memalign(void** p, size_t alignment, size_t size);

#define OURS(call, release)                              \
  do {                                                   \
    void* block = call;                                  \
    CHECK(block != NULL && mi_is_in_heap_region(block)); \
    CHECK_ERRNO(0, (release(block), 1));                 \
  } while (0)

static void succeed(void) {
  OURS(malloc(10), free);
  OURS(malloc(0), free);
  OURS(calloc(10, 10), free);
  OURS(realloc(NULL, 10), free);
  OURS(reallocf(NULL, 10), free);
  OURS(aligned_alloc(64, 64), free);
  OURS(memalign(64, 10), free);
  OURS(valloc(10), vfree);
  OURS(pvalloc(10), free);
  OURS(_aligned_malloc(10, 64), free);
  OURS(malloc(10), cfree);
  OURS(__libc_malloc(10), __libc_free);
  OURS(__libc_calloc(10, 10), __libc_cfree);
  OURS(__libc_realloc(NULL, 10), free);
  OURS(__libc_valloc(10), free);
  OURS(__libc_pvalloc(10), free);
  OURS(__libc_memalign(64, 10), free);
  OURS(malloc(200000), free);
  void* p = NULL;
  CHECK(posix_memalign(&p, 64, 10) == 0 && is_aligned(p, 64));
  free_aligned_sized(p, 64, 10);
  CHECK(__posix_memalign(&p, 64, 10) == 0 && is_aligned(p, 64));
  free_sized(p, 10);
  p = NULL;
  CHECK(reallocarr(&p, 10, 10) == 0 && mi_is_in_heap_region(p));
  CHECK(malloc_usable_size(p) >= 100 && malloc_size(p) >= 100 && malloc_good_size(100) >= 100);
  free(p);
  free(NULL);
  cfree(NULL);
  vfree(NULL);
  free_sized(NULL, 0);
  free_aligned_sized(NULL, 16, 0);
  CHECK(malloc_usable_size(NULL) == 0);
}

/* memalign alone rounds alignments up. */
static void odd_alignments(void) {
  size_t asked[] = {0, 1, 3, 17, 48, 5000};
  size_t got[] = {1, 1, 4, 32, 64, 8192};
  for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
    void* p = memalign(asked[i], 10);
    CHECK(p != NULL && is_aligned(p, got[i]));
    void* q = __libc_memalign(asked[i], 10);
    CHECK(q != NULL && is_aligned(q, got[i]));
    free(p);
    free(q);
  }
}

static void zeroes(void) {
  for (size_t size = 1; size < 200000; size = size * 3 + 1) {
    void* p = malloc(size);
    memset(p, 0xff, size);
    free(p);
    p = calloc(1, size);
    CHECK(p != NULL && is_zero(p, size));
    memset(p, 0xff, size);
    free(p);
    p = __libc_calloc(size, 1);
    CHECK(p != NULL && is_zero(p, size));
    free(p);
  }
}

static void fail(void) {
  void* p = malloc(10);
  size_t sizes[] = {TOO_LARGE, BEYOND, NOT_THERE};
  for (size_t i = 0; i < 3; i++) {
    size_t size = sizes[i];
    CHECK_ERRNO(ENOMEM, malloc(size) == NULL);
    CHECK_ERRNO(ENOMEM, calloc(1, size) == NULL);
    CHECK_ERRNO(ENOMEM, realloc(p, size) == NULL);
    CHECK_ERRNO(ENOMEM, realloc(NULL, size) == NULL);
    CHECK_ERRNO(ENOMEM, aligned_alloc(64, size) == NULL);
    CHECK_ERRNO(ENOMEM, memalign(64, size) == NULL);
    CHECK_ERRNO(ENOMEM, valloc(size) == NULL);
    CHECK_ERRNO(ENOMEM, pvalloc(size) == NULL);
    CHECK_ERRNO(ENOMEM, __libc_malloc(size) == NULL);
    CHECK_ERRNO(ENOMEM, __libc_memalign(64, size) == NULL);
    void* q = p;
    CHECK(posix_memalign(&q, 64, size) == ENOMEM && q == p);
  }
  CHECK_ERRNO(ENOMEM, calloc(TOO_LARGE, 2) == NULL);
  CHECK_ERRNO(ENOMEM, __libc_calloc(TOO_LARGE, 2) == NULL);
  CHECK_ERRNO(EINVAL, aligned_alloc(0, 10) == NULL);
  CHECK_ERRNO(EINVAL, aligned_alloc(48, 96) == NULL);
  CHECK_ERRNO(EINVAL, _aligned_malloc(96, 48) == NULL);
  CHECK_ERRNO(EINVAL, memalign(SIZE_MAX / 2 + 2, 10) == NULL);
  CHECK_ERRNO(EINVAL, __libc_memalign(SIZE_MAX, 10) == NULL);
  void* q = p;
  CHECK_ERRNO(0, posix_memalign(&q, 3, 10) == EINVAL && q == p);
  CHECK_ERRNO(0, posix_memalign(&q, 4, 10) == EINVAL && q == p);
  CHECK_ERRNO(0, __posix_memalign(&q, 4, 10) == EINVAL && q == p);
  CHECK_ERRNO(ENOMEM, reallocf(p, TOO_LARGE) == NULL);
}

static void tuning(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 1000) == 1);
  char* p = malloc(50 << 20);
  memset(p, 1, 50 << 20);
  free(p);
  CHECK(malloc_trim(0) == 1);
  struct mallinfo2 before = mallinfo2();
  char* large = malloc(50 << 20);
  char* small = malloc(1000);
  struct mallinfo2 info = mallinfo2();
  CHECK(info.hblkhd >= before.hblkhd + (50 << 20) && info.hblkhd < before.hblkhd + (51 << 20));
  CHECK(info.uordblks >= before.uordblks + 1000 && info.uordblks < before.uordblks + 2000);
  free(small);
  free(large);
  malloc_stats();
}

int main(void) {
  succeed();
  odd_alignments();
  zeroes();
  fail();
  tuning();
  return report_checks();
}
