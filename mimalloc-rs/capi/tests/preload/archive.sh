# Archives, packed with two threads and unpacked again.

mkdir -p tree/{a..h}/{1..25}
for folder in tree/*/*; do
    seq ${#folder} 3000 >"$folder/numbers"
    echo "$folder" >"$folder/name"
done
find tree -exec touch -d '2024-05-06 07:08:09' {} +
pack=(--sort=name --owner=0 --group=0 --numeric-owner)
tar "${pack[@]}" -cf plain.tar tree
sha256sum plain.tar
xz -T2 --block-size=512KiB -3 -k plain.tar
sha256sum plain.tar.xz
xz -T2 -dc plain.tar.xz | cmp - plain.tar
xz --test -T2 plain.tar.xz
tar "${pack[@]}" -I 'gzip -n' -cf packed.tar.gz tree
gzip -dc packed.tar.gz | cmp - plain.tar
mkdir copy
tar -xJf plain.tar.xz -C copy
diff -r tree copy/tree
tar -tf plain.tar | wc -l
head -c 100000 plain.tar.xz >broken.xz
xz -dc broken.xz 2>&1 >/dev/null || echo "as expected: $?"
