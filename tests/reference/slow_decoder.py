"""A second decoder, written from codec/FORMAT.md and models/WEIGHTS.md alone, to keep them honest.

    slow_decoder.py WEIGHTS.licw PICTURE.lic OUT.png        (or OUT.ppm, OUT.pgm)
    slow_decoder.py --preview N WEIGHTS.licw PICTURE.lic OUT.png    a picture of 1/N by a head; --heads FILE: of this file too
    slow_decoder.py --salvage ...                           what there is of a file that was cut: section 9
    slow_decoder.py -v ...                                  CRC-32 of every stage, to find where two decoders part

It follows section 6 of FORMAT.md operation by operation in numpy, an fma at a time, so it must give the
same bits as the C program, and a file that it cannot decode is a fault of the specification or of a
decoder. The student takes three minutes per megapixel. Here are sections 3, 4 and 8; slow_stream.py has 1, 2 and 5, slow_networks.py 6 and 7.
"""
import argparse
import os
import struct
import sys
import zlib

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/train"))
import slow_lossless
from licw_file import LicwError, read_licw, read_previews
from slow_networks import F, Networks, nearest
from slow_stream import RangeDecoder, Reader, Refused, need, read_file, tables


class Latents:
    """The latents of one tile: z, then the slices of y, decoded in the order of FORMAT.md."""

    def __init__(self, nets, coder, say):
        self.nets, self.coder, self.say = nets, coder, say
        self.y_tables, self.z_tables = tables(nets.t, "y"), tables(nets.t, "z")

    def z(self, h, w):
        """The hyper latents, channel by channel."""
        n, hold = self.nets.c["n"], lambda v: min(max(v, -3), 3)
        out, seven = [[[0] * n for _ in range(w + 1)] for _ in range(h + 1)], len(self.z_tables) == 7 * n     # zeros before the first
        for r in range(h):
            for q in range(w):
                for i in range(n):
                    near = hold(hold(out[r + 1][q][i]) + hold(out[r][q + 1][i]))
                    out[r + 1][q + 1][i] = self.coder.symbol(self.z_tables[7 * i + 3 + near if seven else i])
        return np.array(out, np.int64)[1:, 1:].astype(F)

    def symbols(self, mu, s):
        lo, hi = self.nets.t["scale.range"]
        n = len(self.y_tables)
        index = np.clip(nearest((s - lo) * (F(n - 1) / (hi - lo))), 0, n - 1)
        out = [self.coder.symbol(self.y_tables[i]) for i in index.reshape(-1).tolist()]
        return np.array(out, np.int64).reshape(mu.shape).astype(F) + mu

    def slice(self, i, hyper, prev):
        """One slice: anchors, then the rest, then what LRP adds."""
        nets, name, size = self.nets, f"ctx.{i}", self.nets.c[f"slice.{i}"]
        h, w = hyper.shape[:2]
        even = np.add.outer(np.arange(h), np.arange(w)) % 2 == 0
        ctx, y = nets.context(name, hyper, prev), np.zeros((h, w, size), F)
        mu, s = nets.parameters(f"{name}.ep_anchor", ctx[even])
        self.say(f"{name} anchors", mu, s)
        y[even] = self.symbols(mu, s)
        local = nets.conv(f"{name}.local.conv", y, taps=lambda ky, kx: (ky + kx) % 2 == 1)
        mu, s = nets.parameters(f"{name}.ep_non", np.concatenate([ctx, local], -1)[~even])
        self.say(f"{name} non-anchors", mu, s)
        y[~even] = self.symbols(mu, s)
        seen = [hyper, y] if prev is None else [hyper, prev, y]
        y = y + nets.lrp(name, np.concatenate(seen, -1))
        self.say(f"{name} y_hat", y)
        return y if prev is None else np.concatenate([prev, y], -1)


