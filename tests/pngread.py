#!/usr/bin/env python3
"""A second reader of PNG, from the specification and with Python alone, to check what the program reads and writes:

    pngread.py ppm FOLDER OUT       colours of FOLDER/[^x]*.png as OUT/*.ppm, what a reader must see
    pngread.py same FOLDER OTHER [DEPTH]
                                    every OTHER/*.png against FOLDER's: size, grey or colour, bits (or DEPTH), alpha sample by
                                    sample, metadata; colours are not compared. Says what differs; exit 1 if anything does.
"""
import glob
import os
import struct
import sys
import zlib

CARRIED = ("cICP", "gAMA", "cHRM", "sRGB", "pHYs", "eXIf")
SRGB = {"gAMA": struct.pack(">I", 45455),
        "cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunks(data):
    """Name and data of each chunk; checksums are verified."""
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] != zlib.crc32(kind + body):
            raise ValueError(f"checksum of {kind}")
        yield kind.decode("latin-1"), body
        at += 12 + length


def unfilter(raw, height, row_bytes, unit):
    """Undoes the filters of the PNG specification, section 9."""
    rows, above, at = [], bytes(row_bytes), 0
    for _ in range(height):
        kind, row = raw[at], bytearray(raw[at + 1:at + 1 + row_bytes])
        for i in range(row_bytes):
            a, b, c = (row[i - unit] if i >= unit else 0), above[i], (above[i - unit] if i >= unit else 0)
            if kind == 4:
                p = a + b - c
                guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            else:
                guess = (0, a, b, (a + b) // 2)[kind]
            row[i] = (row[i] + guess) & 255
        rows.append(row)
        above, at = row, at + 1 + row_bytes
    return rows, at


def samples(row, n, bits):
    if bits == 16:
        return list(struct.unpack(f">{n}H", row))
    return [row[i * bits // 8] >> (8 - bits - i * bits % 8) & ((1 << bits) - 1) for i in range(n)]


def pixels(raw, width, height, bits, bands, interlaced):
    """Rows of tuples of samples as stored."""
    out = [[None] * width for _ in range(height)]
    for x0, y0, dx, dy in ADAM7 if interlaced else ((0, 0, 1, 1),):
        w, h = -(-(width - x0) // dx), -(-(height - y0) // dy)
        if w <= 0 or h <= 0:
            continue
        rows, used = unfilter(raw, h, (w * bands * bits + 7) // 8, max(1, bands * bits // 8))
        raw = raw[used:]
        for y, row in enumerate(rows):
            s = samples(row, w * bands, bits)
            for x in range(w):
                out[y0 + y * dy][x0 + x * dx] = tuple(s[x * bands:(x + 1) * bands])
    return out


def text_of(body):
    """XMP of an iTXt chunk, or None."""
    key, rest = body.split(b"\0", 1)
    if key != b"XML:com.adobe.xmp":
        return None
    packed, rest = rest[0], rest[2:].split(b"\0", 2)[2]
    return zlib.decompress(rest) if packed else rest


def read(path):
    """Samples, alpha and metadata of a PNG, read without any library but zlib."""
    with open(path, "rb") as f:
        data = f.read()
    found, pixel_data, seen = {}, b"", False
    meta = {}
    for kind, body in chunks(data):
        seen = seen or kind == "IDAT"
        if kind == "IDAT":
            pixel_data += body
        elif kind == "iTXt":
            meta.setdefault("XMP", text_of(body))
        elif kind == "iCCP":
            meta["iCCP"] = zlib.decompress(body.split(b"\0", 1)[1][1:])
        elif kind in CARRIED and (not seen or kind == "eXIf"):
            meta[kind] = body
        else:
            found[kind] = body
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", found["IHDR"])
    bands = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    rows = pixels(zlib.decompress(pixel_data), width, height, bits, bands, interlaced)
    key = found.get("tRNS", b"")
    palette = [tuple(found["PLTE"][i:i + 3]) for i in range(0, len(found["PLTE"]), 3)] if kind == 3 else None
    depth, top = (16 if bits == 16 else 8), (1 << (16 if bits == 16 else 8)) - 1
    scale = 255 // ((1 << bits) - 1) if bits < 8 and kind == 0 else 1
    colours, alpha = [], []
    for row in rows:
        for p in row:
            if kind == 3:
                alpha.append(key[p[0]] if p[0] < len(key) else 255)
                colours.append(palette[p[0]])
            elif kind in (4, 6):
                alpha.append(p[-1])
                colours.append(p[:-1])
            else:
                hidden = key and p == struct.unpack(f">{bands}H", key)
                alpha.append(0 if hidden else top)
                colours.append(tuple(v * scale for v in p))
    meta = {k: v for k, v in meta.items() if v is not None}
    return {"size": (width, height), "bands": len(colours[0]), "depth": depth, "colours": colours, "alpha": alpha,
            "opaque": min(alpha) == top, "has_alpha": kind in (4, 6), "meta": meta}


def complete(meta):
    """sRGB means a gamma and primaries, which are written with it."""
    return {**SRGB, **meta} if "sRGB" in meta else meta


def differences(a, b, depth):
    """What B, decoded from a .lic file, does not have as A did, in words."""
    depth = depth or a["depth"]
    top = (1 << a["depth"]) - 1
    alpha = [(v * ((1 << depth) - 1) + top // 2) // top for v in a["alpha"]]
    for what, x, y in (("size", a["size"], b["size"]), ("colours", a["bands"], b["bands"]), ("bits", depth, b["depth"]),
                       ("alpha channel", not a["opaque"], b["has_alpha"]), ("alpha", alpha, b["alpha"]),
                       ("metadata", complete(a["meta"]), b["meta"])):
        if x != y:
            yield f"{what}: {str(x)[:60]} became {str(y)[:60]}"


def main():
    command, folder, other = sys.argv[1:4]
    depth = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    failed = 0
    for path in sorted(glob.glob(os.path.join(folder if command == "ppm" else other, "[!x]*.png"))):
        name = os.path.basename(path)
        picture = read(path)
        if command == "ppm":
            with open(os.path.join(other, name[:-4] + ".ppm"), "wb") as f:
                top = (1 << picture["depth"]) - 1
                f.write(b"P%d\n%d %d\n%d\n" % (5 if picture["bands"] == 1 else 6, *picture["size"], top))
                flat = [v for p in picture["colours"] for v in p]
                f.write(struct.pack(f">{len(flat)}{'H' if top > 255 else 'B'}", *flat))
            continue
        for text in differences(read(os.path.join(folder, name)), picture, depth):
            print(f"{name}: {text}")
            failed = 1
    sys.exit(failed)


if __name__ == "__main__":
    main()
