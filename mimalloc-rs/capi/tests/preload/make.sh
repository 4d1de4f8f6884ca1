# A project of many files, built by two jobs, then partly again.

for i in {1..24}; do
    printf '#include "table.h"\nint function%d(int x) { return x * %d + COMMON; }\n' "$i" "$i" >"file$i.c"
done
{
    echo '#define COMMON 3'
    for i in {1..24}; do echo "int function$i(int x);"; done
} >table.h
{
    echo '#include <stdio.h>'
    echo '#include "table.h"'
    echo 'int main(void) { int sum = 0;'
    for i in {1..24}; do echo "sum += function$i(sum % 100);"; done
    echo 'printf("%d\n", sum); return 0; }'
} >main.c
cat >Makefile <<'MAKE'
sources := $(wildcard *.c)
objects := $(sort $(sources:.c=.o))
CFLAGS := -O1 -Wall
table: $(objects)
	@$(CC) -o $@ $(objects)
%.o: %.c table.h
	@$(CC) $(CFLAGS) -c -o $@ $<
.PHONY: count clean
count:
	@echo $(words $(objects)) $(firstword $(objects)) $(foreach o,$(objects),$(patsubst %.o,%,$(o)))
clean:
	@rm -f table $(objects)
MAKE
make -j2
./table
sed -i 's/COMMON 3/COMMON 4/' table.h
touch -d '1 minute ago' table ./*.o
make -s -j2 -k
./table
make count
make clean
make nonsense 2>&1 || echo "as expected: $?"
