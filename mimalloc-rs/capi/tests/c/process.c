/* Callbacks, collection, and what is known of the process. */
#include <mimalloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static int last_error;
static int errors;

static void on_error(int code, void* arg) {
  CHECK(arg == &errors);
  last_error = code;
  errors++;
  /* Allowed here. */
  mi_free(mi_malloc(10));
}

#define FAILS_WITH(code, call)                \
  do {                                        \
    errors = 0;                               \
    last_error = 0;                           \
    CHECK(call);                              \
    CHECK(errors == 1 && last_error == code); \
  } while (0)

static void error_codes(void) {
  mi_register_error(on_error, &errors);
  FAILS_WITH(EOVERFLOW, mi_malloc(TOO_LARGE) == NULL);
  FAILS_WITH(EOVERFLOW, mi_malloc(BEYOND) == NULL);
  FAILS_WITH(EOVERFLOW, mi_calloc(1, BEYOND) == NULL);
  FAILS_WITH(EOVERFLOW, mi_malloc_aligned(BEYOND, 64) == NULL);
  FAILS_WITH(ENOMEM, mi_malloc(NOT_THERE) == NULL);
  FAILS_WITH(ENOMEM, mi_zalloc(NOT_THERE) == NULL);
  FAILS_WITH(ENOMEM, mi_malloc_aligned(NOT_THERE, 64) == NULL);
  int here = 0;
  FAILS_WITH(EINVAL, (mi_free(&here), 1));
  void* twice = mi_malloc(100);
  void* neighbour = mi_malloc(100);
  mi_free(twice);
  FAILS_WITH(EAGAIN, (mi_free(twice), 1));
  mi_free(neighbour);
  void* large = mi_malloc(1 << 20);
  FAILS_WITH(EINVAL, (mi_free((char*)large + 16), 1));
  mi_free(large);
  FAILS_WITH(EINVAL, (mi_free(large), 1));
  errors = 0;
  CHECK(mi_calloc(TOO_LARGE, 2) == NULL && errors == 0);
  CHECK(mi_malloc_aligned(10, 3) == NULL && errors == 0);
  mi_free(NULL);
  CHECK(errors == 0);
  mi_register_error(NULL, NULL);
  CHECK(mi_malloc(TOO_LARGE) == NULL && errors == 0);
}

static void on_deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)force;
  (void)heartbeat;
  ++*(int*)arg;
  mi_free(mi_malloc(10));
}

static void deferred(void) {
  int calls = 0;
  mi_register_deferred_free(on_deferred, &calls);
  mi_collect(false);
  mi_collect(true);
  CHECK(calls >= 2);
  int before = calls;
  mi_register_deferred_free(NULL, NULL);
  mi_collect(true);
  CHECK(calls == before);
}

static int messages;

static void on_output(const char* message, void* arg) {
  CHECK(message != NULL && arg == &messages);
  messages++;
  mi_free(mi_malloc(10));
}

static void process(void) {
  CHECK(mi_version() == MI_MALLOC_VERSION && mi_version() == 30302);
  char* p = mi_malloc(40 << 20);
  memset(p, 1, 40 << 20);
  size_t elapsed, user, system_time, rss, peak_rss, commit, peak_commit, faults;
  elapsed = user = system_time = rss = peak_rss = commit = peak_commit = faults = TOO_LARGE;
  mi_process_info(&elapsed, &user, &system_time, &rss, &peak_rss, &commit, &peak_commit, &faults);
  CHECK(elapsed < 1000000 && user < 1000000 && system_time < 1000000 && faults < TOO_LARGE);
  CHECK(rss >= (40 << 20) && peak_rss >= (40 << 20) && commit < TOO_LARGE && peak_commit < TOO_LARGE);
  mi_free(p);
  mi_collect(true);
  size_t later = 0;
  mi_process_info(NULL, NULL, NULL, &later, NULL, NULL, NULL, NULL);
  CHECK(later < rss);
  mi_process_info(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

  mi_register_output(on_output, &messages);
  messages = 0;
  mi_process_info_print();
  CHECK(messages > 0);
  messages = 0;
  mi_process_info_print_out(on_output, &messages);
  CHECK(messages > 0);
  mi_register_output(NULL, NULL);

  mi_collect_reduce(0);
  mi_thread_set_in_threadpool();
  mi_thread_init();
  mi_process_init();
}

int main(void) {
  error_codes();
  deferred();
  process();
  int result = report_checks();
  /* Nothing is left to do at the end after this, and the process still ends well. */
  mi_process_done();
  mi_process_done();
  mi_free(mi_malloc(100));
  return result;
}
