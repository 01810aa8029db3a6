#!/usr/bin/env bash
# Tests of the decoder for browsers (codec/web/), built by `make web`: its kernels under node, then pages in
# headless Chromium against what the program decodes (pages.mjs and scales.mjs, or those that are named).
# Screenshots stay in $BUILD/web-test, to be looked at.
source "$(dirname "$0")/../cli/common.bash"
build=${BUILD:-build}
case $build in /*) ;; *) build=$ROOT/$build ;; esac
site=$build/web-test
for tool in node chromium emcc python3; do
    command -v $tool >/dev/null || { echo "skip: no $tool"; exit 0; }
done
rm -rf "$site"
mkdir -p "$site"
cp -r "$build/web/." "$ROOT/tests/web/images.html" "$ROOT/tests/web/scales.html" "$site"
sed 's/<script /&data-lic-scale="1" /' "$ROOT/tests/web/scales.html" >"$site/whole.html"

# What a page loads.
for kind in single single-fma threads threads-fma; do
    bytes=$(cat "$site"/lic.js "$site"/worker.js "$site"/lic-$kind.* | wc -c)
    echo "lic-$kind: $bytes bytes, $(cat "$site"/lic.js "$site"/worker.js "$site"/lic-$kind.* | gzip -9 | wc -c) packed"
    holds "lic-$kind is below 300 kB" test "$bytes" -lt 300000
done

for kind in single single-fma; do
    run node --no-experimental-fetch --experimental-wasm-relaxed-simd "$build/web-test-$kind.js"
    tail -n 1 "$T/out"
    expect "kernels of $kind" 0
    [ "$rc" -eq 0 ] || cat "$T/out"
done

cd "$site" || exit 1
encode() { # OPTIONS... IN OUT
    run "$LIC" encode --quiet -f "$@"
    expect "encode $*" 0
}
encode -q 20 "$DATA/kodim23.png" q20.lic
encode -q 80 "$DATA/kodim23.png" q80.lic
encode -q 50 --tile 256 "$DATA/kodim23.png" tiles.lic
encode -q 60 "$DATA/waves-200x168.png" waves.lic
encode --lossless "$DATA/waves-200x168.png" lossless.lic
encode --lossless "$DATA/kodim23.png" large.lic
encode -q 60 "$DATA/pngsuite/tbbn3p08.png" alpha.lic
for o in 1 2 3 4 5 6 7 8; do
    python3 - "$DATA/cases/orient6.jpg" orient$o.jpg $o <<'P'
import sys
data, tag = bytearray(open(sys.argv[1], "rb").read()), b"\x12\x01\x03\x00\x01\x00\x00\x00"
data[data.index(tag) + len(tag)] = int(sys.argv[3])
open(sys.argv[2], "wb").write(data)
P
    encode -q 90 orient$o.jpg orient$o.lic
done
# More than a megapixel.
run "$LIC" decode --quiet -f q80.lic tile.ppm
python3 - tile.ppm big.ppm <<'P'
import sys
data = open(sys.argv[1], "rb").read()[-3 * 768 * 512:]
rows = [data[i:i + 3 * 768] for i in range(0, len(data), 3 * 768)]
open(sys.argv[2], "wb").write(b"P6 1536 1024 255\n" + b"".join(2 * row for row in rows) * 2)
P
encode -q 20 big.ppm big.lic
# With odd sides, turned.
run "$LIC" decode --quiet -f --crop 701x499+30+10 q80.lic odd.png
expect "decode --crop" 0
for o in 1 3 6; do
    python3 - odd.png turned$o.png $o <<'P'
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
exif = b"eXIfII*\0" + struct.pack("<IHHHIII", 8, 1, 0x112, 3, 1, int(sys.argv[3]), 0)
chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
open(sys.argv[2], "wb").write(data[:33] + chunk + data[33:])
P
    encode -q 80 turned$o.png turned$o.lic
done
for lic in *.lic; do
    run "$LIC" decode --quiet -f --alpha drop "$lic" "${lic%.lic}.ppm"
    [ "$rc" -eq 0 ] || run "$LIC" decode --quiet -f "$lic" "${lic%.lic}.ppm"
    expect "decode $lic" 0
    "$LIC" info --json "$lic" >"${lic%.lic}.json"
done
# Smaller ones, of the program that finds heads for previews and that finds none.
mkdir heads none
ln -s "$ROOT"/models/weights/student.* heads
ln -s "$ROOT/models/weights/student.licw" none
for name in q80 alpha large; do
    options=$([ $name = alpha ] && echo --alpha drop)
    for models in heads none; do
        for scale in 2 4 8 16; do
            LIC_MODEL_DIR=$site/$models run "$LIC" decode --quiet $options --scale 1/$scale $name.lic \
                $name-$scale-$models.ppm
            expect "decode --scale 1/$scale $name.lic, $models" 0
        done
    done
done
run "$LIC" decode --quiet -f alpha.lic alpha.png
python3 - "$ROOT/tests" <<'P'
import sys
sys.path.insert(0, sys.argv[1])
import pngread
p = pngread.read("alpha.png")
pixels = zip(p["colours"], p["alpha"])
open("alpha.raw", "wb").write(bytes(v for colour, alpha in pixels for v in (*colour, alpha)))
P
head -c 3000 q20.lic >cut.lic
python3 -c 'd = bytearray(open("q20.lic", "rb").read()); d[2000] ^= 1; open("damaged.lic", "wb").write(d)'
cp "$ROOT/tests/golden/v1-rgb8.lic" other.lic
head -c 1000 "$DATA/kodim23.png" >nothing.lic

python3 "$build/web/serve.py" "$site" 0 --plain >plain.url &
plain=$!
python3 "$build/web/serve.py" "$site" 0 >isolated.url &
isolated=$!
trap 'kill $plain $isolated; rm -rf "$T"' EXIT
for ((i = 0; i < 100; i++)); do
    [ -s plain.url ] && [ -s isolated.url ] && break
    sleep 0.1
done
for test in ${*:-pages scales}; do
    node "$ROOT/tests/web/$test.mjs" "$site" "$(cat plain.url)" "$(cat isolated.url)" >"$T/pages"
    rc=$?
    sed '$d' "$T/pages"
    if [[ $(tail -n 1 "$T/pages") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        bad "$test.mjs: exit $rc"
    fi
done
finish
