"""The program and tests/reference/slow_decoder.py, two decoders of one specification, on the same files: the same
pixels, and both refuse what is damaged. Without numpy, PyTorch or build/lic (or $LIC) it says so and exits 0."""
import os
import random
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
LIC = os.environ.get("LIC", os.path.join(HERE, "../../build/lic"))
MODEL = os.path.join(HERE, "../golden/tiny.licw")
INTEGERS = os.path.join(HERE, "../golden/integers.licw")
sys.path.insert(0, os.path.join(HERE, "../../models/train"))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.dont_write_bytecode = True
try:
    import numpy as np
    import torch  # noqa: F401
except ImportError as e:
    print(f"test_slow_decoder: skipped: {e}")
    sys.exit(0)
if not os.access(LIC, os.X_OK):
    print(f"test_slow_decoder: skipped: no program {LIC}")
    sys.exit(0)
import pngread
import slow_decoder
import slow_lossless
import slow_stream
from licw_file import pack_licw, previews_path, read_licw, read_previews, write_previews
from tables import pack_tables


def lic(*args, model=MODEL):
    return subprocess.run([LIC, *args, "--quiet", "-f", "-T", "1", "--model", model], capture_output=True).returncode


def picture(h, w, c, kind, seed):
    """Smooth colours, an edge and noise."""
    rng = np.random.RandomState(seed)
    r, q = np.mgrid[:h, :w]
    p = np.stack([0.3 + 0.5 * np.sin((r * (k + 1) + q) / 9.0) ** 2 for k in range(c)], -1)
    p[r > q] *= 0.5
    top = np.iinfo(kind).max
    return np.clip(np.rint((p + 0.05 * rng.standard_normal(p.shape)) * top), 0, top).astype(kind)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def check_at(data, tile=0):
    """Where the CRC-32 of the file is, with so many bytes for the size of tiles."""
    at = 5
    for _ in range(2):
        while data[at] & 128:
            at += 1
        at += 1
    return at + tile + 10


def sealed(data, tile=0):
    """The file with its CRC-32 made right."""
    at = check_at(data, tile)
    crc = zlib.crc32(data[at + 4:], zlib.crc32(data[:at]))
    return data[:at] + crc.to_bytes(4, "little") + data[at + 4:]


def slow(data, licw):
    try:
        return slow_decoder.decode(data, licw)
    except slow_decoder.Refused:
        return None


def test_same_pixels(folder, licw):
    for i, (h, w, c, kind, q) in enumerate(((1, 1, 3, np.uint8, 50), (64, 64, 3, np.uint8, 0), (65, 7, 3, np.uint8, 100),
                                            (75, 140, 3, np.uint8, 33.3), (40, 70, 1, np.uint8, 71),
                                            (50, 33, 3, np.uint16, 90), (130, 20, 1, np.uint16, 10))):
        suffix = "ppm" if c == 3 else "pgm"
        a, b, s, out = (os.path.join(folder, n) for n in (f"in.{suffix}", "a.lic", f"slow.{suffix}", f"out.{suffix}"))
        slow_decoder.write_picture(a, picture(h, w, c, kind, i))
        assert lic("encode", "-q", str(q), a, b) == 0 and lic("decode", b, out) == 0
        slow_decoder.write_picture(s, slow_decoder.decode(read(b), licw))
        assert read(out) == read(s), (h, w, c, kind, q)


