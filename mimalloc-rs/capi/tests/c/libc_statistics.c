/* What the C library's own names tell of memory, in its formats. */
#include <malloc.h>
#include <mimalloc.h>
#include <stdlib.h>

#include "check.h"

/* The number in an element, or SIZE_MAX. */
static size_t number(const char* text, const char* element) {
  const char* start = strstr(text, element);
  const char* size = start == NULL ? NULL : strstr(start, "size=\"");
  return size == NULL ? SIZE_MAX : strtoull(size + strlen("size=\""), NULL, 10);
}

static void told(char* text, size_t room) {
  FILE* stream = fmemopen(text, room, "w");
  CHECK(stream != NULL);
  CHECK(malloc_info(0, stream) == 0);
  fclose(stream);
}

static void elements(void) {
  char before[2000];
  char after[2000];
  told(before, sizeof(before));
  char* large = malloc(50 << 20);
  CHECK(large != NULL && mi_is_in_heap_region(large));
  told(after, sizeof(after));
  struct mallinfo2 info = mallinfo2();
  free(large);

  const char* first = "<malloc version=\"1\">\n";
  const char* last = "\n</malloc>\n";
  CHECK(strncmp(after, first, strlen(first)) == 0);
  CHECK(strlen(after) > strlen(last) && strcmp(after + strlen(after) - strlen(last), last) == 0);
  size_t grown = number(after, "<total type=\"mmap\"") - number(before, "<total type=\"mmap\"");
  CHECK(grown >= 50 << 20 && grown < 51 << 20);
  CHECK(number(after, "<total type=\"mmap\"") == info.hblkhd);
  size_t held = number(after, "<system type=\"current\"");
  size_t unused = number(after, "<total type=\"rest\"");
  CHECK(held != SIZE_MAX && held == info.arena && unused <= held);
}

int main(void) {
  elements();
  CHECK(malloc_info(1, stdout) == EINVAL);
  return report_checks();
}
