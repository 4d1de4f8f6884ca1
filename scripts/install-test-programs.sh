#!/usr/bin/env bash
# Installs on Debian and Ubuntu the programs that the tests of the C library run under it. A service that comes
# with one of them is stopped and disabled again: the tests start a server of their own.
set -euo pipefail

packages=(git sqlite3 redis-server redis-tools perl python3 xz-utils make gcc g++ openssl)

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

install_missing() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "all there: $*"
        return
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
    if [[ " ${missing[*]} " == *" redis-server "* ]]; then
        stop_service redis-server
    fi
}

stop_service() {
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now --quiet "$1"
    else
        "${as_root[@]}" service "$1" stop >/dev/null || true
    fi
}

if ! command -v apt-get >/dev/null; then
    echo "install-test-programs: no apt-get here; install the equivalents of: ${packages[*]}" >&2
    exit 1
fi
install_missing "${packages[@]}"
# Python's tests of itself; the name of the package has the version in it.
python_version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
install_missing "libpython$python_version-testsuite"
