"""A second decoder, written from codec/FORMAT.md and models/WEIGHTS.md alone, to keep them honest.

    slow_decoder.py WEIGHTS.licw PICTURE.lic OUT.png        (or OUT.ppm, OUT.pgm)
    slow_decoder.py --preview WEIGHTS.licw PICTURE.lic OUT.png      a picture of 1/16, by the head for it
    slow_decoder.py --salvage ...                           what there is of a file that was cut: section 9
    slow_decoder.py -v ...                                  CRC-32 of every stage, to find where two decoders part

It follows section 6 of FORMAT.md operation by operation in numpy, an fma at a time, so it must give the
same bits as the C program, and a file that it cannot decode is a fault of the specification or of a
decoder. The student takes three minutes per megapixel. The comments name sections.
"""
import argparse
import struct
import sys
import zlib

import numpy as np

from export import LicwError, read_licw

F, D = np.float32, np.float64
CHUNK = 1 << 15             # outputs that a chain of fmas works on at a time, so that they stay in the cache


class Refused(Exception):
    """Carries the status of codec/lic.h that the specification asks for."""


def need(ok, status, what):
    if not ok:
        raise Refused(f"{status}: {what}")


# ---- sections 1 and 2: the file -------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n, status="TRUNCATED"):
        need(self.at + n <= len(self.data), status, "ends early")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")

    def varint(self):
        value = shift = 0
        while True:
            b = self.number(1)
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
            need(shift < 35, "CORRUPT", "varint of more than 5 bytes")
        need(value < 1 << 32 and (b or shift == 7), "CORRUPT", "varint too long")
        return value


