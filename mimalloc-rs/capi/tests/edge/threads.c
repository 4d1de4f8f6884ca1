/* Thousands of threads that live for a moment. What they leave behind is used again. */
#include "edge.h"
#include <pthread.h>

enum { BATCHES = 400, WARM = 50, AT_ONCE = 25, GROWTH = 48 << 20 };

static unsigned char *handed[AT_ONCE];
static int detached_done;

static void *brief(void *number) {
    unsigned me = *(unsigned *)number;
    edge_churn(me, 60);
    if (handed[me % AT_ONCE]) edge_free(handed[me % AT_ONCE], me % AT_ONCE);
    handed[me % AT_ONCE] = edge_block(me % AT_ONCE);
    return malloc(100);
}

static void *detached(void *block) {
    free(block);
    edge_churn(1, 60);
    __atomic_fetch_add(&detached_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static size_t resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    CHECK(file != NULL && fscanf(file, "%*u %lu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(void) {
    size_t warm = 0;
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        pthread_t threads[AT_ONCE];
        unsigned numbers[AT_ONCE];
        for (unsigned i = 0; i < AT_ONCE; i++) {
            numbers[i] = batch * AT_ONCE + i;
            CHECK(pthread_create(&threads[i], &attributes, brief, &numbers[i]) == 0);
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            void *block;
            CHECK(pthread_join(threads[i], &block) == 0);
            free(block);
        }
        if (batch == WARM) warm = resident();
    }
    CHECK(resident() < warm + GROWTH);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, &attributes, detached, malloc(1000)) == 0);
        while (__atomic_load_n(&detached_done, __ATOMIC_ACQUIRE) + 20 < i) usleep(100);
    }
    while (__atomic_load_n(&detached_done, __ATOMIC_ACQUIRE) < 1000) usleep(1000);
    for (unsigned i = 0; i < AT_ONCE; i++) edge_free(handed[i], i);
    CHECK(resident() < warm + GROWTH);
    puts("all gone");
    return 0;
}
