/* A plugin with the allocator inside, for itself alone. */
#include <mimalloc.h>
#include <string.h>

void work(void) {
  void* kept = mi_malloc(100);
  memset(kept, 1, 100);
  for (size_t size = 1; size < 100000; size *= 2) {
    void* p = mi_malloc(size);
    memset(p, 1, size);
    mi_free(p);
  }
}
