/* Pointers that were never allocated are passed to free and realloc. Nothing may come of it. */
#include "edge.h"
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

enum { COUNT = 2000 };

static char in_data[64] __attribute__((aligned(16))) = "data";

int main(void) {
    static unsigned char *blocks[COUNT];
    for (unsigned i = 0; i < COUNT; i++) blocks[i] = edge_block(i);
    char on_stack[64] __attribute__((aligned(16))) = "stack";
    char *mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *unreadable = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *broken = sbrk(4096);
    CHECK(mapped != MAP_FAILED && unreadable != MAP_FAILED && broken != (void *)-1);
    strcpy(mapped, "mapped");
    /* Volatile, because the compiler knows better too. */
    void *volatile foreign[] = {
        on_stack, in_data, mapped, mapped + 16, unreadable, broken, (void *)16, (void *)(INTPTR_MIN + 4096),
        (void *)-16,
    };
    const int count = sizeof foreign / sizeof *foreign;
    for (int i = 0; i < count; i++) {
        CHECK(malloc_usable_size(foreign[i]) == 0);
        free(foreign[i]);
        errno = 0;
        CHECK(realloc(foreign[i], 50) == NULL && errno == EINVAL);
    }
    CHECK(strcmp(on_stack, "stack") == 0 && strcmp(in_data, "data") == 0 && strcmp(mapped, "mapped") == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned char *again = edge_block(i);
        CHECK((char *)again < mapped || (char *)again >= mapped + (1 << 20));
        edge_free(blocks[i], i);
        blocks[i] = again;
    }
    for (unsigned i = 0; i < COUNT; i++) edge_free(blocks[i], i);
    edge_churn(0, COUNT);
    printf("%d ignored\n", count);
    return 0;
}
