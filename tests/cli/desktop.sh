#!/usr/bin/env bash
# The thumbnailer, the file type, and the module for gdk-pixbuf: its own thumbnailer and loader open .lic
# files with it, in a scratch copy of the desktop's caches.
source "$(dirname "$0")/common.bash"
build=${BUILD:-$ROOT/build}
thumbnailer=$build/lic-thumbnailer
loader=$build/libpixbufloader-lic.so
cd "$T" || exit 1

size_of() { # PNG: "WIDTHxHEIGHT"
    od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'
}

run "$LIC" encode --quiet -q 60 "$DATA/waves-200x168.png" a.lic
expect "a file" 0
run "$LIC" decode --quiet a.lic whole.png
expect "its picture" 0
run "$thumbnailer" 64 a.lic a.png
expect "a thumbnail" 0
holds "as large as may be" test "$(size_of a.png)" = 64x54
run "$thumbnailer" 4096 a.lic same.png
expect "never larger than the picture" 0
run "$LIC" eval --json whole.png same.png
holds "then it is the picture" grep -q '"psnr": null' "$T/out"
run "$thumbnailer" 8 a.lic tiny.png
expect "smaller than a preview" 0
holds "8x7" test "$(size_of tiny.png)" = 8x7
run "$LIC" encode --quiet -q 60 "$DATA/kodim23.png" k.lic
for side in 48 96 192; do # the sides of a preview
    run "$thumbnailer" $side k.lic k.png
    run "$LIC" decode -f --quiet --scale 1/$((768 / side)) k.lic preview.png
    run "$LIC" eval --json k.png preview.png
    holds "$side pixels are a preview" grep -q '"psnr": null' "$T/out"
done
run "$thumbnailer" 160 k.lic k.png
expect "what lies between" 0
holds "160x107" test "$(size_of k.png)" = 160x107
run "$thumbnailer" 384 k.lic k.png
run "$LIC" decode -f --quiet --scale 1/2 k.lic preview.png
run "$LIC" eval --json k.png preview.png
holds "no head gives 384, so it is the whole, reduced" grep -Eq '"psnr": ([4-9][0-9]|null)' "$T/out"
run "$thumbnailer" 64 "$ROOT/tests/golden/v1-grey16.lic" grey.png
expect "another network, which is not installed" 3 'needs model'
run "$LIC" encode --quiet "$DATA/meta.png" meta.lic
expect "metadata" 0
run "$thumbnailer" 64 meta.lic meta.png
expect "a thumbnail with a profile" 0
holds "the profile is in it" grep -q iCCP meta.png
run "$LIC" encode --quiet "$DATA/cases/pq.png" pq.lic
run "$thumbnailer" 64 pq.lic pq.png
expect "a thumbnail of HDR colours" 0
holds "that says so" grep -qa cICP pq.png
run "$LIC" encode --quiet "$DATA/cases/orient6.jpg" turned.lic
run "$LIC" encode --quiet --strip "$DATA/cases/orient6.jpg" stripped.lic
for name in turned stripped; do
    run "$thumbnailer" 64 $name.lic $name.png
    holds "a $name picture stands upright" test "$(size_of $name.png)" = 48x64
done
run "$LIC" encode --quiet "$DATA/pngsuite/tbbn3p08.png" alpha.lic
expect "a picture with alpha" 0
run "$thumbnailer" 16 alpha.lic alpha.png
expect "its thumbnail" 0
holds "has alpha" test "$(od -An -tu1 -j25 -N1 alpha.png | tr -d ' ')" = 6
head -c 100 a.lic >cut.lic
run "$thumbnailer" 64 cut.lic cut.png
expect "a cut file" 1 'cut.lic: '
holds "no picture of it" test ! -e cut.png
run "$thumbnailer" 64 none.lic none.png
expect "no file" 1 'cannot open'
if command -v python3 >/dev/null; then
    # Sides that are only said to be so large: what a thumbnail may cost is looked at before any work.
    python3 "$ROOT/tests/lic_sides.py" a.lic large.lic 12000 12000
    run "$thumbnailer" 64 large.lic large.png
    expect "a large picture" 1 'large.lic: 12000x12000 is too large for a view'
    python3 "$ROOT/tests/lic_sides.py" a.lic tiles.lic 11000 11000 64
    run bash -c 'ulimit -t 10; exec "$@"' - "$thumbnailer" 4096 tiles.lic tiles.png
    expect "much work from few bytes" 1 'tiles.lic: .*'
    holds "no picture of it" test ! -e tiles.png
else
    skip "python3 is not here"
fi
for size in +64 ' 64' 0x40 64.5 ''; do
    run "$thumbnailer" "$size" a.lic none.png
    expect "size '$size'" 2 'SIZE from 1'
done
run "$thumbnailer" 0 a.lic none.png
expect "no size" 2 '1 to 4096'
run "$thumbnailer" 64 a.lic /dev/full
expect "full disk" 1 'cannot write'
holds "no temporary files" no_strays .

if command -v update-mime-database >/dev/null && command -v gio >/dev/null; then
    mkdir -p xdg/mime/packages
    cp "$ROOT/cli/package/desktop/lic.xml" xdg/mime/packages
    export XDG_DATA_HOME=$T/xdg
    run update-mime-database xdg/mime
    holds "the description is valid" test -s xdg/mime/image/x-lic.xml
    cp a.lic a-without-suffix
    holds "known by name" bash -c 'gio info -a standard::content-type a.lic | grep -q image/x-lic'
    holds "known by its first bytes" bash -c \
        'gio info -a standard::content-type a-without-suffix | grep -q image/x-lic'
else
    skip_rest "no update-mime-database or gio is here (shared-mime-info, libglib2.0-bin)"
fi
query=$(pkg-config --variable=gdk_pixbuf_query_loaders gdk-pixbuf-2.0 2>/dev/null)
if [ ! -f "$loader" ] || [ ! -x "$query" ] || ! command -v gdk-pixbuf-thumbnailer >/dev/null; then
    skip_rest "no gdk-pixbuf to build for or to try with (libgdk-pixbuf-2.0-dev, libgdk-pixbuf2.0-bin)"
fi
if sanitized; then
    skip_rest "a module with a sanitizer loads into no program without"
fi
holds "the module shows two names" test "$(nm -D --defined-only "$loader" | awk '{ print $3 }' | sort | xargs)" = \
    "fill_info fill_vtable"
"$query" "$loader" >loaders.cache 2>err
holds "gdk-pixbuf takes the module" grep -q '"lic"' loaders.cache
export GDK_PIXBUF_MODULE_FILE=$T/loaders.cache LIC_MODEL_DIR=$ROOT/models/weights
gdk_thumbnail() { # IN OUT SIZE
    run gdk-pixbuf-thumbnailer -s "$3" "$1" "$2"
}
gdk_thumbnail a.lic gdk.png 64
expect "gdk-pixbuf's thumbnailer" 0
holds "the size it wanted" test "$(size_of gdk.png)" = 64x54
run "$LIC" eval --json a.png gdk.png
holds "the same pixels" grep -q '"psnr": null' "$T/out"
gdk_thumbnail alpha.lic gdk-alpha.png 16
expect "alpha" 0
holds "is in it" test "$(od -An -tu1 -j25 -N1 gdk-alpha.png | tr -d ' ')" = 6
gdk_thumbnail cut.lic gdk-cut.png 64
expect "a cut file, in gdk-pixbuf" 1 'Could not thumbnail'
LIC_MODEL_DIR=/nowhere gdk_thumbnail a.lic gdk-none.png 64
expect "no network, in gdk-pixbuf" 1 'needs model'
finish
