#!/usr/bin/env bash
# Installs on Debian and Ubuntu what the harness measures besides its own rows: real programs, and shared libraries
# of other allocators to preload into them. A service that comes with one of them is stopped and disabled again:
# the harness starts a server of its own. What cannot be had is named and left out; the harness skips it.
#
# The libraries that are no Debian packages go where the harness looks for libraries first:
# ${XDG_CACHE_HOME:-~/.cache}/bench-suite/lib
set -euo pipefail

packages=(
    redis-server redis-tools                # redis
    rustc libstd-rust-dev rust-src          # rustc, a large compiler, in place of lean, which Debian does not have
    z3                                      # z3
    gcc make libc6-dev                      # lua, compiled
    ghostscript                             # gs
    rocksdb-tools                           # rocksdb
    ruby                                    # rbstress
    python3                                 # compileall
    libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 # allocators to preload
    python3-pip unzip                       # to fetch one more
)
# Version 3 of the C library mimalloc: a Python package with nothing but the library and its headers.
wheel=cmeel-mimalloc==3.4.3

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

installed() {
    dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

install_packages() {
    local missing=() package
    for package in "${packages[@]}"; do
        installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "all there: ${packages[*]}"
        return
    fi
    if ! command -v apt-get >/dev/null; then
        echo "install-programs: no apt-get here; install the equivalents of: ${missing[*]}" >&2
        return
    fi
    "${as_root[@]}" apt-get update -qq
    # One by one, so that a package that cannot be had takes only its own program with it.
    for package in "${missing[@]}"; do
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$package" ||
            echo "install-programs: skipped $package, which cannot be installed here" >&2
    done
    if [[ " ${missing[*]} " == *" redis-server "* ]]; then
        stop_service redis-server
    fi
}

stop_service() {
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now --quiet "$1" || true
    else
        "${as_root[@]}" service "$1" stop >/dev/null || true
    fi
}

fetch_library() {
    local folder=${XDG_CACHE_HOME:-$HOME/.cache}/bench-suite/lib library=libmimalloc.so.3 scratch
    if [ -e "$folder/$library" ]; then
        echo "all there: $folder/$library"
        return
    fi
    scratch=$(mktemp -d)
    if python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$scratch" "$wheel" &&
        unzip -q -j "$scratch"/*.whl "*/lib/$library" -d "$scratch"; then
        mkdir -p "$folder"
        install -m 755 "$scratch/$library" "$folder/$library"
        echo "installed $folder/$library from $wheel"
    else
        echo "install-programs: skipped $library, because $wheel cannot be fetched here" >&2
    fi
    rm -rf "$scratch"
}

install_packages
fetch_library
