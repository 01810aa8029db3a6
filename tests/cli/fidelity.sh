#!/usr/bin/env bash
# What is not RGB: alpha, gamma, resolution, and which choices there are; and that an error in the middle of
# the rows, reading or writing, leaves no file and says why. Alpha sample by sample is in pngsuite.sh.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
suite=$DATA/pngsuite

head_of() { # PNG: bits and colour type; 0 grey, 2 RGB, 4 and 6 with alpha
    od -An -tu1 -j 24 -N 2 "$1" | tr -s ' '
}
chunks() { # FILE
    "$LIC" info --json "$1" | sed 's/.*"chunks": //; s/}.*/}/'
}
equal() { # A B: colours are
    "$LIC" eval --alpha drop "$1" "$2" | grep -q equal
}

# ---- alpha ----
for name in basn4a08 basn6a16 tbbn3p08; do
    run "$LIC" encode -f "$suite/$name.png" a.lic
    expect "$name" 0
    holds "$name: alpha is in the file" grep -qi alph <(chunks a.lic)
done
run "$LIC" encode -f "$suite/basn6a08.png" a.lic
run "$LIC" encode -f --alpha keep "$suite/basn6a08.png" keep.lic
holds "keep is the default" cmp a.lic keep.lic
run "$LIC" encode -f --strip "$suite/basn6a08.png" strip.lic
holds "--strip leaves alpha and colours" test "$(chunks strip.lic | grep -c '{"colr": [0-9]*, "[Aa]lph": [0-9]*}')" -eq 1
run "$LIC" encode -f --alpha drop --metadata none "$suite/basn6a08.png" drop.lic
holds "--alpha drop" test "$(chunks drop.lic)" = '{}'
run "$LIC" encode -f "$suite/tp0n3p08.png" opaque.lic
holds "an opaque picture has no alpha" test -z "$(chunks opaque.lic | grep -i alph)"
run "$LIC" encode -f --alpha blend=00ff00 "$suite/basn4a08.png" green.lic
holds "grey over a colour is RGB" grep -q RGB <("$LIC" info green.lic)
run "$LIC" encode -f --alpha blend=808080 "$suite/basn4a08.png" grey.lic
holds "grey over grey is grey" grep -q grey <("$LIC" info grey.lic)

run "$LIC" decode -f a.lic a.png
expect "alpha to PNG" 0
holds "no warning" test ! -s err -o -z "$(grep warning err)"
holds "PNG is RGBA" test "$(head_of a.png)" = ' 8 6'
run "$LIC" decode -f a.lic a.jpg
expect "alpha to JPEG is said" 0 'a.jpg: warning: transparency is left out: a JPEG file cannot hold it.*--alpha=blend'
run "$LIC" decode -f a.lic a.ppm
expect "alpha to PPM is said" 0 'warning: transparency is left out: a PPM file'
run "$LIC" decode -f --alpha drop a.lic b.jpg
holds "--alpha drop on decode says nothing" test -z "$(grep warning err)"
run "$LIC" decode -f --alpha drop a.lic drop.png
holds "--alpha drop to PNG: RGB" test "$(head_of drop.png)" = ' 8 2'
holds "its colours are those with alpha" equal a.png drop.png
run "$LIC" decode -f --alpha blend=ff8000 a.lic blend.ppm
expect "--alpha blend on decode" 0
holds "blended differs from dropped" test -z "$(equal blend.ppm drop.png && echo same)"
run "$LIC" decode -f --alpha blend=ff8000 a.lic blend.png
holds "blended is the same in PNG and PPM" equal blend.png blend.ppm
holds "and has no alpha" test "$(head_of blend.png)" = ' 8 2'
# A part has its part of alpha, and a preview has its mean.
run "$LIC" decode -f --crop 20x11+5+7 a.lic part.png
expect "a part" 0
holds "a part has alpha" test "$(head_of part.png)" = ' 8 6'
run "$LIC" decode -f --scale 1/16 a.lic small.png
expect "a preview" 0
holds "a preview has alpha" test "$(head_of small.png)" = ' 8 6'
holds "and nothing is left out" bash -c '! grep -q "left out" err'
if command -v python3 >/dev/null; then
    run python3 -c "$(
        cat <<'EOF'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import pngread
whole, part = pngread.read("a.png"), pngread.read("part.png")
width = whole["size"][0]
for what in ("alpha", "colours"):
    assert part[what] == [whole[what][y * width + x] for y in range(7, 18) for x in range(5, 25)], what
EOF
    )" "$ROOT/tests"
    expect "and the right one" 0
else
    skip "python3 is not here"
