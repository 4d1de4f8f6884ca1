/* A program with an allocator of its own, as the C library's manual allows: all functions that it names are here. */
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

/* In front of each block. */
struct header {
  size_t magic, size;
};
enum { MAGIC = 0xfeed };

static char pool[1 << 24];
static size_t used;

void* memalign(size_t alignment, size_t size) {
  if (alignment < 16) alignment = 16;
  uintptr_t start = (uintptr_t)pool + used + sizeof(struct header);
  start = (start + alignment - 1) / alignment * alignment;
  size_t end = start - (uintptr_t)pool;
  if (size > sizeof(pool) - end) {
    errno = ENOMEM;
    return NULL;
  }
  used = end + size;
  struct header* header = (struct header*)start - 1;
  header->magic = MAGIC;
  header->size = size;
  return header + 1;
}

static struct header* header_of(void* p) {
  struct header* header = (struct header*)p - 1;
  if (header->magic != MAGIC) abort();
  return header;
}

void free(void* p) {
  if (p != NULL) header_of(p)->magic = 0;
}

void* malloc(size_t size) { return memalign(16, size); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void* valloc(size_t size) { return memalign(4096, size); }
void* pvalloc(size_t size) { return memalign(4096, (size + 4095) / 4096 * 4096); }
size_t malloc_usable_size(void* p) { return p == NULL ? 0 : header_of(p)->size; }

int posix_memalign(void** result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result == NULL ? ENOMEM : 0;
}

void* calloc(size_t count, size_t size) {
  void* p = malloc(count * size);
  return p == NULL ? NULL : memset(p, 0, count * size);
}

void* realloc(void* p, size_t size) {
  void* block = malloc(size);
  if (block != NULL && p != NULL) {
    size_t before = header_of(p)->size;
    memcpy(block, p, before < size ? before : size);
    free(p);
  }
  return block;
}

static int from_pool(const void* p) { return (const char*)p >= pool && (const char*)p < pool + sizeof(pool); }

int main(void) {
  char* s = strdup("hello");
  CHECK(from_pool(s) && strcmp(s, "hello") == 0);
  char* start = strndup(s, 3);
  CHECK(from_pool(start) && strcmp(start, "hel") == 0);
  free(start);
  s = reallocarray(s, 10, 10);
  CHECK(from_pool(s) && malloc_usable_size(s) == 100 && strcmp(s, "hello") == 0);
  CHECK_ERRNO(ENOMEM, reallocarray(s, TOO_LARGE, 2) == NULL);
  free(s);
  return report_checks();
}