def read_file(data, salvage=False):
    """-> head as a dict, coded latents. head["tiles"]: begin and end of the rows of tiles and of their columns, in pixels;
    head["cut"]: the CRC-32 is wrong, which is an error unless salvaging."""
    r, head = Reader(data), {}
    need(data[:4] == b"\x9Blic", "NOT_LIC", "signature")
    r.take(4)
    flags = r.number(1)
    need(flags & 7 == 1, "VERSION", f"{flags:02x}")
    head["width"], head["height"] = r.varint() + 1, r.varint() + 1
    need(max(head["width"], head["height"]) <= 65535, "CORRUPT", "size")
    padded = [-(-head[k] // 64) * 64 for k in ("height", "width")]
    tile, head["tiled"] = padded, bool(flags & 0x80)
    if head["tiled"]:
        tile = [(r.number(1) + 1) * 64 for _ in range(2)][::-1]
    head["tiles"] = [[(a, min(a + t, n)) for a in range(0, n, t)] for n, t in zip(padded, tile)]
    head["grey"], head["deep"], head["srgb"] = bool(flags & 0x20), bool(flags & 0x40), bool(flags & 0x08)
    head["model"], head["quality"], head["check"] = r.number(4), r.number(2), r.number(4)
    at = r.at
    crc = r.number(4)
    head["cut"] = zlib.crc32(data[at + 4:], zlib.crc32(data[:at])) != crc
    need(salvage or not head["cut"], "CORRUPT", "CRC-32")
    need(not head["tiled"] or len(head["tiles"][0]) * len(head["tiles"][1]) > 1, "CORRUPT", "a single tile")
    head["chunks"] = read_chunks(r, head) if flags & 0x10 else []
    return head, data[r.at:]


def read_chunks(r, head):
    """-> (type, packed, unpacked bytes) of each."""
    found = []
    while True:
        kind = r.take(4, "CORRUPT")
        if kind == bytes(4):
            need(1 <= len(found) <= 16 - head["srgb"], "CORRUPT", "number of chunks")
            return found
        need(kind[:1].isalpha() and all(32 <= c < 127 for c in kind[1:]), "CORRUPT", "type of chunk")
        need(not kind[:1].isupper(), "VERSION", f"critical chunk {kind}")
        packed, unpacked = r.varint(), r.varint()
        alpha = head["height"] * (1 + head["width"] * (2 if head["deep"] else 1))
        need(unpacked == alpha if kind == b"alph" else unpacked <= 64 << 20, "CORRUPT", "long chunk")
        found.append((kind, r.take(packed, "CORRUPT"), unpacked))


def read_alpha(head):
    """-> [H, W], uint8 or uint16; None: all is opaque. Filters are those of PNG."""
    packed = next((c for c in head["chunks"] if c[0] == b"alph"), None)
    if packed is None:
        return None
    try:
        z = zlib.decompressobj()
        raw = z.decompress(packed[1]) + z.flush()
    except zlib.error as e:
        raise Refused(f"CORRUPT: alpha: {e}")
    need(z.eof and not z.unused_data and len(raw) == packed[2], "CORRUPT", "alpha")
    d = 2 if head["deep"] else 1
    n = head["width"] * d
    above, plane = bytes(n), []
    for y in range(head["height"]):
        kind, row = raw[y * (n + 1)], bytearray(raw[y * (n + 1) + 1:(y + 1) * (n + 1)])
        need(kind <= 4, "CORRUPT", "filter of alpha")
        for i in range(n):
            a, b, c = (row[i - d] if i >= d else 0), above[i], (above[i - d] if i >= d else 0)
            p = a + b - c
            nearest = a if abs(p - a) <= min(abs(p - b), abs(p - c)) else b if abs(p - b) <= abs(p - c) else c
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        plane.append(np.frombuffer(bytes(row), ">u2" if d == 2 else "u1"))
        above = row
    return np.stack(plane).astype(np.uint16 if d == 2 else np.uint8)


# ---- section 5: range coder -----------------------------------------------------------------------

class RangeDecoder:
    def __init__(self, data, cut=False):
        """cut: code that has lost its end, of which no symbol counts that missing bytes have a say in."""
        self.data, self.read, self.range, self.cut, self.stopped = data, 0, (1 << 64) - 1, cut, False
        self.code = self.bytes(8)
        need(self.code != (1 << 64) - 1, "CORRUPT", "first bytes")

    def bytes(self, n):
        self.read += n
        self.stopped = self.cut and self.read > len(self.data)
        return int.from_bytes(self.data[self.read - n:self.read].ljust(n, b"\0"), "big")

    def take(self, a, s):
        self.code, self.range = self.code - a, s
        assert 0 <= self.code < self.range
        if self.range < 1 << 32:
            self.code, self.range = (self.code << 32) + self.bytes(4), self.range << 32

    def bit(self):
        half = self.range // 2
        b = self.code >= half
        self.take(half if b else 0, self.range - half if b else half)
        return int(b)

    def symbol(self, table):
        if self.stopped:
            return 0
        first, cum = table
        unit = self.range // 65536
        k = int(np.searchsorted(cum, self.code // unit, side="right")) - 1      # unit * cum[k] <= code
        low = unit * int(cum[k])
        if k < len(cum) - 1:
            self.take(low, unit * (int(cum[k + 1]) - int(cum[k])))
            return first + k
        self.take(low, self.range - low)
        return self.escape(first, len(cum))

    def escape(self, first, n):
        below, zeros, d = self.bit(), 0, 1
        while not self.stopped and not self.bit():
            zeros += 1
            need(zeros <= 32 or self.stopped, "CORRUPT", "escape")
        for _ in range(zeros if not self.stopped else 0):
            d = 2 * d + self.bit()
        if self.stopped:
            return 0
        value = first - d if below else first + n - 2 + d
        need(-1 << 31 <= value < 1 << 31, "CORRUPT", "escape")
        return value

    def end(self):
        e, p = len(self.data), self.read
        if self.cut:
            return need(p > e, "CORRUPT", "too long for its symbols")
        need(p - 8 <= e <= p, "CORRUPT", "length of the latents")
        v = int.from_bytes(self.data[p - 8:p].ljust(8, b"\0"), "big")
        low = (v - self.code) % (1 << 64)
        for j in range(9):
            step = 1 << (64 - 8 * j)
            x = -(-low // step) * step
            if x < low + self.range:
                need(x % (1 << 64) == v and j == e - (p - 8), "CORRUPT", "end of the latents")
                return


def tables(tensors, key):
    cum, start, first = (tensors[f"cdf.{key}.{k}"] for k in ("cum", "start", "first"))
    return [(int(f), cum[a:b].astype(np.int64)) for f, a, b in zip(first, start, start[1:])]


# ---- section 6: arithmetic ------------------------------------------------------------------------

def to_single(s, p, c):
    """p + c rounded once to binary32, where s = p + c is its binary64 rounding. The second rounding can only
    go wrong where s lies in the middle between two binary32 numbers (or where those are subnormal); there s
    is first made odd if it is not exact."""
    with np.errstate(over="ignore"):
        r = s.astype(F)
    size = np.abs(s)
    doubt = ((s.view(np.int64) & 0x1FFFFFFF) == 0x10000000) | ((size < 2.0 ** -126) & (size > 0))
    if doubt.any():
        p, c, s = (np.broadcast_to(v, s.shape)[doubt] for v in (p, c, s))
        t = s - p
        error = (p - (s - t)) + (c - t)                             # exact: Knuth's two-sum
        even = (s.view(np.int64) & 1) == 0
        away = np.where((error > 0) == (s > 0), 1, -1)              # towards the true value
        odd = (s.view(np.int64) + np.where((error != 0) & even, away, 0)).view(D)
        r[doubt] = odd.astype(F)
    return r


def fma(a, b, c):
    p = np.asarray(a, D) * np.asarray(b, D)         # exact
    c = np.broadcast_to(np.asarray(c, D), p.shape)
    return to_single(np.atleast_1d(p + c), p, c).reshape(p.shape)


def chain(x, w, out):
    """out[p, o] = fma(x[p, k], w[k, o], out[p, o]) over k in order. x [..., P, K], w [..., K, O]."""
    out = out.astype(D)
    for k in range(x.shape[-1]):
        p = x[..., :, k, None].astype(D) * w[..., k, None, :].astype(D)
        out = to_single(p + out, p, out).astype(D)
    return out.astype(F)


def top(a, b):
    return np.where(a > b, a, b)


def low(a, b):
    return np.where(a < b, a, b)


def sum16(x, squares=False):
    """Over the last dimension."""
    n = x.shape[-1]
    lanes = np.zeros(x.shape[:-1] + (16,), F)
    for i in range(0, n, 16):
        part = x[..., i:i + 16]
        m = part.shape[-1]
        lanes[..., :m] = fma(part, part, lanes[..., :m]) if squares else lanes[..., :m] + part
    for m in (8, 4, 2, 1):
        lanes[..., :m] = lanes[..., :m] + lanes[..., m:2 * m]
    return lanes[..., :1]


def exp(x):
    x = low(top(x, F(-87)), F(88))
    k = fma(x, F(1.44269504088896341), F(12582912)) - F(12582912)
    r = fma(k, F(2.12194440e-4), fma(k, F(-0.693359375), x))
    p = fma(r, F(1.9875691500e-4), F(1.3981999507e-3))
    for c in (8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = fma(p, r, F(c))
    p = fma(p, r * r, r)
    return (p + F(1)) * np.ldexp(F(1), k.astype(np.int32))


def sigmoid(x):
    return F(1) / (F(1) + exp(F(0) - x))


def tanh(x):
    return F(1) - F(2) / (F(1) + exp(x + x))


def gelu(x):
    return x * sigmoid(fma((x * x) * x, F(0.044715), x) * F(1.59576912160573))


def leaky(x):
    return top(x, x * F(0.1))


def nearest(v):
    return np.where(np.isnan(v), 0, np.rint(np.clip(v, F(-4194303), F(4194303)))).astype(np.int64)


def attention(q, k, v, bias=None):
    """[..., nq, d], [..., nk, d]; bias is a list of what is added to the scores."""
    score = chain(q, np.swapaxes(k, -1, -2), np.zeros(q.shape[:-1] + (k.shape[-2],), F))
    for b in bias or []:
        score = score + b
    e = exp(score - score.max(-1, keepdims=True))
    return chain(e * (F(1) / sum16(e)), v, np.zeros(q.shape, F))


# ---- section 7: networks --------------------------------------------------------------------------

def mirrored(n, half, before, after):
    """Positions of an array of n with `half` more at each open side: section 3."""
    return [min(-i, n - 1) if i < 0 else max(2 * (n - 1) - i, 0) if i >= n else i
            for i in range(-half * before, n + half * after)]


class Networks:
    open = False, False, False, False           # left, top, right, bottom

    def __init__(self, licw, quality):
        self.c = licw.config
        self.t = {k: v.astype(F) if v.dtype.kind == "f" else v for k, v in licw.tensors.items()}
        n = self.c["levels"]
        level = F(quality) * (F(n - 1) / F(65535))
        self.l = min(int(np.floor(level)), n - 2)
        self.f = level - F(self.l)

    def at_level(self, name):
        p = self.t[name]
        return (F(1) - self.f) * p[self.l] + self.f * p[self.l + 1]

    def linear(self, name, x):
        w, b = self.t[f"{name}.weight"].T, self.t[f"{name}.bias"]
        flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        step = max(1, CHUNK // len(b))
        parts = [chain(flat[i:i + step], w, np.broadcast_to(b, (len(flat[i:i + step]), len(b))))
                 for i in range(0, len(flat), step)]
        return np.concatenate(parts).reshape(x.shape[:-1] + (len(b),))

    def beyond(self, layer, x, half):
        """layer(x), a convolution that reaches `half` positions far, where sides may be open."""
        (left, top, right, bottom), (h, w) = self.open, x.shape[:2]
        y = layer(x[mirrored(h, half, top, bottom)][:, mirrored(w, half, left, right)])
        return y[half * top:half * top + h, half * left:half * left + w]

    def conv(self, name, x, taps=lambda ky, kx: True):
        return self.beyond(lambda x: self.conv_alone(name, x, taps), x, self.t[f"{name}.weight"].shape[2] // 2)

    def depthwise(self, name, x):
        return self.beyond(lambda x: self.depthwise_alone(name, x), x, self.t[f"{name}.weight"].shape[2] // 2)

    def conv_alone(self, name, x, taps):
        return self.convolve(self.t[f"{name}.weight"], self.t[f"{name}.bias"], x, taps)

    def convolve(self, w, b, x, taps=lambda ky, kx: True):
        size, (h, wd) = w.shape[2], x.shape[:2]
        half = (size - 1) // 2
        x = np.pad(x, ((half, half), (half, half), (0, 0)))
        rows = max(1, CHUNK // (len(b) * wd))
        out = []
        for r in range(0, h, rows):
            n = min(rows, h - r)
            acc = np.broadcast_to(b, (n * wd, len(b)))
            for ky in range(size):
                for kx in range(size):
                    if taps(ky, kx):
                        part = x[r + ky:r + ky + n, kx:kx + wd].reshape(n * wd, -1)
                        acc = chain(part, w[:, :, ky, kx].T, acc)
            out.append(acc.reshape(n, wd, -1))
        return np.concatenate(out)

    def up(self, name, x):
        x = self.conv(name, x)
        h, w, c = x.shape
        return x.reshape(h, w, c // 4, 2, 2).transpose(0, 3, 1, 4, 2).reshape(2 * h, 2 * w, c // 4)

    def depthwise_alone(self, name, x):
        w, (h, wd) = self.t[f"{name}.weight"], x.shape[:2]
        size = w.shape[2]
        half = (size - 1) // 2
        out = np.broadcast_to(self.t[f"{name}.bias"], x.shape).copy()
        for ky in range(size):
            for kx in range(size):
                dy, dx = ky - half, kx - half
                to = np.s_[max(0, -dy):max(0, h - max(0, dy)), max(0, -dx):max(0, wd - max(0, dx))]
                at = np.s_[max(0, dy):max(0, h + min(0, dy)), max(0, dx):max(0, wd + min(0, dx))]
                out[to] = fma(x[at], w[:, 0, ky, kx], out[to])
        return out

    def rate(self, name, x):
        w = self.at_level(name)
        return fma(x, w[0], x) + w[1]

    def norm(self, name, x):
        c = F(x.shape[-1])
        d = x - sum16(x) / c
        f = F(1) / np.sqrt(sum16(d, squares=True) / c + F(1e-5))
        return fma(d * f, self.t[f"{name}.weight"], self.t[f"{name}.bias"])

    # the hyperprior and the slices

    def h_s(self, z):
        x = z * exp(self.at_level("izgain"))
        for i in (0, 1):
            x = leaky(self.up(f"h_s.c.{i}.conv", x))
        return self.rate("hrate.w", self.conv("h_s.c.2.conv", x))

    def context(self, name, hyper, prev):
        if prev is None:
            return hyper
        return np.concatenate([hyper, self.ac(f"{name}.ac", prev), self.ag(f"{name}.ag", prev, hyper)], -1)

    def parameters(self, name, x):
        """[mu, s] of positions [P, C]."""
        for i in (0, 1):
            x = leaky(self.linear(f"{name}.l.{i}", x))
        return np.split(self.linear(f"{name}.l.2", x), 2, -1)

    def lrp(self, name, x):
        return F(0.5) * tanh(self.linear(f"{name}.lrp.1", leaky(self.linear(f"{name}.lrp.0", x))))

    def gated(self, name, a, d):
        s = sigmoid(self.linear(f"{name}.smap.b", leaky(self.linear(f"{name}.smap.a", d))))
        mean = np.zeros(a.shape[-1], F)
        for v in a.reshape(-1, a.shape[-1]):
            mean = mean + v
        mean = (mean / F(a.shape[0] * a.shape[1]))[None]
        c = sigmoid(self.linear(f"{name}.cmap.b", leaky(self.linear(f"{name}.cmap.a", mean))))[0]
        return fma(d, c, a * s)

    def ac(self, name, prev):
        x = self.linear(f"{name}.inp", prev)
        a = gelu(self.conv(f"{name}.c2.conv", gelu(self.conv(f"{name}.c1.conv", x))))
        return self.gated(name, a, self.depthwise(f"{name}.dw.conv", x))

    def ag(self, name, prev, hyper):
        h, w, heads, grid = hyper.shape[0], hyper.shape[1], self.c["heads"], self.c["grid"]
        x = self.linear(f"{name}.inp", prev)
        e = x.shape[-1] // heads
        t = gelu(self.depthwise(f"{name}.off_dw.conv", x))
        samples = np.zeros((grid * grid, x.shape[-1]), F)
        for i in range(grid):
            for j in range(grid):
                o = tanh(self.linear(f"{name}.off", pool(t, i, j, grid)[None]))[0]
                for k in range(heads):
                    samples[i * grid + j, k * e:(k + 1) * e] = sample(
                        x[..., k * e:(k + 1) * e], point(j, grid, o[2 * k], w), point(i, grid, o[2 * k + 1], h))
        keys, values = np.split(self.linear(f"{name}.kv", samples), 2, -1)
        q = self.linear(f"{name}.q", hyper).reshape(h * w, -1) * (F(1) / np.sqrt(F(e)))
        out = [attention(q[:, k * e:(k + 1) * e], keys[:, k * e:(k + 1) * e], values[:, k * e:(k + 1) * e])
               for k in range(heads)]
        out = self.linear(f"{name}.out", np.concatenate(out, -1).reshape(h, w, -1))
        return self.gated(name, out + self.depthwise(f"{name}.conv.conv", out), self.depthwise(f"{name}.dw.conv", x))

    # the picture

    def g_s(self, y):
        x = y * exp(self.at_level("igain"))
        for up, stage, rate in (("up1", "st3", 2), ("up2", "st2", 1), ("up3", "st1", 0)):
            x = self.rstb(f"g_s.{stage}", self.rate(f"g_s.rate.{rate}.w", self.up(f"g_s.{up}.conv", x)))
        f = x
        for k in range(3):
            f = np.concatenate([f, leaky(self.conv(f"g_s.enh.convs.{k}.conv", f))], -1)
        return self.up("g_s.up4.conv", self.conv("g_s.enh.out.conv", f) + x)

    def preview(self, y):
        w = self.at_level("preview.weight")                                     # [3, 9, C]
        w = w.reshape(3, 3, 3, -1).transpose(0, 3, 1, 2)
        x = y[..., :w.shape[1]] * exp(self.at_level("igain"))[:w.shape[1]]
        return self.beyond(lambda x: self.convolve(w, self.at_level("preview.bias"), x), x, 1)

    def rstb(self, name, x):
        t, i = x, 0
        while f"{name}.blocks.{i}.attn.scale" in self.t:
            t = self.block(f"{name}.blocks.{i}", t, 4 * (i % 2))
            i += 1
        return x + t

    def block(self, name, x, shift):
        h, w, c = x.shape
        t = np.roll(x, (-shift, -shift), (0, 1)).reshape(h // 8, 8, w // 8, 8, c).transpose(0, 2, 1, 3, 4)
        t = self.windows(name, t.reshape(h // 8, w // 8, 64, c), shift)
        t = t.reshape(h // 8, w // 8, 8, 8, c).transpose(0, 2, 1, 3, 4).reshape(h, w, c)
        x = x + self.norm(f"{name}.norm1", np.roll(t, (shift, shift), (0, 1)))
        t = gelu(self.linear(f"{name}.fc1", x))
        t = t + self.depthwise(f"{name}.dw.conv", t)
        return x + self.norm(f"{name}.norm2", self.linear(f"{name}.fc2", t))

    def windows(self, name, t, shift):
        d = self.c["head_dim"]
        q, k, v = np.split(self.linear(f"{name}.attn.qkv", t), 3, -1)
        y, x = np.divmod(np.arange(64), 8)
        offset = (y[:, None] - y[None] + 7) * 15 + x[:, None] - x[None] + 7
        mask = np.zeros(t.shape[:2] + (64, 64), F)
        if shift:
            mask[-1][:, (y[:, None] < 4) != (y[None] < 4)] = -100
            mask[:, -1][:, (x[:, None] < 4) != (x[None] < 4)] = -100
        out = []
        for head, scale in enumerate(self.t[f"{name}.attn.scale"]):
            part = np.s_[..., head * d:(head + 1) * d]
            length = [top(np.sqrt(sum16(a[part], squares=True)), F(1e-6)) for a in (q, k)]
            bias = self.t[f"{name}.attn.bias_table"][head][offset]
            out.append(np.stack([attention(*row) for row in zip(
                q[part] * (scale / length[0]), k[part] * (F(1) / length[1]), v[part],
                ([bias, m] if shift else [bias] for m in mask))]))
        return self.linear(f"{name}.attn.proj", np.concatenate(out, -1))


def pool(t, i, j, grid):
    h, w = t.shape[:2]
    part = t[i * h // grid:-(-(i + 1) * h // grid), j * w // grid:-(-(j + 1) * w // grid)]
    total = np.zeros(t.shape[-1], F)
    for v in part.reshape(-1, t.shape[-1]):
        total = total + v
    return total / F(part.shape[0] * part.shape[1])


def point(cell, grid, o, n):
    """-> the two coordinates next to a sampled point, and its place between them."""
    u = ((F(cell) + F(0.5)) / F(grid)) * F(2) - F(1) + o * F(0.25)
    p = ((u + F(1)) * F(n) - F(1)) / F(2)
    p = low(top(p, F(0)), F(n - 1))
    a = int(np.floor(p))
    return a, min(a + 1, n - 1), p - F(a)


def sample(x, column, row):
    (x0, x1, fx), (y0, y1, fy) = column, row
    gx, gy = F(1) - fx, F(1) - fy
    s = x[y0, x0] * (gx * gy)
    s = fma(x[y0, x1], fx * gy, s)
    s = fma(x[y1, x0], gx * fy, s)
    return fma(x[y1, x1], fx * fy, s)


# ---- sections 3, 4 and 8 --------------------------------------------------------------------------

class Latents:
    def __init__(self, nets, coder, say):
        self.nets, self.coder, self.say = nets, coder, say
        self.y_tables, self.z_tables = tables(nets.t, "y"), tables(nets.t, "z")

    def z(self, h, w):
        out = [[[self.coder.symbol(t) for t in self.z_tables] for _ in range(w)] for _ in range(h)]
        return np.array(out, np.int64).reshape(h, w, -1).astype(F)

    def symbols(self, mu, s):
        lo, hi = self.nets.t["scale.range"]
        n = len(self.y_tables)
        index = np.clip(nearest((s - lo) * (F(n - 1) / (hi - lo))), 0, n - 1)
        out = [self.coder.symbol(self.y_tables[i]) for i in index.reshape(-1).tolist()]
        return np.array(out, np.int64).reshape(mu.shape).astype(F) + mu

    def slice(self, i, hyper, prev):
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


def small_picture(nets, head, y):
    """-> what the head for previews makes of the latents, tile by tile."""
    height, width = (tiles[-1][1] for tiles in head["tiles"])
    rows = []
    for top, bottom in head["tiles"][0]:
        row = []
        for left, right in head["tiles"][1]:
            nets.open = left > 0, top > 0, right < width, bottom < height
            row.append(nets.preview(y[top // 16:bottom // 16, left // 16:right // 16]))
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)


def decode(data, licw, say=lambda *_: None, preview=False, salvage=False):
    """-> picture [H, W, 3 or 1], uint8 or uint16; or a preview of it. (It decodes all slices even then, and checks them.)"""
    head, code = read_file(data, salvage)
    need(head["model"] == licw.hash & 0xFFFFFFFF, "MODEL_WRONG", f"made with {head['model']:08x}")
    nets = Networks(licw, head["quality"])
    y, check = decode_tiles(nets, head, code, say)
    need(head["cut"] or check == head["check"], "MISMATCH", "check of the latents")
    x = small_picture(nets, head, y) if preview else synthesise(nets, head, y)
    say("preview" if preview else "g_s", x)
    height, width = (-(-head[k] // (16 if preview else 1)) for k in ("height", "width"))
    x = x[:height, :width] + F(0.5)
    if head["grey"]:
        x = ((x[..., :1] + x[..., 1:2]) + x[..., 2:]) / F(3)
    x = np.where(np.isnan(x), F(0), np.clip(x, F(0), F(1)))
    return np.rint(x * F(65535)).astype(np.uint16) if head["deep"] else np.rint(x * F(255)).astype(np.uint8)


def write_picture(path, picture):
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
    p.add_argument("--preview", action="store_true", help="a picture of 1/16")
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
        write_picture(a.out, decode(data, read_licw(a.weights), say, a.preview, a.salvage))
    except (Refused, LicwError, OSError) as e:
        print(f"slow_decoder: {a.picture}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
