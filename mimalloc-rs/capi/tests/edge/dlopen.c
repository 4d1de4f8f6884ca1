/* A library that is loaded late and unloaded again: blocks go in both directions, and outlive it. */
#include "edge.h"
#include <dlfcn.h>

enum { COUNT = 200, ROUNDS = 20 };

int main(void) {
    unsigned char *kept[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        void *library = dlopen("./dlopen_library.so", round % 2 ? RTLD_NOW | RTLD_LOCAL : RTLD_LAZY);
        CHECK(library != NULL);
        unsigned char *(*make)(unsigned) = (unsigned char *(*)(unsigned))dlsym(library, "library_make");
        void (*take)(unsigned char *, unsigned) =
            (void (*)(unsigned char *, unsigned))dlsym(library, "library_take");
        unsigned char *(*grow)(unsigned char *, size_t) =
            (unsigned char *(*)(unsigned char *, size_t))dlsym(library, "library_grow");
        void (*threads)(unsigned) = (void (*)(unsigned))dlsym(library, "library_threads");
        CHECK(make && take && grow && threads);
        unsigned char *mine[COUNT], *its[COUNT];
        for (unsigned i = 0; i < COUNT; i++) {
            mine[i] = edge_block(i);
            its[i] = make(i);
        }
        threads(round);
        for (unsigned i = 0; i < COUNT; i++) {
            take(mine[i], i);
            edge_free(its[i], i);
        }
        unsigned char *block = grow(edge_fill(malloc(10), 10, round), 100000);
        edge_verify(block, 10, round);
        block = realloc(block, 30);
        edge_verify(block, 10, round);
        take(grow(block, 0), 4);
        kept[round] = make(round);
        CHECK(dlclose(library) == 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++) edge_free(kept[round], round);
    puts("loaded and unloaded");
    return 0;
}