fi
# What blending before and after coding gives is near, where the picture is.
run "$LIC" encode -f -q 100 --alpha blend=ffffff "$suite/bgan6a08.png" w.lic
run "$LIC" decode -f w.lic w.png
run "$LIC" encode -f -q 100 "$suite/bgan6a08.png" k.lic
run "$LIC" decode -f --alpha blend=ffffff k.lic k.png
run "$LIC" eval --json w.png k.png
holds "blended before or after: near" at_least "$(number out psnr | sed 's/null/99/')" 25
# eval takes alpha in a .lic file for what it is in a PNG
run "$LIC" eval a.lic drop.png
expect "eval of a .lic file with alpha" 1 '^lic: a.lic: has transparency'
run "$LIC" eval --alpha drop a.lic drop.png
holds "dropped" grep -q equal out
run "$LIC" eval --alpha blend=ff8000 a.lic blend.png
holds "blended" grep -q equal out
run "$LIC" eval --alpha keep a.png a.png
expect "eval does not compare alpha" 2 'alpha=keep'
run "$LIC" encode --alpha some "$suite/basn6a08.png" no.lic
expect "another word" 2 "'some' is not keep, drop"

# ---- colours and resolution ----
run "$LIC" encode -f "$suite/ccwn2c08.png" c.lic
holds "gamma and primaries are in the file" test "$(chunks c.lic | grep -c colr)" -eq 1
run "$LIC" encode -f --metadata icc,exif "$suite/ccwn2c08.png" n.lic
holds "--metadata without colour" test "$(chunks n.lic)" = '{}'
run "$LIC" encode -f --metadata resolution "$suite/cdun2c08.png" r.lic
holds "--metadata resolution" test "$(chunks r.lic | grep -c '{"phys": [0-9]*}')" -eq 1
run "$LIC" decode -f --metadata none c.lic c.png
holds "--metadata none on decode" bash -c '! grep -qa gAMA c.png'
run "$LIC" decode -f --strip c.lic c.png
holds "--strip on decode leaves colours" grep -qa gAMA c.png
run "$LIC" decode -f c.lic c.jpg
holds "gamma to JPEG: a profile, and not a word" bash -c '! grep -q warning err && grep -qa ICC_PROFILE c.jpg'
run "$LIC" decode -f -v c.lic c.jpg
expect "gamma to JPEG: told with -v" 0 'an ICC profile is made for the colours'
run "$LIC" encode -f "$DATA/kodim23.png" s.lic
run "$LIC" decode -f -v s.lic s.jpg
holds "sRGB to JPEG is no loss" test -z "$(grep gamma err)"
run "$LIC" decode -f r.lic r.jpg
holds "resolution goes into a JPEG (1000 per metre: 25 dpi)" \
    test "$(od -An -tu1 -j 13 -N 5 r.jpg | tr -s ' ')" = ' 1 0 25 0 25'

# ---- text, comments and IPTC ----
# Text of PNG as its chunks hold it, one after another, with zTXt unpacked.
texts_of() {
    python3 - "$1" <<'END'
import sys, struct, zlib
data, at, found = open(sys.argv[1], "rb").read(), 8, []
while at < len(data):
    n, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + n]
    at += 12 + n
    if kind == b"tEXt":
        found.append(body.split(b"\0", 1))
    elif kind == b"zTXt":
        key, rest = body.split(b"\0", 1)
        found.append([key, zlib.decompress(rest[1:])])
    elif kind == b"iTXt":
        key, rest = body.split(b"\0", 1)
        lang, local, text = rest[2:].split(b"\0", 2)
        found.append([key, lang, local, zlib.decompress(text) if rest[0] else text])
for text in sorted(found):
    print(text)
END
}
with_texts() { # a grey pixel with German (Latin-1), Hindi, and a long compressed text
    python3 - "$1" <<'END'
import sys, struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
hindi = "\u0936\u0940\u0930\u094d\u0937\u0915".encode()
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"tEXt", b"Author\0J\xf6rg") + chunk(b"iTXt", b"Title\0\0\0hi\0" + hindi + b"\0" + hindi)
    + chunk(b"zTXt", b"Warning\0\0" + zlib.compress(b"long " * 1000)) + chunk(b"tEXt", b"Title\0T")
    + chunk(b"tEXt", b"Comment\0c") + chunk(b"IDAT", zlib.compress(b"\0\7")) + chunk(b"IEND", b""))
END
}
with_texts all.png
cp "$suite/ctgn0g04.png" .
for name in ctgn0g04 all; do
    run "$LIC" encode -f -v "$name.png" t.lic
    holds "$name: nothing is left out" test -z "$(grep 'left out' err)"
    holds "$name: a chunk of texts" grep -q '"text"' <(chunks t.lic)
    run "$LIC" decode -f t.lic t.png
    expect "$name: back to PNG" 0
    texts_of "$name.png" >before
    texts_of t.png >after
    holds "$name: all texts are there again" cmp before after
    holds "$name: more than one" test "$(wc -l <before)" -ge 5
