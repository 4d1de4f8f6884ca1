/* Blocks that cross threads, threads that end, and processes that fork. */
#include <mimalloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 5000, THREADS = 4 };

static void* make_blocks(void* arg) {
  void** blocks = (void**)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    size_t size = (i * 13) % 3000 + 8;
    blocks[i] = i % 2 == 0 ? malloc(size) : mi_malloc(size);
    memset(blocks[i], 0x5a, size);
  }
  return NULL;
}

static void* free_blocks(void* arg) {
  void** blocks = (void**)arg;
  size_t intact = 0;
  for (size_t i = 0; i < BLOCKS; i++) {
    size_t size = (i * 13) % 3000 + 8;
    intact += is_filled(blocks[i], 0x5a, size) && mi_usable_size(blocks[i]) >= size;
    if (i % 3 == 0) blocks[i] = mi_realloc(blocks[i], size + 100);
    free(blocks[i]);
  }
  return (void*)intact;
}

static void cross(void) {
  static void* blocks[THREADS][BLOCKS];
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, make_blocks, blocks[i]) == 0);
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, free_blocks, blocks[i]) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    void* intact = NULL;
    CHECK(pthread_join(threads[i], &intact) == 0 && intact == (void*)(size_t)BLOCKS);
  }
}

/* Destructors of thread-local storage allocate and free, in several rounds. */
static pthread_key_t key;
static int rounds_seen;

static void at_end(void* value) {
  free(value);
  void* p = malloc(100);
  free(p);
  if (++rounds_seen < 3) pthread_setspecific(key, malloc(50));
}

static void* with_storage(void* arg) {
  pthread_setspecific(key, malloc(50));
  return arg;
}

static void ends(void) {
  CHECK(pthread_key_create(&key, at_end) == 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, with_storage, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(rounds_seen == 3);
}

static void* explicit_init(void* arg) {
  (void)arg;
  mi_thread_init();
  mi_thread_init();
  mi_thread_set_in_threadpool();
  void* p = mi_malloc(100);
  mi_thread_done();
  mi_thread_done();
  void* q = mi_malloc(100);
  mi_free(p);
  mi_free(q);
  mi_thread_done();
  return NULL;
}

/* A thread that has said its end does not end once more. */
static void explicit_ends(void) {
  mi_stats_t_decl(before);
  mi_stats_t_decl(after);
  CHECK(mi_stats_get(&before) && before.threads.current == 1);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, explicit_init, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(mi_stats_get(&after) && after.threads.current == 1 && after.theaps.current == before.theaps.current);
}

static void* churn(void* arg) {
  for (int i = 0; i < 200000; i++) free(malloc((size_t)(i % 4000)));
  return arg;
}

static void forks(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
  for (int i = 0; i < 20; i++) {
    void* before = malloc(1000);
    pid_t child = fork();
    if (child == 0) {
      free(before);
      for (int j = 0; j < 1000; j++) free(malloc((size_t)j * 10));
      mi_collect(true);
      _exit(7);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    free(before);
  }
  CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
  cross();
  ends();
  explicit_ends();
  forks();
  return report_checks();
}
