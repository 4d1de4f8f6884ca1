/* The C library's own users of malloc are served by ours, and what they hand out can be freed. */
#include <dirent.h>
#include <locale.h>
#include <mimalloc.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int by_value(const void* a, const void* b) {
  int x = *(const int*)a;
  int y = *(const int*)b;
  return (x > y) - (x < y);
}

static void copies(void) {
  char* text = strdup("text");
  CHECK(mi_is_in_heap_region(text) && strcmp(text, "text") == 0);
  text = reallocarray(text, 100, 100);
  CHECK(mi_is_in_heap_region(text) && mi_usable_size(text) >= 10000 && strcmp(text, "text") == 0);
  CHECK_ERRNO(ENOMEM, reallocarray(text, TOO_LARGE, 1) == NULL);
  CHECK_ERRNO(ENOMEM, reallocarray(text, TOO_LARGE, 2) == NULL);
  free(text);
  text = strndup("text", 2);
  CHECK(mi_is_in_heap_region(text) && strcmp(text, "te") == 0);
  free(text);
}

int main(void) {
  copies();
  char* text = NULL;
  CHECK(asprintf(&text, "%d and %s", 42, "more") == 11);
  CHECK(mi_is_in_heap_region(text));
  free(text);

  char* line = NULL;
  size_t room = 0;
  FILE* file = tmpfile();
  CHECK(file != NULL);
  for (int i = 0; i < 1000; i++) fprintf(file, "%d", i);
  fputs("\nsecond\n", file);
  rewind(file);
  CHECK(getline(&line, &room, file) > 2000);
  CHECK(mi_is_in_heap_region(line));
  CHECK(getline(&line, &room, file) == 7 && strcmp(line, "second\n") == 0);
  free(line);
  fclose(file);

  char* here = getcwd(NULL, 0);
  CHECK(here != NULL && mi_is_in_heap_region(here));
  free(here);
  char* path = realpath("/usr/..", NULL);
  CHECK(path != NULL && strcmp(path, "/") == 0 && mi_is_in_heap_region(path));
  free(path);

  DIR* directory = opendir("/");
  CHECK(directory != NULL && readdir(directory) != NULL);
  closedir(directory);
  CHECK(setlocale(LC_ALL, "C") != NULL);
  setenv("MI_TEST_VARIABLE", "value", 1);
  setenv("TZ", "Europe/Paris", 1);
  tzset();

  enum { COUNT = 100000 };
  int* numbers = malloc(COUNT * sizeof(int));
  for (int i = 0; i < COUNT; i++) numbers[i] = (i * 7919) % COUNT;
  qsort(numbers, COUNT, sizeof(int), by_value);
  CHECK(numbers[0] == 0 && numbers[COUNT - 1] == COUNT - 1);
  free(numbers);

  char* stream_text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&stream_text, &length);
  for (int i = 0; i < 5000; i++) fputs("0123456789", stream);
  fclose(stream);
  CHECK(length == 50000 && mi_is_in_heap_region(stream_text));
  free(stream_text);

  void* root = NULL;
  static int keys[100];
  for (int i = 0; i < 100; i++) {
    keys[i] = i;
    CHECK(tsearch(&keys[i], &root, by_value) != NULL);
  }
  for (int i = 0; i < 100; i++) CHECK(tdelete(&keys[i], &root, by_value) != NULL);
  FILE* pipe = popen("echo from a child", "r");
  char said[64] = "";
  CHECK(pipe != NULL && fgets(said, sizeof(said), pipe) != NULL && strcmp(said, "from a child\n") == 0);
  CHECK(pclose(pipe) == 0);
  return report_checks();
}
