#!/usr/bin/env bash
# What `make install` puts down serves a second program: header, pkg-config file, both libraries; and
# `make uninstall` takes all of it away. The installed program finds its weights and manual page.
source "$(dirname "$0")/common.bash"
cc=${CC:-cc} cxx=${CXX:-c++}
build=${BUILD:-$ROOT/build}
tiny=$ROOT/tests/golden/tiny.licw
cd "$T" || exit 1

if sanitized; then
    skip_rest "a library with a sanitizer serves no program without"
fi
# `make` of the caller must not choose what is built here.
unset MAKEFLAGS MAKELEVEL MFLAGS
installed() { # TARGET ARGUMENT...: only copies, never builds
    run make -C "$ROOT" --no-print-directory BUILD="$build" "$@"
}

installed install-files DESTDIR="$T/d est" PREFIX=/usr
expect "install, a blank in DESTDIR" 0
root="$T/d est/usr"
holds "program" test -x "$root/bin/lic"
holds "library" test -f "$root/lib/liblic.a"
holds "weights" cmp "$root/share/lic/student.licw" "$ROOT/models/weights/student.licw"
for file in bash-completion/completions/lic zsh/site-functions/_lic fish/vendor_completions.d/lic.fish; do
    holds "completion $file" grep -q lic "$root/share/$file"
done
holds "manual page" test -s "$root/share/man/man1/lic.1"
if command -v mandoc >/dev/null; then
    run mandoc -T lint -W warning "$root/share/man/man1/lic.1"
    expect "mandoc has nothing against the manual page" 0
elif command -v groff >/dev/null; then
    run groff -man -ww -z "$root/share/man/man1/lic.1"
    holds "groff has nothing against the manual page" test ! -s err
else
    skip "no mandoc or groff to check the manual page with"
fi
version=$("$root/bin/lic" -V | sed -n '1s/^lic \([0-9.]*\).*/\1/p')
holds "the library's file has the version" test -f "$root/lib/liblic.so.$version"
holds "linked by its soname" test "$(readlink "$root/lib/liblic.so.0")" = "liblic.so.$version"
holds "linked for the linker" test "$(readlink "$root/lib/liblic.so")" = liblic.so.0
holds "no file that others may write" test -z "$(find "$root" -type f -perm /022)"
if command -v readelf >/dev/null; then
    readelf -d "$root/lib/liblic.so" >so.txt
    holds "soname" grep -q 'SONAME.*\[liblic.so.0\]' so.txt
    holds "no libm: its bits differ by machine" bash -c '! grep -q "NEEDED.*libm\.so" so.txt'
    holds "no executable stack" bash -c '! readelf -lW "$1/lib/liblic.so" | grep -q "GNU_STACK.*RWE"' - "$root"
    nm -D --defined-only "$root/lib/liblic.so" | awk '$2 != "A" { print $3 }' >names.txt
    holds "exports something" grep -qx lic_encode names.txt
    holds "exports lic_ names alone" bash -c '! grep -v "^lic_" names.txt'
    # Every name of the header, and none besides.
    sed -n 's/^LIC_API.*[ *]\(lic_[a-z_]*\)(.*/\1/p' "$root/include/lic.h" | sort >header.txt
    holds "exports what the header says" bash -c 'sort names.txt | cmp - header.txt'
else
    skip "no readelf to look at the library with"
fi

# The program, where it was put, with nothing but the installed files.
env -u LIC_MODEL_DIR "$root/bin/lic" encode --quiet "$DATA/odd-17x33.png" a.lic 2>err
holds "the installed program finds its weights" test -s a.lic

"$root/bin/clic" --quiet "$DATA/odd-17x33.png" b.lic 2>err
holds "so it does by its short name" cmp a.lic b.lic
holds "and the other one" test "$(readlink "$root/bin/dlic")" = lic
holds "with a manual page" grep -qx '.so man1/lic.1' "$root/share/man/man1/dlic.1"

if ! command -v pkg-config >/dev/null; then
    skip_rest "pkg-config is not here"
