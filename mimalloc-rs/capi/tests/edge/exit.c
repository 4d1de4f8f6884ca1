/* Threads and the program end, and everything that runs then allocates and frees. */
#include "edge.h"
#include <pthread.h>

enum { KEYS = 4, THREADS = 60, COUNT = 40 };

/* What C++ uses for the destructors of thread_local objects. */
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *library);
extern void *__dso_handle;

static pthread_key_t keys[KEYS];
static int key_runs, local_runs;

struct slot { unsigned key, rounds; unsigned char *blocks[COUNT]; };

static struct slot *slot_new(unsigned key, unsigned rounds) {
    struct slot *slot = malloc(sizeof *slot);
    CHECK(slot != NULL);
    slot->key = key, slot->rounds = rounds;
    for (unsigned i = 0; i < COUNT; i++) slot->blocks[i] = edge_block(i + key);
    return slot;
}

static void slot_free(struct slot *slot) {
    for (unsigned i = 0; i < COUNT; i++) edge_free(slot->blocks[i], i + slot->key);
    free(slot);
}

/* Comes back in the next round of destructors as often as the slot says. */
static void key_destructor(void *value) {
    struct slot *slot = value;
    unsigned key = slot->key, rounds = slot->rounds;
    slot_free(slot);
    edge_churn(key, 100);
    if (rounds > 0) CHECK(pthread_setspecific(keys[key], slot_new(key, rounds - 1)) == 0);
    __atomic_fetch_add(&key_runs, 1, __ATOMIC_RELAXED);
}

static void local_destructor(void *value) {
    slot_free(value);
    edge_churn(5, 100);
    __atomic_fetch_add(&local_runs, 1, __ATOMIC_RELAXED);
}

static void *work(void *number) {
    unsigned me = *(unsigned *)number;
    if (me % 2) edge_churn(me, 100);
    CHECK(__cxa_thread_atexit_impl(local_destructor, slot_new(9, 0), &__dso_handle) == 0);
    for (unsigned key = 0; key < KEYS; key++) {
        CHECK(pthread_setspecific(keys[key], slot_new(key, key)) == 0);
    }
    if (me % 3 == 0) pthread_exit(NULL);
    return NULL;
}

static unsigned char *at_exit_blocks[COUNT];

static void at_exit(void) {
    for (unsigned i = 0; i < COUNT; i++) edge_free(at_exit_blocks[i], i);
    edge_churn(1, 300);
    puts("atexit");
}

__attribute__((destructor)) static void destructor(void) {
    edge_churn(2, 300);
    puts("destructor");
}

/* Ends the program after the main thread is gone. */
static void *last(void *main_thread) {
    CHECK(pthread_join(*(pthread_t *)main_thread, NULL) == 0);
    edge_churn(3, 300);
    printf("%d %d\n", key_runs, local_runs);
    exit(0);
}

int main(void) {
    static pthread_t main_thread;
    for (int key = 0; key < KEYS; key++) CHECK(pthread_key_create(&keys[key], key_destructor) == 0);
    CHECK(atexit(at_exit) == 0);
    for (unsigned i = 0; i < COUNT; i++) at_exit_blocks[i] = edge_block(i);
    for (unsigned first = 0; first < THREADS; first += 6) {
        pthread_t threads[6];
        unsigned numbers[6];
        for (unsigned i = 0; i < 6; i++) {
            numbers[i] = first + i;
            CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
        }
        for (unsigned i = 0; i < 6; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
    main_thread = pthread_self();
    pthread_t other;
    CHECK(pthread_create(&other, NULL, last, &main_thread) == 0);
    unsigned zero = 0;
    work(&zero);
    return 1;
}
