#!/usr/bin/env bash
# Installs what the suite's other allocators need on Debian and Ubuntu: compilers for those built from
# source, the two that come as packages, valgrind for the gate's instruction counts, and pkg-config, which
# the tests of the installed C library call.
set -euo pipefail

packages=(g++ make cmake valgrind libjemalloc2 libtcmalloc-minimal4 pkg-config)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "all there: ${packages[*]}"
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "install-peers: no apt-get here; install the equivalents of: ${missing[*]}" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
