#!/usr/bin/env bash
# Files as people have them, and what must become of them: one case of each kind from tests/data/cases, and its
# neighbours, made here. Nothing is lost without a message, and there is no message if nothing is lost.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
cp "$DATA"/cases/* .
LIC="$LIC"
lic() { run "$LIC" "$@"; }
silent() { # NAME: no warning and no error was said
    if grep -qv '^lic: [^ ]*: [^ ]*: [0-9]*x[0-9]*.*bpp' err; then bad "$1: something was said"; else ok "$1"; fi
}
said() { # NAME PATTERN
    if grep -q -e "$2" err; then ok "$1"; else bad "$1: no '$2' was said"; fi
}
chunks() { # FILE: types in a .lic file
    "$LIC" info --json "$1" | sed 's/.*"chunks": //; s/}.*//' | tr -dc 'a-z ' | xargs
}
markers() { # JPEG: its markers in hexadecimal, by line
    python3 - "$1" <<'END'
import struct, sys
d, at = open(sys.argv[1], "rb").read(), 2
while at + 4 <= len(d) and d[at] == 0xFF and d[at + 1] != 0xDA:
    print("%02x" % d[at + 1])
    at += 2 + struct.unpack(">H", d[at + 2:at + 4])[0]
END
}
orientation() { # JPEG or PNG: the number in its EXIF, by bytes
    python3 - "$1" <<'END'
import re, struct, sys
d = open(sys.argv[1], "rb").read()
m = re.search(rb"II\*\0.{4}.{2}(?:.{12})*?\x12\x01\x03\0\x01\0\0\0(.)|MM\0\*.{4}.{2}(?:.{12})*?\x01\x12\0\x03\0\0\0\x01\0(.)", d, re.S)
print((m.group(1) or m.group(2))[0] if m else 1)
END
}
# png_with OUT NAME=HEX...: plain.png with further chunks before its pixels
png_with() {
    python3 - "$@" <<'END'
import struct, sys, zlib
d = open("plain.png", "rb").read()
new = b""
for word in sys.argv[2:]:
    name, _, data = word.partition("=")
    name, data = name.encode(), bytes.fromhex(data)
    new += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
open(sys.argv[1], "wb").write(d[:33] + new + d[33:])
END
}
hex_of() { # TEXT with escapes of printf
    printf '%b' "$1" | od -An -v -tx1 | tr -d ' \n'
}
# jpeg_with OUT MARKER=TEXT...: plain.jpg with further segments behind its first two bytes
jpeg_with() {
    local out=$1 word text
    shift
    head -c 2 plain.jpg >"$out"
    for word; do
        printf '%b' "${word#*=}" >segment
        text=$(($(stat -c %s segment) + 2))
        printf "\\xff\\x${word%%=*}\\x$(printf %02x $((text / 256)))\\x$(printf %02x $((text % 256)))" >>"$out"
        cat segment >>"$out"
    done
    tail -c +3 plain.jpg >>"$out"
}
if ! command -v python3 >/dev/null; then
    skip_rest "python3 is not here"
fi

# ---- JPEGs that lose no pixel ----
lic encode -f plain.jpg plain.lic
expect "a plain JPEG" 0
silent "a plain JPEG"
lic encode -f sos000.jpg x.lic
expect "odd scan parameters" 0 'warning: JPEG: Invalid SOS parameters'
holds "odd scan parameters: the same file" cmp x.lic plain.lic
lic encode -f noeoi.jpg x.lic
expect "no end marker" 0 'warning: JPEG: the end marker is missing'
holds "no end marker: the same file" cmp x.lic plain.lic
jpeg_with junk.jpg 'e0=JFIF\0\7\1\0\0\1\0\1\0\0'
lic encode -f junk.jpg x.lic
expect "an unknown revision of JFIF" 0 'warning: JPEG:.*JFIF'
holds "an unknown revision of JFIF: the same file" cmp x.lic plain.lic