def decode_tile(nets, code, h, w, say, cut=False):
    """-> y_hat of a tile or of a whole picture of h, w latents, and its check."""
    coder = RangeDecoder(code, cut)
    latents = Latents(nets, coder, say)
    z = latents.z(h // 4, w // 4)
    hyper = nets.h_s(z)
    say("z", z)
    say("hyper", hyper)
    y = None
    for i in range(nets.c["slices"]):
        y = latents.slice(i, hyper, y)
    coder.end()
    return y, zlib.crc32(np.ascontiguousarray(y, "<f4").tobytes())


def is_whole(nets, code, h, w, check):
    """Whether code that should have lost its end gives the latents of the check."""
    try:
        return decode_tile(nets, code, h, w, lambda *_: None)[1] == check
    except Refused:
        return False


def next_tile(r, may_be_cut):
    """-> code of the next tile, its check, whether it has lost its end."""
    left = len(r.data) - r.at
    try:
        size, check = r.varint(), r.number(4)
        return r.take(size), check, False
    except Refused as e:
        need(may_be_cut and "TRUNCATED" in str(e), "CORRUPT", "tiles end early")
    at, r.at = r.at, len(r.data)
    whole_head = left > 4 and at > len(r.data) - left + 4
    return (r.data[at:] if whole_head else b""), 0, True


def decode_tiles(nets, head, code, say):
    """-> y_hat of the picture, and its check."""
    if not head["tiled"]:
        h, w = (tiles[-1][1] // 16 for tiles in head["tiles"])
        if head["cut"]:
            need(not is_whole(nets, code, h, w, head["check"]), "CORRUPT", "damaged, not cut")
        return decode_tile(nets, code, h, w, say, head["cut"])
    r, checks, rows = Reader(code), b"", []
    height, width = (tiles[-1][1] for tiles in head["tiles"])
    for top, bottom in head["tiles"][0]:
        row = []
        for left, right in head["tiles"][1]:
            part, check, cut = next_tile(r, head["cut"])
            nets.open = left > 0, top > 0, right < width, bottom < height
            y, seen = decode_tile(nets, part, (bottom - top) // 16, (right - left) // 16,
                                  lambda name, *arrays, at=(top, left): say(f"{at[0]},{at[1]} {name}", *arrays), cut)
            need(cut or seen == check, "MISMATCH", "check of a tile's latents")
            checks += check.to_bytes(4, "little")
            row.append(y)
        rows.append(np.concatenate(row, 1))
    need(r.at == len(code), "CORRUPT", "bytes behind the last tile")
    need(cut or not head["cut"], "CORRUPT", "damaged, not cut")
    nets.open = Networks.open
    return np.concatenate(rows), zlib.crc32(checks)


def region(a, b, n):
    """What g_s is run on for a tile from a to b of a picture of n."""
    if (a, b) == (0, n):
        return 0, n
    return 0 if a == 0 else a - 64 if b == n else a - 32, n if b == n else b + 64 if a == 0 else b + 32


def synthesise(nets, head, y):
    """-> what g_s makes of the picture, tile by tile."""
    rows, (height, width) = [], (tiles[-1][1] for tiles in head["tiles"])
    for top, bottom in head["tiles"][0]:
        row = []
        for left, right in head["tiles"][1]:
            (r0, r1), (c0, c1) = region(top, bottom, height), region(left, right, width)
            x = nets.g_s(y[r0 // 16:r1 // 16, c0 // 16:c1 // 16])
            row.append(x[top - r0:bottom - r0, left - c0:right - c0])
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)


def small_picture(nets, head, y, heads, n):
    """-> what a head for previews of 1/n makes of the latents, for n = 16 tile by tile; [h, w, 3] of n x n pixels each."""
    height, width = (tiles[-1][1] for tiles in head["tiles"])
    if n < 16:
        nets.open, k = (False,) * 4, 16 // n
        x = nets.preview(y, heads, n)
        return x.reshape(*x.shape[:2], k, k, 3).transpose(0, 2, 1, 3, 4).reshape(k * x.shape[0], k * x.shape[1], 3)
    rows = []
    for top, bottom in head["tiles"][0]:
        row = []
        for left, right in head["tiles"][1]:
            nets.open = left > 0, top > 0, right < width, bottom < height
            row.append(nets.preview(y[top // 16:bottom // 16, left // 16:right // 16], heads, n))
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)


def decode(data, licw, say=lambda *_: None, preview=1, salvage=False, heads=None):
    """-> picture [H, W, 3 or 1], uint8 or uint16; or a preview of it, 1/preview of the size, by a head of the weights or of
    `heads`, a file of them. (It decodes all slices even then, and checks them.)"""
    head, code = read_file(data, salvage)
    if head["version"] > 1:
        x = slow_lossless.decode_picture(head, code)
        return slow_lossless.preview(x, preview) if preview > 1 else x
    need(head["model"] == licw.hash & 0xFFFFFFFF, "MODEL_WRONG", f"made with {head['model']:08x}")
    nets = Networks(licw, head["quality"])
    y, check = decode_tiles(nets, head, code, say)
    need(head["cut"] or check == head["check"], "MISMATCH", "check of the latents")
    need(not heads or heads.config["network"] == licw.hash, "MODEL_WRONG", "heads of another network")
    beside = heads.tensors if heads else {}
    x = small_picture(nets, head, y, beside, preview) if preview > 1 else synthesise(nets, head, y)
    say("preview" if preview > 1 else "g_s", x)
    height, width = (-(-head[k] // preview) for k in ("height", "width"))
    x = x[:height, :width] + F(0.5)
    if head["grey"]:
        x = ((x[..., :1] + x[..., 1:2]) + x[..., 2:]) / F(3)
    x = np.where(np.isnan(x), F(0), np.clip(x, F(0), F(1)))
    x = np.rint(x * F(65535)).astype(np.uint16) if head["deep"] else np.rint(x * F(255)).astype(np.uint8)
    return slow_lossless.overlay_exact(head, x, preview)


def write_picture(path, picture):
    """Writes PPM, PGM or PNG, by the suffix."""
    h, w, c = picture.shape
    if path.endswith((".ppm", ".pgm")):
        with open(path, "wb") as f:
            f.write(b"P%d\n%d %d\n%d\n" % (6 if c == 3 else 5, w, h, np.iinfo(picture.dtype).max))
            f.write(picture.astype(picture.dtype.newbyteorder(">")).tobytes())
        return
    depth = picture.dtype.itemsize
    rows = picture.astype(picture.dtype.newbyteorder(">")).tobytes()
    rows = b"".join(b"\0" + rows[i:i + w * c * depth] for i in range(0, len(rows), w * c * depth))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in ((b"IHDR", struct.pack(">IIBBBBB", w, h, 8 * depth, 2 if c == 3 else 0, 0, 0, 0)),
                           (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            f.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("-v", "--verbose", action="store_true", help="print the CRC-32 of every stage")
    p.add_argument("--preview", type=int, choices=(2, 4, 8, 16), default=1, metavar="N", help="a picture of 1/N, by a head")
    p.add_argument("--heads", metavar="FILE", help="a file of heads for previews of the network in WEIGHTS")
    p.add_argument("--salvage", action="store_true", help="what there is of a file that was cut")
    p.add_argument("weights")
    p.add_argument("picture")
    p.add_argument("out")
    a = p.parse_args()

    def say(name, *arrays):
        if a.verbose:
            sums = " ".join(f"{zlib.crc32(np.ascontiguousarray(t, '<f4').tobytes()):08x}" for t in arrays)
            print(f"{name:24} {sums}", flush=True)
    try:
        with open(a.picture, "rb") as f:
            data = f.read()
        heads = read_previews(a.heads) if a.heads else None
        write_picture(a.out, decode(data, read_licw(a.weights), say, a.preview, a.salvage, heads))
    except (Refused, LicwError, OSError) as e:
        print(f"slow_decoder: {a.picture}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