done
run "$LIC" decode -f -v t.lic t.jpg
expect "PNG's texts to JPEG: told with -v" 0 "text 'Author' is left out: a JPEG file has comments only"
run "$LIC" decode -f -v t.lic t.ppm
expect "PNG's texts to PPM: told with -v" 0 'text is left out: a PPM file'
run "$LIC" encode -f -v --metadata icc,exif "$suite/ctgn0g04.png" t.lic
holds "text of PNG that nobody asked for" test "$(chunks t.lic)" = '{}'
run "$LIC" encode -f -v --metadata text "$suite/ctgn0g04.png" t.lic
holds "--metadata text" test "$(chunks t.lic | grep -c '{"text": [0-9]*}')" -eq 1
with_marker() { # MARKER TEXT [FILE]: the JPEG with a marker of that text and a zero behind its first one
    printf '%b\0' "$2" >"$T/body"
    { # SOI, then ours
        head -c 2 "${3:-$DATA/meta.jpg}"
        printf '\377%b\0%b' "$1" "\\0$(printf %o $(($(stat -c %s "$T/body") + 2)))"
        cat "$T/body"
        tail -c +3 "${3:-$DATA/meta.jpg}"
    } >"$T/marked"
    mv "$T/marked" "$T/marked.jpg"
}
kept() { # NAME CHUNKS: these and EXIF, XMP and ICC, and no word of it
    run "$LIC" encode -f -v marked.jpg t.lic
    expect "$1" 0
    holds "$1: nothing is left out" test -z "$(grep 'left out' err)"
    holds "$1: its chunks" test "$(chunks t.lic | tr -dc 'a-z ' | xargs)" = "iccp exif xmp$2"
}
with_marker '\0376' 'hello'
kept "a comment" ' text'
run "$LIC" decode -f t.lic t.jpg
holds "a comment is there again" grep -aq hello t.jpg
run "$LIC" decode -f t.lic t.png
holds "and in PNG, by its name" test "$(texts_of t.png | grep -c "'Comment', b'hello'")" -eq 1
iptc='Photoshop 3.0\08BIM\4\4\0\0\0\0\0\016\034\02\0170\0\011a caption'
with_marker '\0355' "$iptc"
kept "IPTC" ' iptc'
run "$LIC" decode -f t.lic t.jpg
holds "IPTC is there again" grep -aqP 'Photoshop 3.0\x008BIM\x04\x04.*a caption' t.jpg
run "$LIC" decode -f t.lic t.png
expect "IPTC to PNG" 0
holds "as text" grep -aq 'Raw profile type iptc' t.png
run "$LIC" encode -f t.png u.lic
run "$LIC" decode -f u.lic u.jpg
holds "and from PNG to JPEG again" grep -aqP 'Photoshop 3.0\x008BIM\x04\x04.*a caption' u.jpg
run "$LIC" decode -f u.lic u.ppm
expect "IPTC to PPM" 0 'warning: metadata is left out: a PPM'
with_marker '\0376' 'hello' marked.jpg
kept "both" ' iptc text'
with_marker '\0355' 'Something else'
kept "another APP13" ''

# ---- errors in the middle ----
head -c -3000 "$DATA/kodim23.png" >cut.png
run "$LIC" encode cut.png cut.lic
expect "a PNG without its end" 1 '^lic: cut.png: damaged PNG: the file ends too early'
size=$(stat -c %s "$DATA/kodim23.png")
cp "$DATA/kodim23.png" flip.png
printf '\252\252' | dd of=flip.png bs=1 seek=$((size - 200)) conv=notrunc status=none
run "$LIC" encode flip.png flip.lic
expect "a PNG damaged in its last rows" 1 '^lic: flip.png: damaged PNG: .'
run "$LIC" encode -c flip.png
expect "the same to standard output" 1 'damaged PNG'
holds "nothing came out" test ! -s out
holds "no file" test ! -e cut.lic -a ! -e flip.lic
for format in png ppm jpg; do
    (
        trap '' XFSZ # a write past the limit then fails as on a full disk
        ulimit -f 8
        "$LIC" decode -f s.lic full.$format >out 2>err </dev/null
        echo $? >status
    )
    rc=$(cat status)
    expect "no room for $format" 1 "^lic: s.lic: cannot write.*: File too large"
    holds "no room for $format: no file" test ! -e full.$format
    run "$LIC" decode -f --format $format s.lic -o /dev/full
    expect "a full device for $format" 1 'No space left'
done
holds "no temporary file is left" no_strays .
finish