# ---- damaged files ----
damaged() { # FILE PATTERN
    lic encode -f "$1" cut.lic
    expect "$1 is refused" 1 "^lic: $1: damaged"
    holds "$1: nothing was written" test ! -e cut.lic
    lic encode -f --salvage --json "$1" cut.lic
    expect "$1 is salvaged, which is told" 1 "^lic: $1: salvaged: $2 of 48 rows were whole"
    holds "$1: JSON tells" grep -q '"status": "LIC_PARTIAL"' out
    lic decode -f cut.lic cut.ppm
    expect "$1: there is a picture" 0
    rm -f cut.lic
}
head -c 900 plain.jpg >cut.jpg
damaged cut.jpg '[1-9][0-9]*'
head -c 6000 plain.png >cut.png
damaged cut.png '[1-9][0-9]*'
{ printf 'P6\n64 48\n255\n'; head -c 6000 plain.png; } >cut.pnm
damaged cut.pnm '31'
lic encode -f --salvage plain.jpg x.lic
expect "--salvage of a whole file" 0
silent "--salvage of a whole file"
holds "--salvage of a whole file changes nothing" cmp x.lic plain.lic
printf '\377\330\377\340' >stub.jpg
lic encode -f --salvage stub.jpg cut.lic
expect "nothing to salvage" 1 'damaged JPEG'
head -c 60 plain.png >stub.png
lic encode -f --salvage stub.png cut.lic
expect "no row, no picture" 1 '^lic: stub.png: damaged PNG'
printf 'P6 64 48 255 abc' >stub.ppm
lic encode -f --salvage stub.ppm cut.lic
expect "no row of a PPM" 1 '^lic: stub.ppm: damaged PPM'
holds "nothing was written" test ! -e cut.lic

# ---- profiles ----
for name in icc-twice icc-missing; do
    lic encode -f $name.jpg x.lic
    expect "$name" 0 'warning: JPEG: the ICC profile is damaged and left out'
    holds "$name: the same file" cmp x.lic plain.lic
    lic encode -f --metadata none $name.jpg x.lic
    expect "$name, profile not wanted" 0
    silent "$name, profile not wanted"
    lic eval $name.jpg plain.jpg
    expect "$name: eval" 0
done
png_with bad-icc.png iCCP="$(hex_of 'x\0\0')00112233"
lic encode -f bad-icc.png x.lic
expect "a bad profile of PNG" 0 'warning: PNG:'
lic encode -f --metadata none bad-icc.png x.lic
silent "a bad profile of PNG, not wanted"
jpeg_with cmyk-icc.jpg "e2=ICC_PROFILE\0\1\1$(printf '\\0%.0s' {1..16})CMYKLab $(printf '\\0%.0s' {1..108})"
lic encode -f cmyk-icc.jpg x.lic
expect "a profile for other colours" 0 'the ICC profile is for other colours (CMYK) and is left out'

# ---- orientation ----
for options in --strip --metadata=icc --metadata=text,colour --metadata=orientation; do
    lic encode -f $options orient6.jpg x.lic
    expect "orientation, encode $options" 0
    silent "orientation, encode $options"
    for suffix in jpg png; do
        lic decode -f x.lic x.$suffix
        holds "orientation stays: encode $options, .$suffix" test "$(orientation x.$suffix)" = 6
    done
    lic encode -f orient6.jpg x.lic
    lic decode -f $options x.lic x.jpg
    holds "orientation stays: decode $options" test "$(orientation x.jpg)" = 6
done
lic encode -f --metadata=none orient6.jpg x.lic
expect "--metadata=none takes it, and says so" 0 'warning: the orientation (6 of EXIF) is left out'
holds "--metadata=none: no chunk" test -z "$(chunks x.lic)"
lic encode -f --metadata=none plain.jpg x.lic
silent "--metadata=none where nothing is lost"
lic encode -f --strip "$DATA/meta.jpg" x.lic
holds "--strip: profile and orientation stay" test "$(chunks x.lic)" = 'iccp exif'
lic decode -f x.lic x.jpg
holds "--strip: nothing else of EXIF" bash -c '! grep -qa "a test picture" x.jpg'
lic encode -f --strip pq.png x.lic
holds "--strip: cICP stays" test "$(chunks x.lic)" = colr

# ---- what is lost, and what promises it ----
lic encode -f ultrahdr.jpg x.lic
expect "a gain map" 0 'warning: a gain map (HDR) is left out, and the XMP that promises it'
holds "a gain map: no XMP" test -z "$(chunks x.lic)"
lic encode -f --strip ultrahdr.jpg x.lic
expect "a gain map, --strip" 0 'warning: a gain map (HDR) is left out'
jpeg_with iso.jpg 'e2=urn:iso:std:iso:ts:21496:-1\0\0\0\0\0'
lic encode -f iso.jpg x.lic
expect "a gain map of ISO 21496-1" 0 'the gain map (HDR) is left out'
jpeg_with mpf.jpg 'e2=MPF\0II*\0\10\0\0\0\0\0'
lic encode -f mpf.jpg x.lic
silent "another picture (MPF) is no warning"
lic encode -f -v mpf.jpg x.lic
said "another picture (MPF), -v" 'further pictures in the file (MPF) are left out'
jpeg_with motion.jpg 'e1=http://ns.adobe.com/xap/1.0/\0<x:xmpmeta GCamera:MotionPhoto="1"/>'
lic encode -f motion.jpg x.lic
expect "a motion photo" 0 'a motion photo is left out, and the XMP'
lic encode -f -v hdr.png x.lic
expect "HDR of PNG" 0 'PNG: left out are the chunks sBIT'
lic decode -f x.lic x.png
for name in cICP mDCV cLLI; do
    holds "$name goes through" grep -qa $name x.png
