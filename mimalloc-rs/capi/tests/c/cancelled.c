/* No function of the allocator is one where a thread that is to be cancelled ends, whatever it has to say. */
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static int reached;

static void* thread_main(void* arg) {
  (void)arg;
  pthread_cancel(pthread_self());
  void* p = malloc(100);
  memset(p, 1, 100);
  free((char*)p + 1);
  free(p);
  free(p);
  reached = 1;
  pthread_testcancel();
  return NULL;
}

int main(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0);
  void* result = NULL;
  CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
  CHECK(reached);
  return report_checks();
}
