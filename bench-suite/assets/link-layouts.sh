#!/bin/sh
# The linker of the workers: links as rustc asks, and then some more times with each function up to 64 places away from where it
# was, so that what is used together stays on the same pages. BENCH_LAYOUTS says how many orders there are in all.
# Where the linker cannot do it, or nm is missing, the first remains alone.

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
order=$folder/$name.order
number=1
while [ "$number" -lt "${BENCH_LAYOUTS:-1}" ]; do
    nm --numeric-sort --defined-only "$out" |
        awk -v seed="$number" 'BEGIN { srand(seed) } $2 ~ /[tTwW]/ { print NR + 64 * rand(), $3 }' |
        sort -n | cut -d " " -f 2 >"$order"
    [ -s "$order" ] || break
    cc "$@" -o "$folder/$name.$number" "-Wl,--symbol-ordering-file=$order,--no-warn-symbol-ordering" 2>/dev/null || {
        rm -f "$folder/$name.$number"
        break
    }
    number=$((number + 1))
done
rm -f "$order"
