/* A program without the C++ library cannot be thrown an exception at. */
#include <dlfcn.h>
#include <mimalloc.h>

#include "check.h"

int main(void) {
  mi_free(mi_new(100));
  CHECK(dlopen("nowhere.so", RTLD_NOW) == NULL);
  CHECK(mi_new_nothrow(TOO_LARGE) == NULL);
  /* What the loader has to say is still the program's own error. */
  const char* said = dlerror();
  CHECK(said != NULL && strstr(said, "nowhere.so") != NULL);
  if (checks_failed == 0) puts("up to the last line");
  fflush(stdout);
  mi_free(mi_new(TOO_LARGE));
  puts("beyond it");
  return 0;
}
