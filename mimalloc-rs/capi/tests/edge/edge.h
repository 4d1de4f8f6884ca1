/* What the edge tests share: a check that ends the program, and blocks that know what they contain. */
#ifndef EDGE_H
#define EDGE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* _exit, because the program may be in a child of a vfork or in a destructor. */
#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            char text[256];                                                                   \
            int length = snprintf(text, sizeof text, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            if (write(2, text, (size_t)length) < 0) _exit(2);                                 \
            _exit(1);                                                                         \
        }                                                                                     \
    } while (0)

/* Sizes of all kinds: tiny, odd, page-sized, large. */
static inline size_t edge_size(unsigned number) {
    switch (number % 50) {
    case 0: return 150000;
    case 1: case 2: case 3: return 20000;
    case 4: return 0;
    default: return 1 + number * 37 % 900;
    }
}

static inline unsigned char *edge_fill(void *block, size_t size, unsigned number) {
    CHECK(block != NULL);
    memset(block, (int)(number % 251), size);
    return block;
}

static inline unsigned char *edge_block(unsigned number) {
    size_t size = edge_size(number);
    return edge_fill(malloc(size), size, number);
}

static inline void edge_verify(const unsigned char *block, size_t size, unsigned number) {
    for (size_t i = 0; i < size; i++) CHECK(block[i] == number % 251);
}

static inline void edge_free(unsigned char *block, unsigned number) {
    edge_verify(block, edge_size(number), number);
    free(block);
}

/* Allocates and frees in a mixed order. */
static inline void edge_churn(unsigned first, unsigned count) {
    enum { HELD = 64 };
    unsigned char *held[HELD] = {0};
    unsigned numbers[HELD] = {0};
    for (unsigned i = 0; i < count; i++) {
        unsigned place = (first + i) * 31 % HELD;
        if (held[place]) edge_free(held[place], numbers[place]);
        numbers[place] = first + i;
        held[place] = edge_block(first + i);
    }
    for (unsigned place = 0; place < HELD; place++) {
        if (held[place]) edge_free(held[place], numbers[place]);
    }
}

#endif