def page(h, w, c, kind, seed):
    """The same with letters on white on its left."""
    p, top = picture(h, w, c, kind, seed), np.iinfo(kind).max
    r, q = np.mgrid[:h, :w // 2]
    letter = q // 7 * 5 + r // 14 * 3
    ink = (r % 14 < 9) & ((q % 7 == 1) | ((q % 7 < 6) & (r % 14 == letter % 4 * 2)))
    p[:, :w // 2] = np.where(ink, top // 8, top)[..., None]
    return p


def takes_exact(data, picture):
    try:
        slow_lossless.overlay_exact(slow_stream.read_file(data)[0], picture.copy(), 1)
        return True
    except slow_stream.Refused:
        return False


def test_exact_blocks(folder, licw):
    """Text beside a photograph: pixels, and what is damaged or left of it."""
    for i, (h, w, c, kind, q, side) in enumerate(((120, 140, 3, np.uint8, 50, 0), (70, 210, 1, np.uint16, 50, 0),
                                                  (64, 200, 3, np.uint8, 30, 128))):
        suffix = "ppm" if c == 3 else "pgm"
        a, b, s, out = (os.path.join(folder, n) for n in (f"in.{suffix}", "a.lic", f"slow.{suffix}", f"out.{suffix}"))
        original = page(h, w, c, kind, i)
        slow_decoder.write_picture(a, original)
        assert lic("encode", "-q", str(q), *(("--tile", str(side)) if side else ()), a, b) == 0
        data = read(b)
        at = data.index(b"Exac")
        assert lic("decode", b, out) == 0
        seen = slow_decoder.decode(data, licw)
        slow_decoder.write_picture(s, seen)
        assert read(out) == read(s), (h, w, c, kind)
        assert (seen[:64, :64] == original[:64, :64]).all()
        for k in (12, 30, 60):
            damaged = sealed(data[:at + k] + bytes([data[at + k] ^ 8]) + data[at + k + 1:], 2 if side else 0)
            write(b, damaged)
            assert lic("decode", b, out) == 1 and not takes_exact(damaged, seen), k
        if i > 0:
            continue
        write(b, data[:-200])
        assert lic("decode", "--salvage", b, out) == 1
        slow_decoder.write_picture(s, slow_decoder.decode(data[:-200], licw, salvage=True))
        assert read(out) == read(s), "salvage"


def test_same_pixels_in_integers(folder):
    """With a network of layers in integers, in one tile and in two."""
    licw = read_licw(INTEGERS)
    a, b, s, out = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm"))
    for h, w, q in ((50, 70, 33.3), (1, 1, 100)):
        slow_decoder.write_picture(a, picture(h, w, 3, np.uint8, h))
        assert lic("encode", "-q", str(q), "--tile", "64", a, b, model=INTEGERS) == 0 and lic("decode", b, out, model=INTEGERS) == 0
        slow_decoder.write_picture(s, slow_decoder.decode(read(b), licw))
        assert read(out) == read(s), (h, w, q)


def test_same_pixels_in_tiles(folder, licw):
    """Long enough to be cut in two, along either axis; then tiles that are not what the head says."""
    a, b, s, out = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm"))
    for h, w in ((2100, 20), (9, 2113)):
        slow_decoder.write_picture(a, picture(h, w, 3, np.uint8, h))
        assert lic("encode", "-q", "60", a, b) == 0 and lic("decode", b, out) == 0
        data = read(b)
        assert data[4] & 0x80
        slow_decoder.write_picture(s, slow_decoder.decode(data, licw))
        assert read(out) == read(s), (h, w)
    at = check_at(data, 2)
    assert sealed(data, 2) == data
    size = at + 4, at + 4 + (2 if data[at + 4] & 128 else 1)        # of the first tile's code; its check comes behind
    for what, damaged in {"one tile": data[:at - 12] + b"\x40" + data[at - 11:], "other grid": data[:at - 12] + b"\x00" + data[at - 11:],
                          "a byte more": data + b"\0", "a byte less": data[:-1], "no tile": data[:size[0]], "no code": data[:size[1]],
                          "other check of a tile": data[:size[1]] + bytes([data[size[1]] ^ 1]) + data[size[1] + 1:]}.items():
        damaged = sealed(damaged, 2)
        write(b, damaged)
        assert slow(damaged, licw) is None, f"the slow decoder takes: {what}"
        assert lic("decode", b, out) == 1, f"the program takes: {what}"
    # the check in the head: that of the tiles' checks, which the program leaves alone so far
    assert slow(sealed(data[:at - 1] + bytes([data[at - 1] ^ 1]) + data[at:], 2), licw) is None


def test_same_previews(folder, licw):
    """By heads of random weights that the tiny network gets here, one in its own file and one of 4 x 4 colours beside that;
    in one tile and in two."""
    rng, c = np.random.RandomState(8), licw.config
    channels = c["slice.0"] + c["slice.1"]
    head, large = ({"preview.weight": rng.uniform(-0.1, 0.1, (c["levels"], n, 9, channels)).astype("<f4"),
                    "preview.bias": rng.uniform(-0.1, 0.1, (c["levels"], n)).astype("<f4")} for n in (3, 48))
    a, b, s, out, model = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm", "head.licw"))
    write(model, pack_licw(c, {**licw.tensors, **head}))
    other = read_licw(model)
    assert other.hash != licw.hash
    write_previews(previews_path(model), "tiny", other.hash, large)
    heads = read_previews(previews_path(model))
    for make, h, w, q in ((picture, 75, 140, 33.3), (picture, 1, 1, 90), (picture, 5, 2100, 60), (page, 120, 140, 50)):
        slow_decoder.write_picture(a, make(h, w, 3, np.uint8, h))
        assert lic("encode", "-q", str(q), a, b, model=model) == 0 and (b"Exac" in read(b)) == (make is page)
        for n in (4, 8, 16):
            assert lic("decode", "--scale", f"1/{n}", b, out, model=model) == 0
            small = slow_decoder.decode(read(b), other, preview=n, heads=heads)
            assert small.shape == (-(-h // n), -(-w // n), 3)
            slow_decoder.write_picture(s, small)
            assert read(out) == read(s), (h, w, q, n)


def test_same_tables_of_neighbours(folder, licw):
    """Seven random tables of z for each channel, in one tile and in two, with escapes among the symbols; cut files salvaged."""
    rng, n = np.random.RandomState(9), licw.config["n"]
    packed, _ = pack_tables("z", [(-1, p[:-1], p[-1]) for p in rng.dirichlet(np.ones(4), 7 * n)])
    a, b, s, out, model = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm", "near.licw"))
    write(model, pack_licw(licw.config, {**licw.tensors, **packed}))
    other = read_licw(model)
    for h, w, q in ((75, 340, 33.3), (200, 129, 90), (5, 2100, 60)):
        slow_decoder.write_picture(a, picture(h, w, 3, np.uint8, h))
        assert lic("encode", "-q", str(q), a, b, model=model) == 0 and lic("decode", b, out, model=model) == 0
        slow_decoder.write_picture(s, slow_decoder.decode(read(b), other))
        assert read(out) == read(s), (h, w, q)
        assert lic("encode", "-q", str(q), a, out) == 0 and len(read(b)) != len(read(out))
    start = check_at(read(b), 2) + 4
    write(b, read(b)[:start + 9])
    assert lic("decode", "--salvage", b, out, model=model) == 1
    slow_decoder.write_picture(s, slow_decoder.decode(read(b), other, salvage=True))
    assert read(out) == read(s)
    few, _ = pack_tables("z", [(-1, np.full(3, 0.25), 0.25)] * (6 * n))
    write(model, pack_licw(licw.config, {**licw.tensors, **few}))
    assert lic("encode", a, b, model=model) == 3, "the program takes six tables for each channel"


def test_same_salvage(folder, licw):
    """Files cut anywhere, in one tile and in two: the same picture, or none."""
    a, b, s, out, rng = *(os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm")), random.Random(6)
    for h, w in ((40, 70), (5, 2113)):
        slow_decoder.write_picture(a, picture(h, w, 3, np.uint8, h))
        assert lic("encode", "-q", "40", a, b) == 0
        data = read(b)
        tiled = 2 if data[4] & 0x80 else 0
        start = check_at(data, tiled) + 4
        sizes = [start - 1, len(data) - 1] if tiled else [start - 1, start, start + 9, len(data) - 1, rng.randrange(start, len(data))]
        if tiled:               # in the head of the second tile, and behind it
            first = int(data[start]) & 127 | (int(data[start + 1]) << 7 if data[start] & 128 else 0)
            second = start + (2 if data[start] & 128 else 1) + 4 + first
            sizes += [second + 1, second + 20]
        for n in sizes:
            write(b, data[:n])
            if os.path.exists(out):
                os.remove(out)
            assert lic("decode", "--salvage", b, out) == 1, n
            try:
                slow_decoder.write_picture(s, slow_decoder.decode(data[:n], licw, salvage=True))
            except slow_decoder.Refused as e:
                assert n < start and not os.path.exists(out), (n, e)
                continue
            assert n >= start and read(out) == read(s), (h, w, n)
        damaged = data[:start - 4] + b"abcd" + data[start:]         # another CRC-32, but all the latents
        write(b, damaged)
        os.remove(out)
        assert lic("decode", "--salvage", b, out) == 1 and not os.path.exists(out)
        try:
            slow_decoder.decode(damaged, licw, salvage=True)
            raise AssertionError("the slow decoder salvages what is whole")
        except slow_decoder.Refused:
            pass


def test_same_alpha(folder, licw):
    """Of PNG files with alpha channels, a transparent colour and a transparent palette."""
    b, out = (os.path.join(folder, n) for n in ("a.lic", "out.png"))
    for name in ("basn4a16", "basn6a08", "basi6a16", "tbbn3p08", "tbbn2c16", "tp0n3p08"):
        original = os.path.join(HERE, "../data/pngsuite", name + ".png")
        assert lic("encode", original, b) == 0 and lic("decode", b, out) == 0
        head, _ = slow_stream.read_file(read(b))
        alpha, picture = slow_lossless.read_alpha(head), pngread.read(original)
        assert (alpha is None) == picture["opaque"], name
        if alpha is not None:
            assert alpha.shape == picture["size"][::-1]
            assert alpha.reshape(-1).tolist() == picture["alpha"] == pngread.read(out)["alpha"], name


def test_both_refuse_damage(folder, licw):
    a, b, out = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "out.ppm"))
    slow_decoder.write_picture(a, picture(30, 50, 3, np.uint8, 9))
    assert lic("encode", "-q", "60", a, b) == 0
    data, rng = read(b), random.Random(4)
    at = check_at(data)
    assert sealed(data) == data
    bad = {f"cut to {n}": data[:n] for n in (0, 3, 5, at, at + 4, len(data) - 1)}
    for _ in range(6):                  # caught by the CRC-32
        i = rng.randrange(len(data))
        bad[f"byte {i}"] = data[:i] + bytes([data[i] ^ 1 << rng.randrange(8)]) + data[i + 1:]
    for _ in range(12):                 # past it: latents that decode to something else, or to nothing
        i = rng.randrange(at + 4, len(data))
        bad[f"sealed byte {i}"] = sealed(data[:i] + bytes([data[i] ^ 1 << rng.randrange(8)]) + data[i + 1:])
    bad["sealed, a zero more"] = sealed(data + b"\0")
    bad["sealed, a byte more"] = sealed(data + b"\x80")
    bad["sealed, a byte less"] = sealed(data[:-1])
    bad["sealed, other model"] = sealed(data[:7] + bytes([data[7] ^ 1]) + data[8:])
    bad["sealed, other quality"] = sealed(data[:12] + bytes([data[12] ^ 1]) + data[13:])
    bad["sealed, ones"] = sealed(data[:at + 4] + b"\xff" * 9)
    bad["sealed, reserved flag"] = sealed(data[:4] + b"\x81" + data[5:])
    bad["sealed, long varint"] = sealed(data[:6] + b"\x9d\x00" + data[7:])
    for what, damaged in bad.items():
        write(b, damaged)
        assert slow(damaged, licw) is None, f"the slow decoder takes: {what}"
        assert lic("decode", b, out) == (3 if "model" in what else 1), f"the program takes: {what}"


def main():
    licw = read_licw(MODEL)
    with tempfile.TemporaryDirectory() as folder:
        test_same_pixels(folder, licw)
        test_exact_blocks(folder, licw)
        test_same_pixels_in_integers(folder)
        test_same_pixels_in_tiles(folder, licw)
        test_same_previews(folder, licw)
        test_same_tables_of_neighbours(folder, licw)
        test_same_salvage(folder, licw)
        test_same_alpha(folder, licw)
        test_both_refuse_damage(folder, licw)
    print("test_slow_decoder: passed")


if __name__ == "__main__":
    main()
