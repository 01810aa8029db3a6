"""The slow decoder's arithmetic and networks: sections 6 and 7 of codec/FORMAT.md, operation by operation, an fma at a time."""
import numpy as np

F, D = np.float32, np.float64
CHUNK = 1 << 15             # outputs that a chain of fmas works on at a time, so that they stay in the cache

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
    """exp as FORMAT.md has it: a polynomial, by fma."""
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


def whole_numbers(x):
    """[..., K] -> the numbers nearest in steps of each position, and the steps [..., 1]."""
    m = np.fmax(np.abs(x).max(-1, keepdims=True), F(1e-30))
    v = x * (F(127) / m)
    return np.rint(low(top(v, F(-127)), F(127))).astype(np.int64), m / F(127)


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


def reduce_head(p, k):
    """Weights or biases of s x s colours for each latent -> those of k x k: means."""
    s = int(round((len(p) / 3) ** 0.5))
    out, b = np.zeros((3 * k * k, *p.shape[1:]), F), s // k
    if b == 1:
        return p
    for dy in range(k):
        for dx in range(k):
            for row in range(b * dy, b * dy + b):
                for column in range(b * dx, b * dx + b):
                    out[3 * (k * dy + dx):][:3] += p[3 * (s * row + column):][:3]
    return out * F(1 / b ** 2)


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
        return self.mix_levels(self.t[name])

    def mix_levels(self, p):
        return (F(1) - self.f) * p[self.l] + self.f * p[self.l + 1]

    def in_integers(self, name):
        return f"{name}.weight.scale" in self.t

    def scaled(self, name, total):
        return fma(total, self.t[f"{name}.weight.scale"], self.t[f"{name}.bias"])

    def linear(self, name, x):
        w, b = self.t[f"{name}.weight"].T, self.t[f"{name}.bias"]
        flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        if self.in_integers(name):
            q, step = whole_numbers(flat)
            total = fma((q @ w.astype(np.int64)).astype(F), step, F(0))
            return self.scaled(name, total).reshape(x.shape[:-1] + (len(b),))
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

    def conv_in_integers(self, name, x, taps):
        """Exact products of each tap, then the step of its position; outside of the picture they are 0."""
        w, (h, wd) = self.t[f"{name}.weight"].astype(np.int64), x.shape[:2]
        size = w.shape[2]
        half = (size - 1) // 2
        q, step = (np.pad(v, ((half, half), (half, half), (0, 0))) for v in whole_numbers(x))
        total = np.zeros((h, wd, len(w)), F)
        for ky in range(size):
            for kx in range(size):
                if taps(ky, kx):
                    at = np.s_[ky:ky + h, kx:kx + wd]
                    total = fma((q[at] @ w[:, :, ky, kx].T).astype(F), step[at], total)
        return self.scaled(name, total)

    def conv_alone(self, name, x, taps):
        if self.in_integers(name):
            return self.conv_in_integers(name, x, taps)
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
        """One of the pair of branches, gated by the other."""
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
        """The global branch of ACGC: attention over sampled points."""
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

    def preview(self, y, beside, n):
        """`beside`: the tensors of the file of heads, or none. -> [h, w, 3 k^2], k = 16 / n"""
        heads = [t for t in (self.t, beside) if "preview.bias" in t and t["preview.bias"].shape[1] >= 3 * (16 // n) ** 2]
        head = min(heads, key=lambda t: t["preview.bias"].shape[1])
        w, bias = (reduce_head(self.mix_levels(head[f"preview.{part}"].astype(F)), 16 // n) for part in ("weight", "bias"))
        w = w.reshape(len(w), 3, 3, -1).transpose(0, 3, 1, 2)
        x = y[..., :w.shape[1]] * exp(self.at_level("igain"))[:w.shape[1]]
        return self.beyond(lambda x: self.convolve(w, bias, x), x, 1)

    def rstb(self, name, x):
        t, i = x, 0
        while f"{name}.blocks.{i}.attn.scale" in self.t:
            t = self.block(f"{name}.blocks.{i}", t, 4 * (i % 2))
            i += 1
        return x + t

    def block(self, name, x, shift):
        """A SwinV2 block, shifted or not."""
        h, w, c = x.shape
        t = np.roll(x, (-shift, -shift), (0, 1)).reshape(h // 8, 8, w // 8, 8, c).transpose(0, 2, 1, 3, 4)
        t = self.windows(name, t.reshape(h // 8, w // 8, 64, c), shift)
        t = t.reshape(h // 8, w // 8, 8, 8, c).transpose(0, 2, 1, 3, 4).reshape(h, w, c)
        x = x + self.norm(f"{name}.norm1", np.roll(t, (shift, shift), (0, 1)))
        t = gelu(self.linear(f"{name}.fc1", x))
        t = t + self.depthwise(f"{name}.dw.conv", t)
        return x + self.norm(f"{name}.norm2", self.linear(f"{name}.fc2", t))

    def windows(self, name, t, shift):
        """Cosine attention within windows of 8x8, with a mask where the picture wraps round."""
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
