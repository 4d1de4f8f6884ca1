#!/usr/bin/env bash
# Builds the C library and installs it with headers, pkg-config and CMake files under a prefix.
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: $0 PREFIX    (for example /usr/local)" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package=$root/mimalloc-rs/capi
target=${CARGO_TARGET_DIR:-$root/target}
case $target in
  /*) ;;
  *) target=$PWD/$target ;;
esac

(cd "$root" && CARGO_TARGET_DIR=$target cargo build --locked --release --package mimalloc-c)

mkdir -p "$1"
prefix=$(cd "$1" && pwd)
install -d "$prefix/lib/pkgconfig" "$prefix/lib/cmake/mimalloc" "$prefix/include"
install -m 644 "$target/release/libmimalloc_rs.a" "$prefix/lib/"
# So that a program can be linked that has some of C++'s operators itself.
"${OBJCOPY:-objcopy}" --wildcard --weaken-symbol='_Zn[wa]*' --weaken-symbol='_Zd[la]*' "$prefix/lib/libmimalloc_rs.a"
install -m 755 "$target/release/libmimalloc_rs.so" "$prefix/lib/libmimalloc_rs.so.0"
ln -sf libmimalloc_rs.so.0 "$prefix/lib/libmimalloc_rs.so"
install -m 644 "$package"/include/*.h "$prefix/include/"
install -m 644 "$package"/cmake/*.cmake "$prefix/lib/cmake/mimalloc/"
sed "s|@PREFIX@|$prefix|" "$package/mimalloc.pc.in" > "$prefix/lib/pkgconfig/mimalloc.pc"

echo "installed to $prefix; to run a program with it: LD_PRELOAD=$prefix/lib/libmimalloc_rs.so PROGRAM"