done
png_with more.png bKGD=000000000000 tIME=07ea0b1b000000 gAMA=0000b18f
lic encode -f -v more.png x.lic
said "further chunks of PNG, -v" 'PNG: left out are the chunks bKGD tIME$'
holds "gAMA is none of them" test "$(chunks x.lic)" = colr
lic encode -f more.png x.lic
silent "further chunks of PNG"
# Names that mDCV and cLLI had in drafts
png_with drafts.png cICP=09100001 "mDCv=$(printf '0%.0s' {1..48})" cLLi=0098968000000000
lic encode -f -v drafts.png x.lic
lic decode -f x.lic x.png
holds "mDCV of a draft" grep -qa mDCV x.png
holds "cLLI of a draft" grep -qa cLLI x.png

# ---- profiles hidden in texts ----
raw() { # TYPE TEXT: a tEXt of ImageMagick
    local digits
    digits=$(hex_of "$2")
    hex_of "Raw profile type $1\0\n$1\n$(printf %8d $((${#digits} / 2)))\n$digits\n"
}
exif='Exif\0\0II*\0\010\0\0\0\1\0\022\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0'
lic encode -f raw-profile.png x.lic
lic decode -f x.lic x.jpg
holds "EXIF in a text is EXIF" test "$(orientation x.jpg)" = 6
lic encode -f --metadata=icc,text raw-profile.png x.lic
holds "and no text" test "$(chunks x.lic)" = exif
lic encode -f --metadata=none raw-profile.png x.lic
holds "--metadata=none takes it" test -z "$(chunks x.lic)"
png_with raw-app1.png tEXt="$(raw APP1 "$exif")"
lic encode -f raw-app1.png x.lic
holds "APP1 in a text is EXIF" test "$(chunks x.lic)" = exif
png_with raw-app1.png tEXt="$(raw APP1 'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>')"
lic encode -f raw-app1.png x.lic
holds "APP1 in a text is XMP" test "$(chunks x.lic)" = 'xmp'
png_with raw-xmp.png tEXt="$(raw xmp '<x:xmpmeta/>')"
lic encode -f raw-xmp.png x.lic
holds "XMP in a text is XMP" test "$(chunks x.lic)" = 'xmp'
lic encode -f --metadata=text raw-xmp.png x.lic
holds "and no text" test -z "$(chunks x.lic)"
png_with raw-icc.png tEXt="$(raw icc "$(printf 'x%.0s' {1..16})RGB XYZ $(printf 'x%.0s' {1..120})")"
lic encode -f raw-icc.png x.lic
holds "ICC in a text is ICC" test "$(chunks x.lic)" = iccp
png_with raw-bad.png tEXt="$(hex_of 'Raw profile type exif\0\nexif\n 40\n0011')"
lic encode -f raw-bad.png x.lic
expect "damaged EXIF in a text" 0 "text 'Raw profile type exif' is damaged and left out"
holds "is not kept as a text" test -z "$(chunks x.lic)"

# ---- parts ----
lic encode -f thumbnail.jpg x.lic
for options in '--crop 8x8+0+0' '--scale 1/16'; do
    # shellcheck disable=SC2086
    lic decode -f $options x.lic x.jpg
    expect "a part: $options" 0
    holds "no thumbnail of the whole: $options" test "$(grep -aoc $'\xff\xd8\xff' x.jpg)" = 1
    holds "EXIF stays: $options" test "$(markers x.jpg | grep -c e1)" = 1
