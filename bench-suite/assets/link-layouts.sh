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
functions=$(nm --numeric-sort --defined-only "$out" | awk '$2 ~ /[tTwW]/ { print $3 }')
number=1
while [ -n "$functions" ] && [ "$number" -lt "${BENCH_LAYOUTS:-1}" ]; do
    echo "$functions" |
        awk -v seed="$number" 'BEGIN { srand(seed) } { print NR + 64 * rand(), $0 }' |
        sort -n | cut -d " " -f 2 >"$order"
    cc "$@" -o "$folder/$name.$number" "-Wl,--symbol-ordering-file=$order,--no-warn-symbol-ordering" 2>/dev/null || {
        rm -f "$folder/$name.$number"
        break
    }
    number=$((number + 1))
done
rm -f "$order"
