/* A program without a dynamic loader: a preloaded library cannot reach it. */
#include "edge.h"

int main(void) {
    edge_churn(0, 5000);
    puts("on its own");
    return 0;
}
