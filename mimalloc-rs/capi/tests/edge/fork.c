/* Forks in the middle of other threads' allocations; the children allocate, make threads, fork and exec. */
#include "edge.h"
#include <pthread.h>
#include <sys/wait.h>

enum { FORKS = 120, THREADS = 3, COUNT = 100 };

static int stop;

static void *busy(void *number) {
    for (unsigned i = *(unsigned *)number; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) edge_churn(i, 500);
    return NULL;
}

static void *in_child(void *number) {
    edge_churn(*(unsigned *)number, 300);
    return NULL;
}

static void expect(pid_t child, int code) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

static void child(unsigned number, unsigned char **blocks) {
    alarm(30);
    for (unsigned i = 0; i < COUNT; i++) edge_free(blocks[i], i);
    edge_churn(number, 1000);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, in_child, &number) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    if (number % 10 == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            edge_churn(number, 300);
            _exit(7);
        }
        expect(grandchild, 7);
    }
    if (number % 8 == 1) execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
    /* One with the handlers that run at exit, one without. */
    if (number % 2) exit(3);
    _exit(3);
}

int main(void) {
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i * 1000;
        CHECK(pthread_create(&threads[i], NULL, busy, &numbers[i]) == 0);
    }
    for (unsigned number = 0; number < FORKS; number++) {
        unsigned char *blocks[COUNT];
        for (unsigned i = 0; i < COUNT; i++) blocks[i] = edge_block(i);
        pid_t pid = fork();
        if (pid == 0) child(number, blocks);
        expect(pid, 3);
        for (unsigned i = 0; i < COUNT; i++) edge_free(blocks[i], i);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    puts("forked");
    return 0;
}
