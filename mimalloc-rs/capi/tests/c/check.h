/* Counts checks, and prints those that fail. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int checks_made = 0;
static int checks_failed = 0;

static void check(int holds, const char* what, const char* file, int line) {
  checks_made++;
  if (!holds) {
    checks_failed++;
    printf("%s:%d: not so: %s\n", file, line, what);
  }
}

#define CHECK(expression) check((expression) ? 1 : 0, #expression, __FILE__, __LINE__)
#define CHECK_ERRNO(expected, expression)                                     \
  do {                                                                        \
    errno = 0;                                                                \
    CHECK(expression);                                                        \
    check(errno == (expected), "errno " #expected " after " #expression, __FILE__, __LINE__); \
  } while (0)

static inline int report_checks(void) {
  printf("%d checks, %d failed\n", checks_made, checks_failed);
  return checks_failed == 0 && checks_made > 0 ? 0 : 1;
}

/* Sizes that no compiler can see through. */
static volatile size_t opaque_size;
static inline size_t opaque(size_t size) {
  opaque_size = size;
  return opaque_size;
}
#define TOO_LARGE opaque(SIZE_MAX)
#define BEYOND opaque((size_t)PTRDIFF_MAX + 1)
/* Less than the limit, and more than any machine has. */
#define NOT_THERE opaque((size_t)1 << 60)

static inline int is_aligned(const void* p, size_t alignment) {
  return ((uintptr_t)p & (alignment - 1)) == 0;
}

static inline int is_zero(const void* p, size_t size) {
  const unsigned char* bytes = (const unsigned char*)p;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) return 0;
  }
  return 1;
}

static inline int is_filled(const void* p, int byte, size_t size) {
  const unsigned char* bytes = (const unsigned char*)p;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != (unsigned char)byte) return 0;
  }
  return 1;
}

#endif
