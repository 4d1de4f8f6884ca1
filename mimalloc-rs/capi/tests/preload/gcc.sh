# The C compiler, and what it compiled.

cat >sieve.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list { long value; struct list *next; };

int main(void) {
    const long limit = 300000;
    char *composite = calloc(limit + 1, 1);
    struct list *primes = NULL;
    long count = 0, sum = 0;
    for (long i = 2; i <= limit; i++) {
        if (composite[i]) continue;
        struct list *entry = malloc(sizeof *entry);
        *entry = (struct list){i, primes};
        primes = entry;
        for (long j = i * i; j <= limit; j += i) composite[j] = 1;
    }
    char *text = NULL;
    size_t length = 0;
    while (primes) {
        struct list *next = primes->next;
        count++, sum += primes->value;
        text = realloc(text, length + 8);
        length += (size_t)sprintf(text + length, "%lx", (unsigned long)primes->value);
        free(primes);
        primes = next;
    }
    printf("%ld %ld %zu %.20s\n", count, sum, strlen(text), text);
    free(text);
    free(composite);
    return 0;
}
C
gcc -std=c11 -O2 -Wall -Wextra -o sieve sieve.c
./sieve
gcc -std=c11 -O2 -S -o - sieve.c | grep -c call
gcc -std=c11 -O2 -flto -g -o sieve sieve.c
./sieve
echo 'int main(void) { return undeclared; }' >wrong.c
gcc -c wrong.c 2>&1 | grep -c undeclared || true