done
lic decode -f x.lic x.jpg
holds "the whole picture keeps its thumbnail" test "$(markers x.jpg | grep -c e1)" = 1
jpeg_with img.jpg 'e1=http://ns.adobe.com/xap/1.0/\0<x xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" tiff:ImageWidth="64"/>'
lic encode -f img.jpg x.lic
lic decode -f --crop 8x8+0+0 x.lic x.jpg
expect "a thumbnail in XMP" 0 'XMP is left out: it holds a thumbnail of the whole picture'
jpeg_with sides.jpg 'e1=http://ns.adobe.com/xap/1.0/\0<x tiff:ImageWidth="64" exif:PixelYDimension="48"><tiff:ImageLength>48</tiff:ImageLength></x>'
lic encode -f sides.jpg x.lic
lic decode -f --crop 8x9+0+0 x.lic x.jpg
holds "sides in XMP" grep -qa 'tiff:ImageWidth="8" exif:PixelYDimension="9"><tiff:ImageLength>9</tiff' x.jpg

# ---- many small things, and much from little ----
# Time must not grow with the square of their number: then ten seconds of processor time are not enough.
patient() { # COMMAND...
    run bash -c 'ulimit -t 10; exec "$@"' - "$LIC" "$@"
}
many() { # PNG-or-JPEG OUT BYTES-IN-HEXADECIMAL: 50,000 of them behind the head
    python3 - "$@" <<'END'
import sys
d, out, piece = open(sys.argv[1], "rb").read(), sys.argv[2], bytes.fromhex(sys.argv[3])
at = 33 if d[0] == 0x89 else 2
open(out, "wb").write(d[:at] + piece * 50000 + d[at:])
END
}
png_with one.png tEXt="$(hex_of 'Comment\0a')"
many plain.png texts.png "$(od -An -v -tx1 -j 33 -N 21 one.png | tr -d ' \n')"
patient encode -f texts.png x.lic
expect "50,000 texts of PNG" 0 'PNG: of 50000 texts 3[0-9]* are kept'
for marker in fe e1 e2 ed; do
    many plain.jpg segments.jpg ff${marker}0002
    patient encode -f segments.jpg x.lic
    expect "50,000 segments $marker of JPEG" 0 'JPEG: metadata is left out: 50000 segments'
done
for text in '\0\0\0\0' 'Comment\0\0\0a\0'; do
    python3 "$ROOT/tests/lic_chunks.py" plain.lic many.lic "text=80000x$text"
    for suffix in png jpg ppm; do
        patient decode -f many.lic many.$suffix
        expect "80,000 texts to $suffix" 0 'more than 4000 texts: the others are left out'
    done
done
patient decode -f many.lic many.png
holds "4,000 are kept" test "$(grep -ao Comment many.png | wc -l)" = 4000
python3 "$ROOT/tests/lic_chunks.py" plain.lic bomb.lic 'xmp=60000000xa'
lic decode -f bomb.lic bomb.png
expect "XMP of nothing" 0 'xmp is left out: .* bytes of it are 60000000 unpacked'
holds "a small file stays one" test "$(stat -c %s bomb.png)" -lt 10000
head -c 3000000 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >digits # packs by half
python3 "$ROOT/tests/lic_chunks.py" plain.lic large.lic "iptc=1x@digits"
lic decode -f --max-memory 10M large.lic large.png
expect "metadata counts" 1 'metadata takes 18000000 bytes of memory, more than --max-memory=10000000'
lic decode -f --max-memory 200M large.lic large.png
expect "and is taken where there is room" 0
python3 "$ROOT/tests/lic_chunks.py" plain.lic fine.lic 'xmp=1000000xa'
lic decode -f fine.lic fine.png
expect "a megabyte is free" 0
holds "and is there" test "$(stat -c %s fine.png)" -gt 1000000

python3 - <<'END'
import struct, zlib
d = open("plain.png", "rb").read()
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 8000000, 9))
open("blank.png", "wb").write(d[:33] + xmp + d[33:])
END
lic encode -f blank.png x.lic
expect "XMP of nothing in a PNG" 0 'xmp is left out: it unpacks to 8000000 bytes'
lic encode -f --max-memory 50M blank.png x.lic
expect "and more than its share of memory" 0 'blank.png: warning: PNG: '
holds "no XMP" test -z "$(chunks x.lic)"

# ---- kinds that used to be refused ----
lic encode -f apng2.png x.lic
expect "an animated PNG" 0 'warning: is an animated PNG of 2 pictures: the first one alone is taken'
lic encode -f plain.png y.lic
holds "its first picture" cmp <(tail -c 70 x.lic) <(tail -c 70 y.lic)
lic encode -f cmyk.jpg x.lic
expect "CMYK" 0 'warning: JPEG: CMYK becomes RGB by the plain formula'
printf 'P4\n9 2\n\252\200\125\0' >bits.pbm
lic encode -f bits.pbm x.lic
expect "PBM" 0
finish
