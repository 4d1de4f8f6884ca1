/* Allocation before main, after main, and while a thread's first allocation is its last act. */
#include <mimalloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static void* from_preinit;
static void* from_constructor;

static void before_constructors(int argc, char** argv, char** environment) {
  (void)argc;
  (void)argv;
  (void)environment;
  from_preinit = malloc(100);
}

#if !defined(__PIC__) || defined(__PIE__)
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char**, char**) =
    before_constructors;
#endif

__attribute__((constructor(101))) static void early(void) {
  from_constructor = calloc(10, 10);
}

static void* kept;

static void at_exit(void) {
  free(kept);
  free(malloc(5000));
}

__attribute__((destructor)) static void late(void) {
  void* p = malloc(100);
  if (p == NULL || !mi_is_in_heap_region(p)) _exit(3);
  free(p);
}

int main(void) {
  CHECK(from_preinit != NULL && mi_is_in_heap_region(from_preinit));
  CHECK(from_constructor != NULL && mi_is_in_heap_region(from_constructor));
  free(from_preinit);
  free(from_constructor);
  kept = malloc(100);
  CHECK(atexit(at_exit) == 0);
  mi_process_init();
  mi_process_init();
  return report_checks();
}
