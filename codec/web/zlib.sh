#!/bin/sh
# zlib.sh FOLDER: the sources of Debian's zlib in FOLDER/zlib, for compilers that Debian has no zlib for.
# ZLIB_SOURCE=folder takes them from there. Fetched by apt-get, which checks their signature; the
# system's own lists of packages stay as they are.
set -eu
cd "$1"
[ -f zlib/inflate.c ] && exit 0
rm -rf zlib
if [ -n "${ZLIB_SOURCE:-}" ]; then
    cp -r "$ZLIB_SOURCE" zlib
    exit 0
fi
mkdir -p lists/partial download
cd download
echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main' \
    >sources.list
apt() {
    apt-get -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$PWD/../lists" "$@"
}
if ! { apt update && apt --download-only source zlib; } >log 2>&1; then
    tail -n 5 log >&2
    echo "zlib.sh: no sources of zlib to be had by apt-get; set ZLIB_SOURCE to a folder that has them" >&2
    exit 1
fi
mkdir ../unpacked
tar -C ../unpacked --strip-components=1 -xf zlib_*.orig.tar.*
mv ../unpacked ../zlib
