# The small tools, on input that is large enough to grow their buffers.

seq 200000 >numbers
shuf --random-source=numbers numbers >shuffled
sha256sum numbers shuffled
sort -n shuffled | cmp - numbers
sort -n -S 1M --parallel=2 -T . shuffled | cmp - numbers
seq 200000 | shuf --random-source=numbers | sort -u | sha256sum
sort -R --random-source=numbers shuffled | sha256sum
sort shuffled | uniq -c | sort -k2n | tail -n 3

mkdir -p tree/{a..e}/{1..20}
for folder in tree/*/*; do
    head -c $((${#folder} * 1000)) shuffled >"$folder/file with spaces"
    ln -s "file with spaces" "$folder/link"
done
find tree -exec touch -h -d '2024-05-06 07:08:09' {} +
ls -lR tree | sha256sum
ls -lR tree | grep -c 'file with spaces$'
find tree -type f -print0 | xargs -0 -n 7 -P 2 wc -c | awk '$2 == "total" { sum += $1 } END { print sum }'
cp -r tree copy
diff -r tree copy
rm -r copy

split -l 30000 shuffled part-
cat part-* | cmp - shuffled
paste -d, numbers shuffled | cut -d, -f2 | cmp - shuffled
join <(sort numbers) <(sort shuffled) | wc -l
comm -12 <(sort numbers) <(sort shuffled) | wc -l
tac numbers | tac | cmp - numbers
base64 shuffled | base64 -d | cmp - shuffled
od -A d -t x1z shuffled | tail -n 2
tr 0-9 a-j <shuffled | sed -n 's/ab/<&>/p' | wc -lwc
factor 1234567890123456789012345678901 $((2 ** 62 - 57))
grep -cE '^(1|2)+3.*(7|9)$' shuffled
awk '{ count[$1 % 997]++ } END { for (i = 0; i < 997; i++) sum += count[i] * i; print sum }' shuffled
printf '%s\n' {1..20} | xargs -n 1 -P 4 sh -c 'head -n "$1" numbers | md5sum >sum-"$1"' sh
cat sum-{1..20} | md5sum
ls no-such-file || echo "as expected: $?"
