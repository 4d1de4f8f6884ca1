/* Tells whether the program runs with more rights than who started it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void) {
  free(malloc(10));
  puts(getauxval(AT_SECURE) ? "more rights" : "the same rights");
  return 0;
}
