#!/usr/bin/env bash
# Small files that promise much: refused with the default limits before anything is computed, and the
# message says which limit. Memory is held down by ulimit: what went over it would fail otherwise.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
command -v python3 >/dev/null || skip_rest "no python3"
"$LIC" encode --quiet "$DATA/odd-17x33.png" one.lic

cat >bomb.py <<'END'
import struct, sys, zlib
kind, out = sys.argv[1:]
with open("one.lic", "rb") as f:
    one = f.read()
model = one[7:11]  # behind signature, flags, two bytes of sides

def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def file(width, height, tile, body, chunks=b""):
    check = 0
    if tile:
        for i in range(0, len(body), 6):
            check = zlib.crc32(body[i + 1:i + 5], check)
    head = b"\x9Blic" + bytes([1 | (0x80 if tile else 0) | (0x10 if chunks else 0)])
    head += varint(width - 1) + varint(height - 1) + (bytes([tile // 64 - 1] * 2) if tile else b"")
    head += model + struct.pack("<HI", 30000, check)
    return head + struct.pack("<I", zlib.crc32(head + chunks + body)) + chunks + body

def with_chunks(chunks):  # the picture, which has none
    head, body = bytearray(one[:17]), one[21:]
    head[4] |= 0x10
    return bytes(head) + struct.pack("<I", zlib.crc32(bytes(head) + chunks + body)) + chunks + body

def chunk(kind, n):
    packed = zlib.compress(bytes(n), 9)
    return kind + varint(len(packed)) + varint(n) + packed

if kind == "tiles":  # 64 x 64 each, a byte of code: 34 s from 8.6 kB, 36 minutes from 550 kB
    data = file(16000, 16000, 64, b"\1\0\0\0\0\0" * (250 * 250))
elif kind == "tile":  # 904 MB from 2.4 kB
    data = file(4096, 4096, 0, bytes(2400))
elif kind == "head":  # 329 MB from 31 bytes
    data = file(2048, 2048, 0, bytes(8))
elif kind == "metadata":  # 67 MB from 65 kB
    data = with_chunks(chunk(b"xmp ", 64 << 20) + bytes(4))
elif kind == "many":  # 845 MB from 392 kB
    data = with_chunks(b"".join(chunk(t, 64 << 20) for t in (b"iccp", b"exif", b"xmp ", b"iptc", b"text", b"zzzz")) + bytes(4))
open(out, "wb").write(data)
END

bomb() { # KIND STATUS PATTERN
    python3 bomb.py "$1" "$1.lic"
    run bash -c "sanitized=$(sanitized && echo 1); [ \"\$sanitized\" ] || ulimit -v 700000; exec timeout 60 '$LIC' decode -T1 '$1.lic' '$1.png'"
    expect "$1: $(stat -c %s "$1.lic") bytes" "$2" "$3"
    [ "$2" -eq 0 ] || holds "$1: nothing is written" test ! -e "$1.png"
}
bomb tiles 1 'need [0-9]* G multiply-adds, the limit is 35184 G'
bomb tile 1 'has tiles of 4096x4096, .*--max-memory'
bomb head 1 'damaged'
bomb metadata 0 'xmp is left out: .* 67108864 unpacked'
bomb many 0 'exif is left out: .* 67108864 unpacked'
holds "and the picture is small" test "$(stat -c %s many.png)" -lt 10000

# a text of 1.6 GB that the file does not have, behind the pixels: libpng takes a chunk's word for it
python3 - "$DATA/odd-17x33.png" text.png <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
data = data[:data.rindex(b"IEND") - 4] + struct.pack(">I", 0x60000000) + b"tEXtkey\0text"
open(sys.argv[2], "wb").write(data)
END
run bash -c "sanitized=$(sanitized && echo 1); [ \"\$sanitized\" ] || ulimit -v 700000; exec '$LIC' encode -T1 --salvage text.png -o text.lic"
expect "a PNG's text of gigabytes, salvaged" 0 'ends too early'

"$LIC" encode --quiet "$DATA/waves-200x168.png" large.lic
run "$LIC" decode -T1 --max-work 1G large.lic x.png
expect "a small limit of one's own" 1 'multiply-adds, the limit is 1 G'
run "$LIC" encode -T1 --max-work 1G "$DATA/waves-200x168.png" x.lic
expect "for encoding, too" 1 'multiply-adds, the limit is 1 G'
run "$LIC" encode --max-work x "$DATA/odd-17x33.png" x.lic
expect "no number" 2 'multiply-adds'
run "$LIC" encode -T1 --max-work 0.1T "$DATA/odd-17x33.png" x.lic
expect "enough" 0
finish
