#!/usr/bin/env bash
# The Debian packages, as `make deb` left them in FOLDER (default build/deb): what is in them, what they
# need, and that they work where dpkg puts them, in a scratch root beside the system. By hand or in
# CI, as root; not part of make check, because building them takes minutes.  tests/install/deb.sh [FOLDER]
debs=$(cd "${1:-$(dirname "$0")/../../build/deb}" && pwd) || exit 1
source "$(dirname "$0")/../cli/common.bash"
root=$T/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status"
for deb in "$debs"/*.deb; do
    name=$(dpkg-deb -f "$deb" Package)
    holds "$name: has a version" test "$(dpkg-deb -f "$deb" Version)" = "$(sed -n 's/^.define LIC_VERSION *"\(.*\)"/\1/p' "$ROOT/codec/lic.h")"
    dpkg-deb -c "$deb" >"$T/list"
    holds "$name: all belongs to root" bash -c "! grep -qv ' root/root ' '$T/list'"
    holds "$name: has a copyright file" grep -q "usr/share/doc/$name/copyright" "$T/list"
    case $name in
    lic) holds "$name: needs libc and libpng" bash -c "dpkg-deb -f '$deb' Depends | grep -q 'libc6.*libpng16-16'" ;;
    lic-gdk-pixbuf) holds "$name: needs lic" bash -c "dpkg-deb -f '$deb' Depends | grep -q 'libgdk-pixbuf.*lic (='" ;;
    liblic-dev) holds "$name: needs its library" bash -c "dpkg-deb -f '$deb' Depends | grep -q 'liblic0 (='" ;;
    python3-lic) holds "$name: needs numpy and the library" bash -c "dpkg-deb -f '$deb' Depends | grep -q 'python3-numpy, liblic0 (='" ;;
    esac
done
# What they depend on is the system's, which this root does not know.
run dpkg --root="$root" --force-depends --force-script-chrootless -i "$debs"/*.deb
expect "dpkg installs them" 0
mkdir -p "$T/run" && cd "$T/run" || exit 1
unset LIC_MODEL_DIR
run "$root/usr/bin/lic" encode --quiet "$DATA/odd-17x33.png" a.lic
expect "encodes" 0
run "$root/usr/bin/lic" decode --quiet a.lic a.ppm
expect "decodes" 0
run "$root/usr/bin/lic-thumbnailer" 16 a.lic a.png
expect "makes a thumbnail" 0
for file in share/man/man1/lic.1.gz share/mime/packages/lic.xml share/thumbnailers/lic.thumbnailer \
    share/bash-completion/completions/lic share/zsh/site-functions/_lic share/lic/student.licw \
    share/lic/student.previews.licw include/lic.h; do
    holds "usr/$file" test -s "$root/usr/$file"
done
library=$(dirname "$(find "$root/usr/lib" -name liblic.so.0)")
export PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
    PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# shellcheck disable=SC2046
run cc -std=c11 "$ROOT/tests/install/consumer.c" -o consumer $(pkg-config --cflags --libs lic)
expect "a program compiles with liblic-dev" 0
run "$LIC" decode --quiet "$ROOT/tests/golden/v1-rgb8.lic" --model "$ROOT/tests/golden/tiny.licw" in.ppm
run env LD_LIBRARY_PATH="$library" ./consumer "$ROOT/tests/golden/tiny.licw" in.ppm out.lic out.ppm
expect "and runs with liblic0" 0
modules=$root/usr/lib/python3/dist-packages
if [ -d "$modules/lic" ]; then
    holds "python3-lic: the library is the system's" bash -c "! find '$modules' -name '*.so*' -o -name '*.licw' | grep -q ."
    run env LD_LIBRARY_PATH="$library" PYTHONPATH="$modules" LIC_MODEL_DIR="$root/usr/share/lic" \
        /usr/bin/python3 -B -c 'import lic; from PIL import Image
Image.open("'"$DATA"'/odd-17x33.png").save("b.lic"); print(lic.info("b.lic"))'
    expect "Python encodes" 0
    holds "the same bytes" cmp a.lic b.lic
fi
run dpkg --root="$root" --force-script-chrootless --force-depends -r python3-lic lic lic-gdk-pixbuf liblic-dev liblic0 \
    lic-weights
expect "dpkg removes them" 0
holds "nothing is left" test -z "$(find "$root/usr" -type f 2>/dev/null)"
finish
