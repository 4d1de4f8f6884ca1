/* The library is opened by a program that knows nothing of it, and closed while a thread still has blocks. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static void* (*allocate)(size_t);
static void (*release)(void*);
static sem_t allocated, closed;

static void* thread_main(void* arg) {
  (void)arg;
  void* p = allocate(100);
  memset(p, 1, 100);
  release(p);
  p = allocate(200);
  sem_post(&allocated);
  sem_wait(&closed);
  return p;
}

int main(int count, char** arguments) {
  if (count < 2) return 2;
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    puts(dlerror());
    return 2;
  }
  /* The program goes on with the malloc it was built with. */
  free(malloc(10));
  *(void**)&allocate = dlsym(library, "mi_malloc");
  *(void**)&release = dlsym(library, "mi_free");
  CHECK(allocate != NULL && release != NULL);
  sem_init(&allocated, 0, 0);
  sem_init(&closed, 0, 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0);
  sem_wait(&allocated);
  CHECK(dlclose(library) == 0);
  sem_post(&closed);
  void* left = NULL;
  CHECK(pthread_join(thread, &left) == 0 && left != NULL);
  if (fork() == 0) _exit(0);
  library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  release(left);
  return report_checks();
}
