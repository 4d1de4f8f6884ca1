/* A program without the C++ library cannot be thrown an exception at. */
#include <mimalloc.h>

#include "check.h"

int main(void) {
  mi_free(mi_new(100));
  CHECK(mi_new_nothrow(TOO_LARGE) == NULL);
  if (checks_failed == 0) puts("up to the last line");
  fflush(stdout);
  mi_free(mi_new(TOO_LARGE));
  puts("beyond it");
  return 0;
}
