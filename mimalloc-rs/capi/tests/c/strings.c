/* Copies of strings, paths and environment variables. */
#include <limits.h>
#include <mimalloc.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "check.h"

static void copies(void) {
  char* s = mi_strdup("a string");
  CHECK(s != NULL && strcmp(s, "a string") == 0);
  mi_free(s);
  s = mi_strdup("");
  CHECK(s != NULL && *s == 0);
  mi_free(s);
  CHECK(mi_strdup(NULL) == NULL);

  s = mi_strndup("a string", 3);
  CHECK(s != NULL && strcmp(s, "a s") == 0);
  mi_free(s);
  s = mi_strndup("a string", 300);
  CHECK(s != NULL && strcmp(s, "a string") == 0);
  mi_free(s);
  s = mi_strndup("a string", 0);
  CHECK(s != NULL && *s == 0);
  mi_free(s);
  char open_end[3] = {'x', 'y', 'z'};
  s = mi_strndup(open_end, 3);
  CHECK(s != NULL && strcmp(s, "xyz") == 0);
  mi_free(s);
  CHECK(mi_strndup(NULL, 3) == NULL);

  static char text[100000];
  memset(text, 'x', sizeof(text) - 1);
  s = mi_strdup(text);
  CHECK(s != NULL && strcmp(s, text) == 0);
  mi_free(s);

  wchar_t* w = mi_wcsdup(L"wide");
  CHECK(w != NULL && wcscmp(w, L"wide") == 0);
  mi_free(w);
  w = mi_wcsdup(L"");
  CHECK(w != NULL && *w == 0);
  mi_free(w);
  CHECK(mi_wcsdup(NULL) == NULL);
  unsigned char* m = mi_mbsdup((const unsigned char*)"\xc3\xa9");
  CHECK(m != NULL && memcmp(m, "\xc3\xa9", 3) == 0);
  mi_free(m);
  CHECK(mi_mbsdup(NULL) == NULL);
}

static void paths(void) {
  char* path = mi_realpath("/usr/../usr/./bin/..", NULL);
  CHECK(path != NULL && strcmp(path, "/usr") == 0 && mi_usable_size(path) >= 5);
  mi_free(path);
  char buffer[PATH_MAX];
  CHECK(mi_realpath("/usr/..", buffer) == buffer && strcmp(buffer, "/") == 0);
  CHECK_ERRNO(ENOENT, mi_realpath("/no/such/path", NULL) == NULL);
  CHECK_ERRNO(ENOENT, mi_realpath("/no/such/path", buffer) == NULL);
  CHECK_ERRNO(EINVAL, mi_realpath(NULL, NULL) == NULL);
}

static void environment(void) {
  char* value = NULL;
  size_t size = 99;
  setenv("MI_TEST_VARIABLE", "some value", 1);
  CHECK(mi_dupenv_s(&value, &size, "MI_TEST_VARIABLE") == 0);
  CHECK(value != NULL && strcmp(value, "some value") == 0 && size == 10);
  mi_free(value);
  CHECK(mi_dupenv_s(&value, NULL, "MI_TEST_VARIABLE") == 0 && value != NULL);
  mi_free(value);
  CHECK(mi_dupenv_s(&value, &size, "MI_NO_SUCH_VARIABLE") == 0 && value == NULL && size == 0);
  CHECK(mi_dupenv_s(NULL, &size, "MI_TEST_VARIABLE") == EINVAL);
  CHECK(mi_dupenv_s(&value, &size, NULL) == EINVAL);
  wchar_t untouched = 0;
  wchar_t* wide = &untouched;
  size = 99;
  CHECK(mi_wdupenv_s(&wide, &size, L"MI_TEST_VARIABLE") == EINVAL && wide == NULL && size == 0);
  wide = &untouched;
  size = 99;
  CHECK(mi_wdupenv_s(&wide, NULL, L"MI_TEST_VARIABLE") == EINVAL && wide == NULL);
  CHECK(mi_wdupenv_s(NULL, &size, L"MI_TEST_VARIABLE") == EINVAL && size == 0);
}

int main(void) {
  copies();
  paths();
  environment();
  return report_checks();
}
