#!/bin/sh
# Makes sure that what the build needs is here: a C compiler, make, pkg-config, libpng, libjpeg and zlib
# with their headers, and OpenBLAS (optional, loaded at run time). Installs Debian packages when it may
# (root, apt-get); else it names them. Quiet when all is there. Arguments: further packages to want.
set -u

has_header() {
    echo "#include <stdio.h>
#include <$1>" | ${CC:-cc} -E - >/dev/null 2>&1
}
has_installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}

missing=
want() { missing="$missing $1"; }
command -v "${CC:-cc}" >/dev/null || want gcc
command -v make >/dev/null || want make
command -v pkg-config >/dev/null || want pkg-config
has_header stdlib.h || want libc6-dev
has_header png.h || want libpng-dev
has_header jpeglib.h || want libjpeg62-turbo-dev
has_header zlib.h || want zlib1g-dev
needed=$missing
# Only a backend for comparison: worth installing along, not worth failing for.
ldconfig -p 2>/dev/null | grep -q 'libopenblas\.so\.0' || want libopenblas0-pthread
for package in "$@"; do
    has_installed "$package" || { want "$package"; needed="$needed $package"; }
done

[ -z "$missing" ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "  installing$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086
    if { apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } \
        >"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    echo "lic: apt-get could not install:$missing" >&2
elif [ -n "$needed" ]; then
    echo "lic: these packages are missing, as Debian and Ubuntu call them:$needed" >&2
    echo "lic: install them with: sudo apt-get install$needed" >&2
fi
[ -z "$needed" ]
