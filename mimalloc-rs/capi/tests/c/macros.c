/* The header that turns other libraries' names into ours. */
#include <stdlib.h>
#include <wchar.h>

#include "check.h"

#include <mimalloc-override.h>

#define OURS(call)                            \
  do {                                        \
    void* block = call;                       \
    CHECK(block != NULL && mi_is_in_heap_region(block)); \
    mi_free(block);                           \
  } while (0)

int main(void) {
  OURS(malloc(10));
  OURS(calloc(10, 10));
  OURS(realloc(NULL, 10));
  OURS(strdup("text"));
  OURS(strndup("text", 2));
  OURS(realpath("/", NULL));
  OURS(reallocf(NULL, 10));
  OURS(valloc(10));
  OURS(pvalloc(10));
  OURS(reallocarray(NULL, 2, 3));
  OURS(memalign(64, 10));
  OURS(aligned_alloc(64, 10));
  OURS(_recalloc(NULL, 2, 3));
  OURS(_strdup("text"));
  OURS(_strndup("text", 2));
  OURS(_wcsdup(L"text"));
  OURS(_mbsdup((const unsigned char*)"text"));
  OURS(_aligned_malloc(10, 64));
  OURS(_aligned_realloc(NULL, 10, 64));
  OURS(_aligned_recalloc(NULL, 2, 5, 64));
  OURS(_aligned_offset_malloc(10, 64, 8));
  OURS(_aligned_offset_realloc(NULL, 10, 64, 8));
  OURS(_aligned_offset_recalloc(NULL, 2, 5, 64, 8));

  void* p = NULL;
  CHECK(posix_memalign(&p, 64, 10) == 0 && is_aligned(p, 64));
  free(p);
  CHECK(_posix_memalign(&p, 64, 10) == 0 && is_aligned(p, 64));
  cfree(p);
  p = NULL;
  CHECK(reallocarr(&p, 10, 10) == 0 && p != NULL);
  CHECK(malloc_size(p) >= 100 && malloc_usable_size(p) >= 100 && _msize(p) >= 100 && _aligned_msize(p, 8, 0) >= 100);
  CHECK(malloc_good_size(100) >= 100);
  CHECK(_expand(p, 100) == p);
  _aligned_free(p);
  char* text = NULL;
  size_t size = 0;
  setenv("MI_TEST_VARIABLE", "x", 1);
  CHECK(_dupenv_s(&text, &size, "MI_TEST_VARIABLE") == 0 && text != NULL);
  free(text);
  wchar_t* wide = NULL;
  CHECK(_wdupenv_s(&wide, &size, L"MI_TEST_VARIABLE") == EINVAL);
  return report_checks();
}
