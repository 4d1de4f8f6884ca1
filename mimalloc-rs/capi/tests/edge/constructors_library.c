/* A library whose constructor allocates, before or after that of the allocator. */
#include "edge.h"

enum { COUNT = 500 };
static unsigned char *blocks[COUNT];

__attribute__((constructor(101))) static void constructor(void) {
    for (unsigned i = 0; i < COUNT; i++) blocks[i] = edge_block(i);
    for (unsigned i = 0; i < COUNT; i += 3) {
        edge_free(blocks[i], i);
        blocks[i] = edge_fill(calloc(1, edge_size(i)), edge_size(i), i);
    }
    void *aligned = NULL;
    CHECK(posix_memalign(&aligned, 4096, 5000) == 0 && (size_t)aligned % 4096 == 0);
    free(aligned);
}

int library_blocks(void) {
    for (unsigned i = 0; i < COUNT; i += 2) edge_free(blocks[i], i);
    return COUNT;
}

__attribute__((destructor(101))) static void destructor(void) {
    for (unsigned i = 1; i < COUNT; i += 2) edge_free(blocks[i], i);
    edge_churn(3, COUNT);
}
