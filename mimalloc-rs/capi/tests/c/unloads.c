/* A plugin that brings the allocator is unloaded while threads that have used it go on, again and again. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"

static void (*work)(void);
static sem_t worked, closed;

static void* thread_main(void* arg) {
  (void)arg;
  work();
  sem_post(&worked);
  sem_wait(&closed);
  return NULL;
}

int main(int count, char** arguments) {
  if (count < 2) return 2;
  sem_init(&worked, 0, 0);
  sem_init(&closed, 0, 0);
  /* More often than there are keys to be told of threads' ends. */
  for (int round = 0; round < 1100; round++) {
    void* plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
      puts(dlerror());
      return 2;
    }
    *(void**)&work = dlsym(plugin, "work");
    pthread_t thread;
    if (round == 0) {
      CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0);
      sem_wait(&worked);
    }
    work();
    CHECK(dlclose(plugin) == 0);
    if (round == 0) {
      CHECK(dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
      sem_post(&closed);
      CHECK(pthread_join(thread, NULL) == 0);
    }
  }
  pthread_key_t key;
  CHECK(pthread_key_create(&key, NULL) == 0);
  return report_checks();
}
