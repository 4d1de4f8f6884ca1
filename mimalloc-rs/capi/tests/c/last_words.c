/* Says when its last functions run: after them the library has its turn. What is printed is still in a buffer by then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char* line) {
  if (write(STDERR_FILENO, line, strlen(line)) < 0) _exit(3);
}

__attribute__((destructor)) static void last(void) {
  say("last function\n");
}

__attribute__((destructor(101))) static void very_last(void) {
  say("very last function\n");
}

int main(int count, char** arguments) {
  if (count < 2) return 2;
  FILE* file = fopen(arguments[1], "w");
  if (file == NULL) return 2;
  fputs("in a file\n", file);
  setvbuf(stdout, malloc(BUFSIZ), _IOFBF, BUFSIZ);
  puts("last words");
  return 0;
}
