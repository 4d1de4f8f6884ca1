/* Little address space: what fits is given, what does not is refused with the right error, and all comes back.
   Called with a number of MiB it sets that limit and begins anew; with "within" and a number it is there; with "itself" and a
   number it sets it after its first blocks and goes on. */
#include "edge.h"
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, MOST = 1 << 20 };

static void **blocks;

/* Blocks of one size until there is no more; as many as there were. */
static long fill(size_t size) {
    long count = 0;
    errno = 0;
    while (count < MOST && (blocks[count] = malloc(size)) != NULL) {
        memset(blocks[count], (int)(count % 251), size);
        count++;
    }
    CHECK(count < MOST && errno == ENOMEM);
    return count;
}

static void clear(long count, size_t size) {
    for (long i = 0; i < count; i++) {
        edge_verify(blocks[i], size, (unsigned)(i % 251));
        free(blocks[i]);
    }
}

static void *thread(void *unused) {
    (void)unused;
    edge_churn(0, 2000);
    return NULL;
}

static void threads(void) {
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], &attributes, thread, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void set_limit(const char *number) {
    rlim_t limit = (rlim_t)atol(number) * MIB;
    struct rlimit limits = {limit, limit};
    CHECK(setrlimit(RLIMIT_AS, &limits) == 0);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    if (strcmp(arguments[1], "itself") == 0) {
        edge_churn(0, 2000);
        set_limit(arguments[2]);
    } else if (strcmp(arguments[1], "within") != 0) {
        set_limit(arguments[1]);
        execl("/proc/self/exe", arguments[0], "within", arguments[1], (char *)NULL);
        _exit(98);
    }
    long limit = atol(arguments[2]);
    /* A table that is there before memory is scarce. */
    static void *table[MOST];
    blocks = table;
    edge_churn(0, 2000);
    threads();
    errno = 0;
    CHECK(malloc((size_t)limit * MIB) == NULL && errno == ENOMEM);
    for (size_t size = 1000; size <= 3 * MIB; size *= 37) {
        long first = fill(size);
        /* Half of the limit at least is for the program's data. */
        CHECK(first * (long)size > limit * MIB / 2);
        clear(first, size);
        long second = fill(size);
        CHECK(second * 10 >= first * 9);
        clear(second, size);
    }
    threads();
    edge_churn(0, 2000);
    puts("within the limit");
    return 0;
}
