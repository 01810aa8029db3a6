"""A second, slow decoder, written from codec/FORMAT.md and models/WEIGHTS.md alone: it keeps them honest.

    spec_decoder.py                          encodes and decodes pictures with $LIC and compares
    spec_decoder.py IN.lic MODEL.licw OUT    decodes a file to PPM or PGM

Needs numpy. Shares no code with the library; names are those of the specification. Whoever changes the
format changes FORMAT.md first, then this, and finds out whether the page says enough.
"""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
except ImportError:
    print("skip: no numpy")
    sys.exit(0)

F, D = np.float32, np.float64
WINDOW, GRID = 8, 8


# ---- section 6: arithmetic --------------------------------------------------------------------------

def fma(a, b, c):
    """Rounded once: the product is exact in binary64, the sum is rounded to odd, then to binary32."""
    a, b, c = (np.asarray(v, F).astype(D) for v in (a, b, c))
    p = a * b
    s = np.array(p + c)
    t = s - p
    error = (p - (s - t)) + (c - t)
    bits = s.view(np.int64)
    odd = (error != 0) & (error == error) & (bits & 1 == 0)
    return np.where(odd, bits + np.where((error > 0) == (s > 0), 1, -1), bits).view(D).astype(F)


def maximum(a, b):
    return np.where(a > b, a, b).astype(F)


def minimum(a, b):
    return np.where(a < b, a, b).astype(F)


