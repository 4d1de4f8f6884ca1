#!/bin/sh
# The linker of the workers: links as rustc asks, and then some more times with the functions in other orders.
# BENCH_LAYOUTS says how many orders there are in all. Where the linker cannot do it, the first remains alone.

cc "$@" || exit

out= before=
for word in "$@"; do
    [ "$before" = -o ] && out=$word
    before=$word
done
name=$(basename "$out")
name=${name%-*}
folder=$(dirname "$out")/../layouts

mkdir -p "$folder" && rm -f "$folder/$name".* && cp "$out" "$folder/$name.0" || exit
order=1
while [ "$order" -lt "${BENCH_LAYOUTS:-1}" ]; do
    cc "$@" -o "$folder/$name.$order" "-Wl,--shuffle-sections=.text.*=$order" 2>/dev/null || {
        rm -f "$folder/$name.$order"
        exit 0
    }
    order=$((order + 1))
done
