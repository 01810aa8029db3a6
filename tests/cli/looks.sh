#!/usr/bin/env bash
# How a picture is meant to be seen: an output that cannot say its colours gets a profile or a warning, and
# eval tells when what it compares is not meant to look alike.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
cp "$DATA"/cases/{plain,pq,orient3-turned}.png "$DATA"/cases/{plain,orient3,orient6}.jpg .
export LIC_THREADS=1
lic() { run "$LIC" "$@"; }
if ! command -v python3 >/dev/null; then
    skip_rest "python3 is not here"
fi
with() { # OUT NAME=HEX...: plain.png with chunks that say colours
    python3 - "$@" <<'END'
import struct, sys, zlib
d, new = open("plain.png", "rb").read(), b""
for word in sys.argv[2:]:
    name, data = word.split("=")
    name, data = name.encode(), bytes.fromhex(data)
    new += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
open(sys.argv[1], "wb").write(d[:33] + new + d[33:])
END
}
with p3.png cICP=0c0d0001
with bt709.png cICP=01010001
with linear.png gAMA=000186a0
with adobe.png gAMA=0000b18f cHRM=00007a26000080840000fa00000080e8000052080001155800003a9800001770
with hlg.png cICP=09120001
with srgb.png sRGB=00
with cicp-srgb.png cICP=010d0001

# ---- writing ----
for name in p3 bt709 linear adobe; do
    lic encode -f "$name.png" x.lic
    lic decode -f x.lic "$name.jpg"
    expect "$name to JPEG" 0
    holds "$name to JPEG: no warning" bash -c '! grep -q warning err'
    holds "$name to JPEG: a profile" grep -qa ICC_PROFILE "$name.jpg"
    lic decode -f -v x.lic "$name.jpg"
    expect "$name to JPEG, -v" 0 'an ICC profile is made for the colours'
    lic decode -f x.lic "$name.ppm"
    expect "$name to PPM" 0 'warning: a PPM file cannot say that colours are .*: they will be taken for sRGB'
    lic eval "$name.png" "$name.jpg"
    expect "$name: its JPEG is meant alike" 0
    holds "$name: nothing is said" test ! -s err
    # The JPEG goes in again with its profile, and out again without another one
    lic encode -f "$name.jpg" y.lic
    lic decode -f y.lic again.png
    holds "$name: the profile goes on" grep -qa iCCP again.png
done
for name in pq hlg; do
    lic encode -f "$name.png" x.lic
    lic decode -f x.lic x.jpg
    expect "$name to JPEG" 0 "warning: a JPEG file cannot say that colours are .*(HDR): they will be taken for sRGB"
    lic decode -f x.lic x.ppm
    expect "$name to PPM" 0 "warning: a PPM file cannot say that colours are .*(HDR)"
    lic decode -f x.lic x.png
    holds "$name to PNG" bash -c '! grep -q warning err && grep -qa cICP x.png'
done
for name in plain srgb cicp-srgb; do
    lic encode -f "$name.png" x.lic
    for suffix in jpg ppm; do
        lic decode -f -v x.lic "x.$suffix"
        holds "$name to $suffix: nothing to say" bash -c '! grep -q "warning\|profile" err'
    done
done
lic encode -f p3.png x.lic
lic decode -f --metadata none x.lic x.jpg
holds "--metadata none makes no profile" bash -c '! grep -qa ICC_PROFILE x.jpg && ! grep -q warning err'
lic decode -f --strip x.lic x.jpg
holds "--strip makes one" grep -qa ICC_PROFILE x.jpg
lic encode -f orient6.jpg x.lic
lic decode -f x.lic x.ppm
expect "orientation to PPM" 0 'warning: a PPM file cannot say that the picture is to be turned'
# Grey: a profile for grey
printf 'P5\n8 8\n255\n%064d' 0 >grey.pgm
lic encode -f grey.pgm grey.lic
python3 "$ROOT/tests/lic_chunks.py" grey.lic linear.lic "colr=1xgAMA$(printf '\4')\\0$(printf '\1')A@"
lic decode -f linear.lic grey.jpg
holds "grey to JPEG: a profile for grey" grep -qa 'mntrGRAYXYZ' grey.jpg

# ---- comparing ----
lic eval orient3.jpg orient3-turned.png
expect "unlike orientation" 0 'orient3-turned.png: warning: has orientation 1, the reference 3: samples are compared as they are stored'
lic eval --json orient3.jpg orient3-turned.png
holds "JSON tells" grep -q '"warning": "has orientation 1' out
lic encode -f orient3.jpg x.lic
lic eval orient3.jpg x.lic
holds "the same orientation, of a .lic file" test ! -s err
lic eval orient3-turned.png x.lic
expect "another one" 0 'x.lic: warning: has orientation 3, the reference 1'
lic eval pq.png plain.png
expect "unlike colours" 0 'plain.png: warning: colours are sRGB, those of the reference PQ (HDR): samples'
lic encode -f pq.png x.lic
lic eval pq.png x.lic
holds "like colours, of a .lic file" test ! -s err
lic eval plain.png x.lic
expect "unlike colours, of a .lic file" 0 'colours are PQ (HDR), those of the reference sRGB'
lic eval p3.jpg adobe.jpg
expect "unlike profiles" 0 'ICC profile'
lic eval plain.png srgb.png
holds "sRGB, said or not" test ! -s err
lic eval srgb.png cicp-srgb.png
holds "sRGB, said in two ways" test ! -s err
lic eval "$DATA/meta.jpg" "$DATA/meta.png"
holds "a profile that is called sRGB" bash -c '! grep -q colours err'
mkdir a b
cp pq.png a/1.png
cp plain.png b/1.png
lic eval --csv a b
expect "in folders, too" 0 'b/1.png: warning: colours are sRGB'
finish