fi
installed install-files PREFIX="$T/own"
expect "install into a prefix" 0
export PKG_CONFIG_PATH=$T/own/lib/pkgconfig
holds "pkg-config knows the version" test "$(pkg-config --modversion lic)" = "$version"
run "$LIC" decode --quiet -f "$ROOT/tests/golden/v1-rgb8.lic" --model "$tiny" in.ppm
expect "a picture" 0
run "$LIC" encode --quiet --model "$tiny" in.ppm want.lic
expect "the program's file" 0
run "$LIC" decode --quiet --model "$tiny" want.lic want.ppm
expect "the program's picture" 0

consumer() { # NAME HOW COMPILER...: builds, runs and compares
    local name=$1 how=$2 libs
    shift 2
    # shellcheck disable=SC2046
    run "$@" -Wall -Wextra -Wshadow -Wconversion -pedantic -Werror $(pkg-config --cflags lic) \
        "$ROOT/tests/install/consumer.c" -o "$name" $(pkg-config --libs $how lic)
    expect "$name: compiles" 0
    run env LD_LIBRARY_PATH="$T/own/lib" "./$name" "$tiny" in.ppm got.lic got.ppm
    expect "$name: runs" 0
    holds "$name: no block left" grep -qx "$version, 0 blocks left" out
    holds "$name: the program's bytes" cmp got.lic want.lic
    holds "$name: the program's pixels" cmp got.ppm want.ppm
    rm -f got.lic got.ppm
}
consumer c11 '' $cc -std=c11
holds "the shared library is used" bash -c 'LD_LIBRARY_PATH=own/lib ldd c11 | grep -q own/lib/liblic.so.0'
if command -v ${cxx%% *} >/dev/null; then
    consumer c++17 '' $cxx -std=c++17 -x c++
else
    skip "no C++ compiler is here"
fi

# The example: RGBA of a picture with alpha, and it does not know where weights lie.
# shellcheck disable=SC2046
run $cc -std=c11 -Wall -Wextra -Wshadow -Wconversion -pedantic -Werror "$ROOT/codec/example/rgba.c" -o rgba \
    $(pkg-config --cflags --libs lic)
expect "the example compiles" 0
holds "in some 30 lines" test "$(grep -c . "$ROOT/codec/example/rgba.c")" -le 36
holds "weightsdir of lic.pc" cmp "$(pkg-config --variable=weightsdir lic)/student.licw" "$ROOT/models/weights/student.licw"
"$LIC" encode --quiet "$DATA/pngsuite/basn6a08.png" alpha.lic
run env -u LIC_MODEL_DIR LD_LIBRARY_PATH="$T/own/lib" ./rgba alpha.lic
expect "the example finds the weights" 0
cp out alpha.pam
"$LIC" decode --quiet alpha.lic alpha.png
holds "the example's pixels are the program's" python3 - alpha.pam alpha.png <<'END'
import struct, sys, zlib
pam = open(sys.argv[1], "rb").read()
pam = pam[pam.index(b"ENDHDR\n") + 7:]
png, at, data = open(sys.argv[2], "rb").read(), 8, b""
while at < len(png):
    n, kind = struct.unpack(">I4s", png[at:at + 8])
    if kind == b"IHDR":
        width, height, depth, colour = struct.unpack(">IIBB", png[at + 8:at + 18])
    data += png[at + 8:at + 8 + n] if kind == b"IDAT" else b""
    at += 12 + n
assert (depth, colour) == (8, 6), (depth, colour)
raw, rows, above = zlib.decompress(data), b"", bytes(4 * width)
for y in range(height):
    kind, row = raw[y * (4 * width + 1)], bytearray(raw[y * (4 * width + 1) + 1:(y + 1) * (4 * width + 1)])
    for i in range(4 * width):
        a, b, c = (row[i - 4], above[i], above[i - 4]) if i >= 4 else (0, above[i], 0)
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        row[i] = row[i] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
    rows, above = rows + row, row
assert rows == pam
assert min(pam[3::4]) < 255
END
run env LD_LIBRARY_PATH="$T/own/lib" ./rgba no-such.lic
expect "no file: an error" 1 "rgba: "

rm own/lib/liblic.so*
consumer static --static $cc -std=c11
holds "the static library is inside" bash -c '! ldd static | grep -q liblic'

installed install-files PREFIX="$T/own"
echo theirs >own/share/lic/theirs.licw
installed uninstall PREFIX="$T/own"
expect "uninstall" 0
holds "only what others put there is left" test "$(find own -type f -o -type l)" = own/share/lic/theirs.licw
finish