def exp(x):
    x = minimum(maximum(np.asarray(x, F), F(-87)), F(88))
    t = fma(x, F(1.44269504088896341), F(12582912))
    k = t - F(12582912)
    r = fma(k, F(2.12194440e-4), fma(k, F(-0.693359375), x))
    p = fma(r, F(1.9875691500e-4), F(1.3981999507e-3))
    for c in (8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = fma(p, r, F(c))
    p = fma(p, r * r, r)
    return (p + F(1)) * np.exp2(k.astype(D)).astype(F)


def sigmoid(x):
    return F(1) / (F(1) + exp(F(0) - x))


def tanh(x):
    return F(1) - F(2) / (F(1) + exp(x + x))


def gelu(x):
    return x * sigmoid(fma((x * x) * x, F(0.044715), x) * F(1.59576912160573))


def leaky(x):
    return maximum(x, x * F(0.1))


def sum16(x, squares=False):
    lanes = np.zeros(x.shape[:-1] + (16,), F)
    for i in range(x.shape[-1]):
        lane = lanes[..., i % 16]
        lanes[..., i % 16] = fma(x[..., i], x[..., i], lane) if squares else lane + x[..., i]
    for half in (8, 4, 2, 1):
        lanes = lanes[..., :half] + lanes[..., half:2 * half]
    return lanes[..., 0]


def nearest(v):
    v = np.where(np.isnan(v), F(0), np.clip(v, F(-4194303), F(4194303)))
    return np.rint(v).astype(np.int64)


# ---- section 5: range coder -------------------------------------------------------------------------

class RangeDecoder:
    def __init__(self, data):
        self.data, self.at, self.range = data, 0, 2**64 - 1
        self.code = self.read(8)
        assert self.code < self.range

    def read(self, n):
        word = self.data[self.at:self.at + n].ljust(n, b"\0")
        self.at += n
        return int.from_bytes(word, "big")

    def take(self, a, s):
        self.code, self.range = self.code - a, s
        assert 0 <= self.code < s
        if s < 2**32:
            self.code, self.range = self.code << 32 | self.read(4), s << 32

    def bit(self):
        half = self.range >> 1
        b = self.code >= half
        self.take(half if b else 0, self.range - half if b else half)
        return int(b)

    def symbol(self, cum, first):
        n, unit = len(cum), self.range >> 16
        k = max(i for i in range(n) if unit * cum[i] <= self.code)
        if k < n - 1:
            self.take(unit * cum[k], unit * (cum[k + 1] - cum[k]))
            return first + k
        self.take(unit * cum[k], self.range - unit * cum[k])
        return self.escape(first, n)

    def escape(self, first, n):
        below, zeros, d = self.bit(), 0, 1
        while not self.bit():
            zeros += 1
            assert zeros <= 32
        for _ in range(zeros):
            d = 2 * d + self.bit()
        value = first - d if below else first + n - 2 + d
        assert -2**31 <= value < 2**31
        return value

    def check_end(self):
        p, e = self.at, len(self.data)
        assert p - 8 <= e <= p
        v = int.from_bytes(self.data[p - 8:].ljust(8, b"\0"), "big")
        low = (v - self.code) % 2**64
        for j in range(9):
            step = 2**(64 - 8 * j)
            x = -(-low // step) * step
            if x < low + self.range:
                break
        assert x % 2**64 == v and j == e - (p - 8)


# ---- sections 1 and 2: the file; WEIGHTS.md ---------------------------------------------------------

class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        assert self.at <= len(self.data)
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")

    def varint(self):
        v = shift = 0
        while True:
            b = self.number(1)
            v |= (b & 127) << shift
            shift += 7
            if b < 128:
                assert (b or shift == 7) and v < 2**32
                return v


class File:
    def __init__(self, data):
        r = Bytes(data)
        assert r.take(4) == b"\x9Blic"
        flags = r.number(1)
        assert flags & 15 == 1 and not flags & 0x80
        self.grey, self.top = bool(flags & 0x20), 65535 if flags & 0x40 else 255
        self.width, self.height = r.varint() + 1, r.varint() + 1
        self.model_id, self.quality, self.check = r.number(4), r.number(2), r.number(4)
        rest = r.at + 4
        assert zlib.crc32(data[rest:], zlib.crc32(data[:r.at])) == r.number(4)
        self.chunks = []
        while flags & 0x10:
            kind = r.take(4)
            if kind == bytes(4):
                break
            packed, unpacked = r.varint(), r.varint()
            assert kind[:1].islower()
            self.chunks.append((kind, zlib.decompress(r.take(packed))))
            assert len(self.chunks[-1][1]) == unpacked
        self.latents = data[r.at:]


def read_weights(path):
    with open(path, "rb") as f:
        raw = f.read()
    assert raw[:8] == b"\x8Flicw\r\n\x1A"
    n_config, n_tensors = struct.unpack_from("<II", raw, 12)
    config, tensors = {}, {}
    for at in range(64, 64 + 64 * n_config, 64):
        key, kind = struct.unpack_from("<24sI", raw, at)
        if kind == 0:
            config[key.rstrip(b"\0").decode()], = struct.unpack_from("<q", raw, at + 32)
    for i in range(n_tensors):
        entry = struct.unpack_from("<72s6I2QI", raw, 64 + 64 * n_config + 128 * i)
        kind, rank, offset, n_bytes = entry[1], entry[2], entry[7], entry[8]
        t = np.frombuffer(raw, ["<f4", "<f2", "<u2", "<i4"][kind], offset=offset,
                          count=n_bytes // (4, 2, 2, 4)[kind])
        t = t.reshape(entry[3:3 + rank])
        tensors[entry[0].rstrip(b"\0").decode()] = t.astype(F) if kind < 2 else t
    return config, tensors, struct.unpack_from("<I", raw, 40)[0]


# ---- section 6: layers ------------------------------------------------------------------------------

class Layers:
    def __init__(self, config, tensors):
        self.config, self.t = config, tensors

    def linear(self, name, x):
        w, b = self.t[name + ".weight"], self.t[name + ".bias"]
        out = np.broadcast_to(b, x.shape[:-1] + b.shape)
        for i in range(w.shape[1]):
            out = fma(x[..., i:i + 1], w[:, i], out)
        return out

    def conv(self, name, x, odd_taps=False):
        w, b = self.t[name + ".weight"], self.t[name + ".bias"]
        k, (h, wd, _) = w.shape[2], x.shape
        padded = np.pad(x, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
        out = np.broadcast_to(b, (h, wd) + b.shape)
        for i in range(k):
            for j in range(k):
                for q in range(0 if odd_taps and (i + j) % 2 == 0 else w.shape[1]):
                    out = fma(padded[i:i + h, j:j + wd, q:q + 1], w[:, q, i, j], out)
        return out

    def up(self, name, x):
        o = self.conv(name, x)
        h, w, c = o.shape
        out = np.zeros((2 * h, 2 * w, c // 4), F)
        for a in range(2):
            for b in range(2):
                out[a::2, b::2] = o[..., 2 * a + b::4]
        return out

    def depthwise(self, name, x):
        weight, b = self.t[name + ".weight"], self.t[name + ".bias"]
        k, (h, w, _) = weight.shape[2], x.shape
        out = np.array(np.broadcast_to(b, x.shape))
        for i in range(k):
            for j in range(k):
                dy, dx = i - k // 2, j - k // 2
                y, x0 = slice(max(0, -dy), min(h, h - dy)), slice(max(0, -dx), min(w, w - dx))
                if y.start < y.stop and x0.start < x0.stop:
                    there = x[y.start + dy:y.stop + dy, x0.start + dx:x0.stop + dx]
                    out[y, x0] = fma(there, weight[:, 0, i, j], out[y, x0])
        return out

    def at_level(self, name, level):
        p = self.t[name]
        lower = min(int(level), len(p) - 2)
        f = level - F(lower)
        return (F(1) - f) * p[lower] + f * p[lower + 1]

    def rate(self, name, level, x):
        w = self.at_level(name, level)
        return fma(x, w[0], x) + w[1]

    def norm(self, name, x):
        c = F(x.shape[-1])
        mean = (sum16(x) / c)[..., None]
        f = F(1) / np.sqrt(sum16(x - mean, True) / c + F(1e-5))
        return fma((x - mean) * f[..., None], self.t[name + ".weight"], self.t[name + ".bias"])


def attention(q, k, v, bias=None, mask=None):
    score = np.zeros(q.shape[:-1] + k.shape[-2:-1], F)
    for i in range(q.shape[-1]):
        score = fma(q[..., i:i + 1], k[..., None, :, i], score)
    score = score if bias is None else score + bias
    score = score if mask is None else score + mask
    e = exp(score - score.max(-1, keepdims=True))
    p = e * (F(1) / sum16(e))[..., None]
    out = np.zeros(q.shape[:-1] + v.shape[-1:], F)
    for j in range(k.shape[-2]):
        out = fma(p[..., j:j + 1], v[..., j:j + 1, :], out)
    return out


def ordered_mean(x):
    total = np.zeros(x.shape[-1], F)
    for row in x.reshape(-1, x.shape[-1]):
        total = total + row
    return total / F(x.shape[0] * x.shape[1])


def beside(*parts):
    return np.concatenate(parts, -1)


# ---- section 7: networks ----------------------------------------------------------------------------

class Networks(Layers):
    def h_s(self, z_hat, level):
        x = z_hat * exp(self.at_level("izgain", level))
        x = leaky(self.up("h_s.c.1.conv", leaky(self.up("h_s.c.0.conv", x))))
        return self.rate("hrate.w", level, self.conv("h_s.c.2.conv", x))

    def gated(self, name, a, d):
        s = sigmoid(self.linear(f"{name}.smap.b", leaky(self.linear(f"{name}.smap.a", d))))
        c = leaky(self.linear(f"{name}.cmap.a", ordered_mean(a)))
        return fma(d, sigmoid(self.linear(f"{name}.cmap.b", c)), a * s)

    def ac(self, name, prev):
        x = self.linear(name + ".inp", prev)
        a = gelu(self.conv(name + ".c2.conv", gelu(self.conv(name + ".c1.conv", x))))
        return self.gated(name, a, self.depthwise(name + ".dw.conv", x))

    def sample(self, x, u, v):
        """x at (u, v) in -1 .. 1."""
        h, w, _ = x.shape
        px = min(max(((u + F(1)) * F(w) - F(1)) / F(2), F(0)), F(w - 1))
        py = min(max(((v + F(1)) * F(h) - F(1)) / F(2), F(0)), F(h - 1))
        x0, y0 = int(px), int(py)
        x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
        fx, fy = px - F(x0), py - F(y0)
        gx, gy = F(1) - fx, F(1) - fy
        s = fma(x[y0, x1], fx * gy, x[y0, x0] * (gx * gy))
        return fma(x[y1, x1], fx * fy, fma(x[y1, x0], gx * fy, s))

    def samples(self, name, x):
        h, w, gdim = x.shape
        heads, t = self.config["heads"], gelu(self.depthwise(name + ".off_dw.conv", x))
        out = np.zeros((GRID * GRID, gdim), F)
        for cell in range(GRID * GRID):
            i, j = divmod(cell, GRID)
            rows = slice(i * h // GRID, -(-(i + 1) * h // GRID))
            columns = slice(j * w // GRID, -(-(j + 1) * w // GRID))
            o = tanh(self.linear(name + ".off", ordered_mean(t[rows, columns])))
            u, v = (((F(k) + F(0.5)) / F(8)) * F(2) - F(1) for k in (j, i))
            for head in range(heads):
                at = slice(gdim // heads * head, gdim // heads * (head + 1))
                out[cell, at] = self.sample(x[..., at], u + o[2 * head] * F(0.25),
                                            v + o[2 * head + 1] * F(0.25))
        return out

    def ag(self, name, prev, hyper):
        x, heads = self.linear(name + ".inp", prev), self.config["heads"]
        e = x.shape[-1] // heads
        kv = self.linear(name + ".kv", self.samples(name, x))
        k, v = np.split(kv, 2, -1)
        q = self.linear(name + ".q", hyper) * (F(1) / np.sqrt(F(e)))
        parts = [slice(e * i, e * (i + 1)) for i in range(heads)]
        o = self.linear(name + ".out",
                        beside(*(attention(q[..., p], k[:, p], v[:, p]) for p in parts)))
        a = o + self.depthwise(name + ".conv.conv", o)
        return self.gated(name, a, self.depthwise(name + ".dw.conv", x))

    def context(self, name, prev, hyper):
        if prev.shape[-1] == 0:
            return hyper
        return beside(hyper, self.ac(name + "ac", prev), self.ag(name + "ag", prev, hyper))

    def parameters(self, name, x):
        for layer in (".l.0", ".l.1"):
            x = leaky(self.linear(name + layer, x))
        return np.split(self.linear(name + ".l.2", x), 2, -1)

    def window_attention(self, name, t, mask):
        heads, scale = t.shape[-1] // self.config["head_dim"], self.t[name + ".scale"]
        y, x = np.divmod(np.arange(WINDOW * WINDOW), WINDOW)
        offset = (y[:, None] - y + 7) * 15 + x[:, None] - x + 7
        qkv = np.split(self.linear(name + ".qkv", t), 3, -1)
        out = []
        for head, (q, k, v) in enumerate(zip(*(np.split(part, heads, -1) for part in qkv))):
            q = q * (scale[head] / maximum(np.sqrt(sum16(q, True)), F(1e-6)))[..., None]
            k = k * (F(1) / maximum(np.sqrt(sum16(k, True)), F(1e-6)))[..., None]
            out.append(attention(q, k, v, self.t[name + ".bias_table"][head][offset], mask))
        return self.linear(name + ".proj", beside(*out))

    def block(self, name, x, shift):
        h, w, c = x.shape
        rows, columns = h // WINDOW, w // WINDOW
        t = np.roll(x, (-shift, -shift), (0, 1)).reshape(rows, WINDOW, columns, WINDOW, c)
        t = t.transpose(0, 2, 1, 3, 4).reshape(rows, columns, WINDOW * WINDOW, c)
        mask = None
        if shift:
            top, left = (k < 4 for k in np.divmod(np.arange(WINDOW * WINDOW), WINDOW))
            mask = np.zeros((rows, columns, WINDOW * WINDOW, WINDOW * WINDOW), F)
            mask[-1, :, top[:, None] != top] = -100
            mask[:, -1, left[:, None] != left] = -100
        t = self.norm(name + ".norm1", self.window_attention(name + ".attn", t, mask))
        t = t.reshape(rows, columns, WINDOW, WINDOW, c).transpose(0, 2, 1, 3, 4).reshape(h, w, c)
        x = x + np.roll(t, (shift, shift), (0, 1))
        t = gelu(self.linear(name + ".fc1", x))
        t = t + self.depthwise(name + ".dw.conv", t)
        return x + self.norm(name + ".norm2", self.linear(name + ".fc2", t))

    def rstb(self, name, x, depth):
        t = x
        for i in range(depth):
            t = self.block(f"{name}.blocks.{i}", t, 4 if i % 2 else 0)
        return x + t

    def g_s(self, y_hat, level):
        x = y_hat * exp(self.at_level("igain", level))
        for up, stage in ((1, 3), (2, 2), (3, 1)):
            x = self.rate(f"g_s.rate.{stage - 1}.w", level, self.up(f"g_s.up{up}.conv", x))
            x = self.rstb(f"g_s.st{stage}", x, self.config[f"depth.{stage - 1}"])
        f = x
        for k in range(3):
            f = beside(f, leaky(self.conv(f"g_s.enh.convs.{k}.conv", f)))
        return self.up("g_s.up4.conv", self.conv("g_s.enh.out.conv", f) + x)


# ---- sections 3, 4 and 8: latents and picture -------------------------------------------------------

def tables(tensors, kind):
    cum, start, first = (tensors[f"cdf.{kind}.{part}"].tolist() for part in ("cum", "start", "first"))
    return [(cum[a:b], v) for a, b, v in zip(start, start[1:], first)]


def decode_slice(net, coder, name, size, prev, hyper):
    h, w, _ = hyper.shape
    lo, hi = net.t["scale.range"]
    y_tables = tables(net.t, "y")
    last = len(y_tables) - 1
    steps = F(last) / (hi - lo)
    odd = np.add.outer(np.arange(h), np.arange(w)) % 2
    y_hat, ctx = np.zeros((h, w, size), F), net.context(name, prev, hyper)
    for kind, ep in enumerate(("ep_anchor", "ep_non")):
        x = beside(ctx, net.conv(name + "local.conv", y_hat, odd_taps=True)) if kind else ctx
        mu, s = net.parameters(name + ep, x)
        index = np.clip(nearest((s - lo) * steps), 0, last)
        for y, x in np.argwhere(odd == kind):
            symbols = [coder.symbol(*y_tables[k]) for k in index[y, x]]
            y_hat[y, x] = np.array(symbols).astype(F) + mu[y, x]
    x = leaky(net.linear(name + "lrp.0", beside(hyper, prev, y_hat)))
    return y_hat + F(0.5) * tanh(net.linear(name + "lrp.1", x))


def decode(data, weights):
    """-> samples [height, width, 1 or 3], the largest sample value, chunks"""
    file, (config, tensors, model_id) = File(data), read_weights(weights)
    assert file.model_id == model_id
    net, coder = Networks(config, tensors), RangeDecoder(file.latents)
    level = F(file.quality) * (F(config["levels"] - 1) / F(65535))
    h, w = -(-file.height // 64) * 4, -(-file.width // 64) * 4
    z_tables = tables(tensors, "z")
    z = [coder.symbol(*t) for _ in range(h // 4 * (w // 4)) for t in z_tables]
    hyper = net.h_s(np.array(z).astype(F).reshape(h // 4, w // 4, -1), level)
    y_hat = np.zeros((h, w, 0), F)
    for i in range(config["slices"]):
        size = config[f"slice.{i}"]
        y_hat = beside(y_hat, decode_slice(net, coder, f"ctx.{i}.", size, y_hat, hyper))
    coder.check_end()
    assert zlib.crc32(y_hat.astype("<f4").tobytes()) == file.check
    v = net.g_s(y_hat, level) + F(0.5)
    if file.grey:
        v = (((v[..., 0] + v[..., 1]) + v[..., 2]) / F(3))[..., None]
    v = np.rint(minimum(maximum(v, F(0)), F(1)) * F(file.top))
    return v[:file.height, :file.width].astype(np.uint16), file.top, file.chunks


# ---- the comparison ---------------------------------------------------------------------------------

def pnm(samples, top):
    h, w, c = samples.shape
    head = f"P{6 if c == 3 else 5}\n{w} {h}\n{top}\n".encode()
    return head + samples.astype(">u2" if top > 255 else "u1").tobytes()


def picture(seed, h, w, c, top):
    rng = np.random.RandomState(seed)
    y, x, i = np.mgrid[:h, :w, :c]
    waves = np.sin(x / 5 + i) * np.cos(y / 7 - i) + (x // 9 + y // 7) % 2
    return np.clip((waves + rng.normal(0, 0.2, waves.shape) + 1) / 3 * top, 0, top)


def compare(folder, lic, weights, case):
    seed, h, w, c, top, quality = case
    given, packed, out = (os.path.join(folder, f"{seed}.{end}") for end in ("in.pnm", "lic", "out.pnm"))
    with open(given, "wb") as f:
        f.write(pnm(picture(seed, h, w, c, top), top))
    for command in (["encode", "-q", str(quality), given, "-o", packed],
                    ["decode", packed, "--format", "ppm", "-o", out]):
        subprocess.run([lic, *command, "--model", weights, "--quiet"], check=True)
    with open(packed, "rb") as f:
        samples, top, _ = decode(f.read(), weights)
    with open(out, "rb") as f:
        same = f.read().split(b"\n", 3)[-1] == pnm(samples, top).split(b"\n", 3)[-1]
    print(f"{w}x{h}, {c} of {top}, quality {quality}: {'same' if same else 'OTHER'} pixels")
    return same


def main():
    if len(sys.argv) == 4:
        with open(sys.argv[1], "rb") as f:
            samples, top, _ = decode(f.read(), sys.argv[2])
        with open(sys.argv[3], "wb") as f:
            f.write(pnm(samples, top))
        return 0
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    lic = os.environ.get("LIC", os.path.join(root, "build", "lic"))
    weights = os.path.join(root, "tests", "golden", "tiny.licw")
    cases = [(1, 40, 75, 3, 255, 30), (2, 1, 1, 3, 255, 100), (3, 200, 65, 1, 255, 55.5),
             (4, 64, 64, 3, 65535, 77), (5, 129, 33, 1, 65535, 0), (6, 150, 300, 3, 255, 90)]
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        return 0 if all([compare(folder, lic, weights, case) for case in cases]) else 1


if __name__ == "__main__":
    sys.exit(main())
