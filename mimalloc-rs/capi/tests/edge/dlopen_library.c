/* The library that is loaded late. */
#include "edge.h"
#include <pthread.h>

static unsigned char *at_load;

__attribute__((constructor)) static void constructor(void) { at_load = edge_block(11); }
__attribute__((destructor)) static void destructor(void) { edge_free(at_load, 11); }

unsigned char *library_make(unsigned number) { return edge_block(number); }
void library_take(unsigned char *block, unsigned number) { edge_free(block, number); }

unsigned char *library_grow(unsigned char *block, size_t size) {
    if (size > 0) return realloc(block, size);
    free(block);
    return edge_block(4);
}

/* Its own per-thread memory is made on first use, in each thread. */
static _Thread_local unsigned char *per_thread[100];

static void *work(void *first) {
    unsigned number = *(unsigned *)first;
    for (unsigned i = 0; i < 100; i++) per_thread[i] = edge_block(number + i);
    for (unsigned i = 0; i < 100; i++) edge_free(per_thread[i], number + i);
    return NULL;
}

void library_threads(unsigned first) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, work, &first) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}
