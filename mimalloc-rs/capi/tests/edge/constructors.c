/* Allocations before any constructor, in constructors, and after the last destructor a program can have. */
#include "edge.h"
#include <dlfcn.h>

enum { COUNT = 300 };
static unsigned char *from_preinit[COUNT], *from_constructor[COUNT];

/* Runs before the constructors of all libraries. */
static void preinit(void) {
    for (unsigned i = 0; i < COUNT; i++) from_preinit[i] = edge_block(i);
    edge_churn(0, COUNT);
}
__attribute__((section(".preinit_array"), used)) static void (*const at_preinit)(void) = preinit;

__attribute__((constructor)) static void constructor(void) {
    for (unsigned i = 0; i < COUNT; i++) from_constructor[i] = edge_block(i);
    for (unsigned i = 0; i < COUNT; i += 2) edge_free(from_preinit[i], i);
}

__attribute__((destructor)) static void destructor(void) {
    for (unsigned i = 1; i < COUNT; i += 2) edge_free(from_constructor[i], i);
    edge_churn(7, COUNT);
}

int main(void) {
    for (unsigned i = 1; i < COUNT; i += 2) edge_free(from_preinit[i], i);
    for (unsigned i = 0; i < COUNT; i += 2) edge_free(from_constructor[i], i);
    /* In the library that is preloaded as well. */
    int (*from_library)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "library_blocks");
    CHECK(from_library != NULL);
    printf("%d blocks from the library's constructor\n", from_library());
    return 0;
}
