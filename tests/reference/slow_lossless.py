"""The slow decoder's lossless tiles and alpha: section 13 of codec/FORMAT.md, in whole numbers throughout."""
import zlib

import numpy as np

from slow_stream import RangeDecoder, Reader, Refused, need, read_old_alpha

LOGISTIC = [32, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768]
LOGISTIC += [65536 - p for p in LOGISTIC[-2::-1]]
WIDTH = [0, 0, 1, 1] + list(range(2, 17))


def squash(x):
    i, part = divmod(x + 2048, 128)
    return (LOGISTIC[i] * (128 - part) + (LOGISTIC[i + 1] if part else 0) * part + 64) // 128


SQUASH = [squash(x) for x in range(-2048, 2048)]


def stretches():
    out, x = [], 1
    for p in range(4096):
        while x < 4095 and SQUASH[x] < 16 * p + 8:
            x += 1
        out.append(x - 2048)
    return out


STRETCH = stretches()


def hold(v, low, high):
    return max(low, min(v, high))


def log2(v):
    return max(v.bit_length() - 1, 0)


def halves(v):
    return v if v < 2 else 2 * log2(v) + (v >> (log2(v) - 1) & 1)


def quarters(v):
    return v if v < 4 else 4 * (log2(v) - 1) + (v >> (log2(v) - 2) & 3)


class Bits:
    """Models are lists [p, n] made at first use, by key; so are weights."""

    def __init__(self, code, cut):
        self.coder, self.models, self.weights = RangeDecoder(code, cut), {}, {}

    def bit(self, p):
        return self.coder.biased_bit(p)

    def raw(self, n):
        v = 0
        for _ in range(n):
            v = v << 1 | self.bit(32768)
        return v

    def model(self, key):
        return self.models.setdefault(key, [1 << 21, 0])

    @staticmethod
    def learn(m, bit):
        """Adapts to the sample that was decoded."""
        m[0] += (((1 << 22) - 1 if bit else 0) - m[0]) * (131072 // (2 * m[1] + 3)) >> 16
        m[1] = min(m[1] + 1, 255)

    def plain(self, key):
        m = self.model(key)
        bit = self.bit(hold(m[0] >> 6, 32, 65504))
        self.learn(m, bit)
        return bit

    def mixed(self, keys, weights_key):
        """A bit whose probability is a mix of those of several contexts."""
        models = [self.model(k) for k in keys]
        w = self.weights.setdefault(weights_key, [26214] * 3)
        s = [STRETCH[m[0] >> 10] for m in models]
        p = SQUASH[hold(sum(a * b for a, b in zip(w, s)) >> 16, -2047, 2047) + 2048]
        bit = self.bit(p)
        miss = (65535 if bit else 0) - p
        for i in range(3):
            w[i] += s[i] * miss + 32768 >> 16
            self.learn(models[i], bit)
        return bit


class Grid:
    """Rows with what lies beyond their edges; `zero` before the first row."""

    def __init__(self, width, margin, zero):
        self.width, self.margin, self.zero = width, margin, zero
        self.rows = [[zero] * (width + 2 * margin) for _ in range(3)]

    def next_row(self, y, fill):
        """Moves all rows up by one and fills the margins."""
        self.rows = [self.rows[2], self.rows[0], self.rows[1]]
        m, w = self.margin, self.width
        first = self.rows[1][m] if y or fill else self.zero
        last = self.rows[1][m + w - 1] if y or fill else self.zero
        for i in range(m):
            self.rows[0][i] = self.rows[1][i] = first
            self.rows[1][m + w + i] = last

    def at(self, up, x):
        return self.rows[up][x + self.margin]

    def put(self, x, v, up=0):
        self.rows[up][x + self.margin] = v


class Plane:
    """What is kept of one plane: two rows above, errors, taps of the linear prediction."""

    def __init__(self, width, low, high, bits, others, slopes):
        self.low, self.high, self.shift, self.others, self.slopes = low, high, max(bits - 11, 0), others, slopes
        self.samples, self.errors = Grid(width, 2, 0), Grid(width, 2, 0)
        self.misses = Grid(width, 2, (0, 0, 0, 0))
        self.taps = [32768, 32768, -32768, 16384, 0, 0] + [0] * (5 * others)
        self.bias = [0] * 1024

    def next_row(self, y):
        s = self.samples
        s.next_row(y, False)
        self.errors.next_row(y, True)
        self.misses.next_row(y, True)
        if y == 1:
            s.rows[2] = list(s.rows[1])
        if y > 1 and self.slopes:
            s.put(-1, self.go_on(s.at(2, 0), s.at(1, 0)))

    def go_on(self, a, b):
        return hold(2 * b - a, self.low, self.high)

    def pretend(self, x):
        left = self.samples.at(0, x - 1)
        for i in (-1, 0, 1):
            self.samples.put(x + i, left, 1)
            self.samples.put(x + i, left, 2)
        if self.slopes and x > 1:
            for i in (0, 1):
                self.samples.put(x + i, self.go_on(self.samples.at(0, x - 2), left), 1)

    def skip(self, x, y, v):
        if y == 0:
            self.pretend(x)
        self.samples.put(x, v)
        self.errors.put(x, 0)
        self.misses.put(x, (0, 0, 0, 0))


def inputs(planes, i, x):
    """Base and differences of the linear prediction (FORMAT.md, lossless)."""
    s = planes[i].samples
    base = s.at(0, x - 1) + s.at(1, x) >> 1
    d = [v - base for v in (s.at(0, x - 1), s.at(1, x), s.at(1, x - 1), s.at(1, x + 1), s.at(0, x - 2), s.at(2, x))]
    for o in planes[i - planes[i].others:i]:
        o = o.samples
        mean = o.at(0, x - 1) + o.at(1, x) >> 1
        d += [v - mean for v in (o.at(0, x), o.at(0, x - 1), o.at(1, x), o.at(1, x - 1), o.at(1, x + 1))]
    return base, [v >> planes[i].shift for v in d]


class Prediction:
    """The prediction of one sample of a plane, and what is learned from it."""

    def __init__(self, planes, i, x, y):
        p = self.plane = planes[i]
        if y == 0:
            p.pretend(x)
        s, e, m = p.samples.at, p.errors.at, p.misses.at
        w, n, nw, ne, ww, nn = s(0, x - 1), s(1, x), s(1, x - 1), s(1, x + 1), s(0, x - 2), s(2, x)
        base, self.d = inputs(planes, i, x)
        linear = 8 * base + (sum((t >> 3) * d for t, d in zip(p.taps, self.d)) >> 10 << p.shift)
        self.by = [8 * n + 3 * (e(0, x - 1) + e(1, x) + e(1, x + 1)), 8 * w + 3 * (e(0, x - 1) + e(1, x) + e(1, x - 1)),
                   8 * (hold(w + n - nw, p.low, p.high) if p.slopes else hold(w + n - nw, min(w, n), max(w, n))), hold(linear, 8 * p.low, 8 * p.high)]
        missed = [m(0, x - 1)[k] + m(1, x - 1)[k] + m(1, x)[k] + m(1, x + 1)[k] + (m(0, x - 2)[k] >> 1) for k in range(4)]
        weight = [(1 << 24) // (v + 4) for v in missed]
        total = sum(a * b for a, b in zip(weight, self.by))
        self.mixed = abs(total) // sum(weight) * (1 if total > 0 else -1)
        self.spread = max(self.by) - min(self.by)
        around = 3 * (abs(e(0, x - 1)) + abs(e(1, x))) + 2 * (abs(e(1, x - 1)) + abs(e(1, x + 1)))
        self.energy = 2 * (around + abs(e(0, x - 2)) + abs(e(2, x))) + self.spread // 2 + min(missed) // 4
        self.range = max(w, n, nw, ne) - min(w, n, nw, ne)
        above = sum((8 * v > self.mixed) << k for k, v in enumerate((n, w, nw, ne, nn, ww)))
        self.bias = 64 * min(log2(self.energy), 15) + above
        self.value = hold(self.mixed + (p.bias[self.bias] >> 5), 8 * p.low, 8 * p.high)

    def learn(self, x, v):
        p = self.plane
        p.samples.put(x, v)
        p.errors.put(x, v - (self.value + 4 >> 3))
        p.misses.put(x, tuple(abs(8 * v - b) for b in self.by))
        p.bias[self.bias] += 8 * v - self.mixed - (p.bias[self.bias] >> 5)
        miss = hold(8 * v - self.by[3] >> p.shift, -2048, 2048) * (1 << 17)
        step = abs(miss) // (sum(d * d for d in self.d) + 64) * (1 if miss > 0 else -1)
        p.taps = [hold(t + (step * d >> 8), -(1 << 17), 1 << 17) for t, d in zip(p.taps, self.d)]


def sign(v):
    return 1 if v < 0 else 2 if v > 0 else 0


def residual(bits, planes, i, x, p):
    """Decodes the difference between a sample and its prediction."""
    plane, kind, other = planes[i], 0, p.spread
    if plane.others > 0:
        before = planes[i - 1].errors.at(0, x)
        other, kind = abs(before), sign(before)
    if plane.others > 1:
        other = 2 * other + abs(planes[i - 2].errors.at(0, x))
    a = (i, "a", min(halves(p.energy), 31), min(halves(other), 31))
    b = (i, "b", min(quarters(p.energy), 79), sign(plane.errors.at(0, x - 1)), sign(plane.errors.at(1, x)))
    c = (i, "c", min(halves(p.energy), 31) // 2, min(halves(p.range), 15), p.value + 4 >> 1 & 3)

    def bit(name, first=None):
        return bits.mixed([a + (first or name,), b + (name,), c + (name,)], (i, name))
    base = p.value + 4 >> 3
    if bit("zero"):
        return base
    negative = bit("sign", f"sign{kind}")
    size, k = 1, 0
    while k < 18 and not bit(f"bucket{k}"):
        size += 1 << WIDTH[k]
        k += 1
    if WIDTH[k]:
        high = bits.plain(b + (f"first{k}",))
        size += (high << WIDTH[k] - 1) + bits.raw(WIDTH[k] - 1)
    return base - size if negative else base + size


def untransform(t, v):
    """From what is coded back to colours."""
    if t == 0:
        return v
    x, y, z = v[:3]
    if t == 1:
        m = x - (z >> 1)
        b = m - (y >> 1)
        return [y + b, z + m, b] + v[3:]
    if t == 2:
        return [x + y, x, x + z] + v[3:]
    if t == 3:
        return [x + y, x, z + (2 * x + y >> 1)] + v[3:]
    return v


def transform(t, v):
    """From colours to what is coded."""
    if t == 0:
        return v
    r, g, b = v[:3]
    if t == 1:
        m = b + (r - b >> 1)
        return [m + (g - m >> 1), r - b, g - m] + v[3:]
    if t == 2:
        return [g, r - g, b - g] + v[3:]
    if t == 3:
        return [g, r - g, b - (r + g >> 1)] + v[3:]
    return v


MASK = (1 << 64) - 1


def hash_step(h, pixel):
    h = (h ^ pixel) * 0x9E3779B97F4A7C15 & MASK
    return h ^ h >> 29


def number(pixel):
    return sum(v << 16 * i for i, v in enumerate(pixel))


class Repeats:
    """Pixels as a whole: those that a hash of their neighbours found before, and a list of colours."""

    def __init__(self, bits, width, height, channels, colours):
        self.bits, self.hash_bits = bits, 10
        while self.hash_bits < 16 and width * height >> self.hash_bits > 1:
            self.hash_bits += 1
        none = (0,) * channels
        self.pixels, self.ranks = Grid(width, 3, none), Grid(width, 3, 0)
        self.far, self.near, self.colours = {}, {}, [] if colours else None
        self.use_colours = colours

    def next_row(self, y):
        self.pixels.next_row(y, False)
        self.ranks.rows = [[0] * len(self.ranks.rows[0]), self.ranks.rows[0], None]

    def look(self, x):
        """Finds the guesses for this place."""
        s, r = self.pixels.at, self.ranks
        h = 0
        for up, dx in ((0, -1), (1, 0), (1, -1), (1, 1)):
            h = hash_step(h, number(s(up, x + dx)))
        self.at_near = h >> 64 - self.hash_bits
        for up, dx in ((0, -2), (0, -3), (1, -2), (1, 2), (2, 0), (2, -1), (2, 1)):
            h = hash_step(h, number(s(up, x + dx)))
        self.at_far = h >> 64 - self.hash_bits
        none = (0,) * len(s(0, x - 1))
        far, near = self.far.get(self.at_far, (none, 0)), self.near.get(self.at_near, (none, 0))
        guesses = [g[0] for g in (far, near) if g[1]] + [s(0, x - 1), s(1, x), s(1, x + 1)]
        self.guesses = list(dict.fromkeys(guesses))[:3]
        self.trust = (far[1] * 8 + near[1]) * 2 + (far[0] == near[0])
        same = ((0, -1, 1, 0), (1, 0, 1, -1), (1, 0, 1, 1), (0, -1, 1, -1), (0, -1, 0, -2), (1, 0, 2, 0))
        alike = sum((s(a, x + b) == s(c, x + d)) << k for k, (a, b, c, d) in enumerate(same))
        kind = (0, 1, 1, 2)
        self.pattern = alike, kind[r.rows[0][x + 2]], kind[r.rows[1][x + 3]], kind[r.rows[1][x + 4]]

    @staticmethod
    def remember(table, at, pixel):
        """Puts a pixel in a table; one that is trusted loses half of its trust instead."""
        old, trust = table.get(at, (None, 0))
        if trust and old == pixel:
            table[at] = pixel, min(trust + 1, 7)
        elif trust > 1:
            table[at] = old, trust // 2
        else:
            table[at] = pixel, 1

    def enter(self, x, rank, pixel):
        self.remember(self.far, self.at_far, pixel)
        self.remember(self.near, self.at_near, pixel)
        self.ranks.put(x, rank)
        self.pixels.put(x, pixel)

    def code(self, x, y):
        """Decodes whether a guess is right; None: no guess was."""
        if y == 0:
            for i in range(-2, 3):
                self.pixels.put(x + i, self.pixels.at(0, x - 1), 1)
                self.pixels.put(x + i, self.pixels.at(0, x - 1), 2)
        self.look(x)
        for i, g in enumerate(self.guesses):
            same = (g == self.pixels.at(0, x - 1)) + 2 * (g == self.pixels.at(1, x))
            keys = [("trust", i, self.trust, same), ("hashed", i, self.at_near), ("pattern", i, self.pattern)]
            if self.bits.mixed(keys, ("guess", i, self.trust >> 4)):
                self.enter(x, i, g)
                return g
        if self.use_colours and self.bits.plain(("known", log2(len(self.colours)))):
            pixel = self.colour(x)
            self.enter(x, 3, pixel)
            return pixel
        return None

    def colour(self, x):
        """Decodes a colour by its place in the list."""
        def index(p):
            n = self.colours.index(p) if p in self.colours else len(self.colours)
            return n if n < 256 else 0
        left, above, n = index(self.pixels.at(0, x - 1)), index(self.pixels.at(1, x)), len(self.colours)
        node, n_bits = 1, log2(n - 1) + 1 if n > 1 else 0
        for i in reversed(range(n_bits)):
            node = node << 1 | self.bits.mixed([("alone", node), ("left", left, node), ("above", above, node)], ("tree", i))
        got = node - (1 << n_bits)
        return self.colours[got] if got < n else (0,) * len(self.pixels.at(1, x))

    def add(self, pixel):
        if self.use_colours and len(self.colours) < 256 and pixel not in self.colours:
            self.colours.append(pixel)


def read_table(bits, depth, name):
    """The values that occur in a channel, in rising order."""
    n, v, out = 1 + bits.raw(depth), -1, []
    for _ in range(n):
        k = 0
        while k < 16 and not bits.plain((name, "bits", k)):
            k += 1
        gap = 1
        for i in reversed(range(k)):
            gap = gap << 1 | bits.plain((name, "low", k, i))
        v = min(v + gap, (1 << depth) - 1)
        out.append(v)
    return out


def read_mask(bits, width, height):
    """-> rows of 16 x 16 blocks, 1 where they are coded."""
    w, h = -(-width // 16), -(-height // 16)
    mask = [[0] * (w + 2) for _ in range(h + 1)]     # with zeros around
    for y in range(1, h + 1):
        for x in range(1, w + 1):
            mask[y][x] = bits.plain(("mask", mask[y][x - 1], mask[y - 1][x], mask[y - 1][x - 1], mask[y - 1][x + 1]))
    return [row[1:-1] for row in mask[1:]]


def decode(code, width, height, channels, depth, cut=False, old=False, masked=False):
    """-> rows of pixels, tuples of samples; fewer than height if the code was cut. masked: and the mask of its blocks."""
    bits = Bits(code, cut)
    mask = read_mask(bits, width, height) if masked else None
    raw, kind, repeats, colours = bits.raw(1), bits.raw(2), bits.raw(1), bits.raw(1)
    slopes = 0 if old else bits.raw(1)
    kind = kind if channels > 2 else 0
    tables = []
    for i in range(channels):
        tables.append(read_table(bits, depth, f"table{i}") if bits.raw(1) else range(1 << depth))
    top = max(len(t) for t in tables[:channels - (channels + 1) % 2]) - 1
    planes = []
    for i in range(channels):
        alpha = channels % 2 == 0 and i == channels - 1
        high = len(tables[i]) - 1 if alpha else top
        planes.append(Plane(width, -high if kind and 0 < i < 3 else 0, high, depth, 0 if alpha else i, slopes))
    seen = Repeats(bits, width, height, channels, colours) if repeats and not raw else None
    rows = []
    for y in range(height):
        row = []
        for p in planes if not raw else ():
            p.next_row(y)
        if seen:
            seen.next_row(y)
        for x in range(width):
            if mask and not mask[y // 16][x // 16]:
                row.append(row[-1] if row else first if y else (0,) * channels)
                hide_pixel(planes if not raw else (), seen, kind, row[-1], x, y)
                continue
            row.append(decode_pixel(bits, planes, seen, tables, kind, depth if raw else 0, x, y))
        first = row[0]
        if bits.coder.stopped:
            break
        rows.append([tuple(t[v] for t, v in zip(tables, pixel)) for pixel in row])
    if not cut:
        bits.coder.end()
    return (rows, mask) if masked else rows


def hide_pixel(planes, seen, kind, pixel, x, y):
    """A pixel that is not coded."""
    for p, v in zip(planes, transform(kind, list(pixel))):
        p.skip(x, y, v)
    if seen:
        seen.ranks.put(x, 0)
        seen.pixels.put(x, pixel)


def decode_pixel(bits, planes, seen, tables, kind, raw, x, y):
    """One pixel, by whichever way the tile uses."""
    if raw:
        return tuple(v if v < len(t) else 0 for t, v in ((t, bits.raw(raw)) for t in tables))
    pixel = seen.code(x, y) if seen else None
    if pixel is not None:
        for p, v in zip(planes, transform(kind, list(pixel))):
            p.skip(x, y, v)
        return pixel
    values = []
    for i, plane in enumerate(planes):
        p = Prediction(planes, i, x, y)
        values.append(hold(residual(bits, planes, i, x, p), plane.low, plane.high))
        p.learn(x, values[i])
    pixel = tuple(hold(v, 0, len(t) - 1) for v, t in zip(untransform(kind, values), tables))
    if seen:
        seen.look(x)
        seen.enter(x, 3, pixel)
        seen.add(pixel)
    return pixel


def decode_tile(code, check, cut, height, width, channels, depth, old=False):
    """-> [height, width, channels]; rows that are missing are 0."""
    out = np.zeros((height, width, channels), "<u2" if depth == 16 else "u1")
    rows = decode(code, width, height, channels, depth, cut, old)
    if rows:
        out[:len(rows)] = rows
    need(cut or zlib.crc32(out.tobytes()) == check, "MISMATCH", "check of a tile's samples")
    return out


def next_tile(r, may_be_cut, old=False):
    """-> code, check, whether it has lost its end. Numbers of version 2 have a kind as well, which is 1."""
    start = r.at
    try:
        size, check = r.varint(), r.number(4)
        need(size & 1 or not old, "CORRUPT", "kind of a tile")
        return r.take(size >> old), check, False
    except Refused as e:
        need(may_be_cut and "TRUNCATED" in str(e), "CORRUPT", "tiles end early")
    left, r.at = r.data[start:], len(r.data)
    head = next((i + 5 for i, b in enumerate(left) if b < 128), len(left))
    return left[head:], 0, True


def is_whole(code, check, shape):
    """Whether code that should have lost its end gives the samples of the check."""
    try:
        decode_tile(code, check, False, *shape)
        return True
    except Refused:
        return False


def decode_picture(head, code):
    """-> picture [H, W, 3 or 1] of a file without a network."""
    r, rows, checks, old = Reader(code), [], b"", head["version"] == 2
    channels, depth = (1 if head["grey"] else 3), (16 if head["deep"] else 8)
    if not head["tiled"] and not old:
        shape = head["height"], head["width"], channels, depth
        need(not head["cut"] or not is_whole(code, head["check"], shape), "CORRUPT", "damaged, not cut")
        return decode_tile(code, head["check"], head["cut"], *shape)
    for top, bottom in head["tiles"][0]:
        row = []
        for left, right in head["tiles"][1]:
            part, check, cut = next_tile(r, head["cut"], old)
            row.append(decode_tile(part, check, cut, min(bottom, head["height"]) - top, min(right, head["width"]) - left,
                                   channels, depth, old))
            checks += check.to_bytes(4, "little")
        rows.append(np.concatenate(row, 1))
    need(r.at == len(code), "CORRUPT", "bytes behind the last tile")
    need(head["cut"] or zlib.crc32(checks) == head["check"], "CORRUPT", "check of the tiles' checks")
    need(cut or not head["cut"], "CORRUPT", "damaged, not cut")
    return np.concatenate(rows)


def overlay_exact(head, picture, scale):
    """Puts the blocks that are kept exactly over a picture, or their means over a preview."""
    chunk = next((c for c in head["chunks"] if c[0] == b"Exac"), None)
    r, depth = Reader(chunk[1] if chunk else b""), 16 if head["deep"] else 8
    for top, bottom in head["tiles"][0] if chunk else ():
        for left, right in head["tiles"][1]:
            size = r.varint()
            if not size:
                continue
            check, code = r.number(4), r.take(size, "CORRUPT")
            h, w = min(bottom, head["height"]) - top, min(right, head["width"]) - left
            rows, mask = decode(code, w, h, picture.shape[2], depth, masked=True)
            tile = np.array(rows, "<u2" if depth == 16 else "u1").reshape(h, w, -1)
            shown = np.repeat(np.repeat(np.array(mask, bool), 16, 0), 16, 1)[:h, :w]
            need(zlib.crc32(tile[shown].tobytes()) == check, "CORRUPT", "check of exact blocks")
            if scale > 1:
                tile, shown = preview(tile, scale), shown[::scale, ::scale]
            part = picture[top // scale:, left // scale:][:tile.shape[0], :tile.shape[1]]
            part[shown] = tile[shown]
    need(r.at == len(r.data), "CORRUPT", "bytes behind the last tile")
    return picture


def read_alpha(head):
    """-> [H, W], uint8 or uint16; None: all is opaque."""
    chunk = next((c for c in head["chunks"] if c[0] == b"Alph"), None)
    if chunk is None:
        return read_old_alpha(head)
    r, rows, most = Reader(chunk[1]), [], max((1 << 20) // head["width"], 1)
    for top in range(0, head["height"], most):
        code, check, _ = next_tile(r, False)
        rows.append(decode_tile(code, check, False, min(most, head["height"] - top), head["width"], 1, 16 if head["deep"] else 8))
    need(r.at == len(chunk[1]), "CORRUPT", "bytes behind the last stripe")
    return np.concatenate(rows)[:, :, 0]


def preview(picture, n):
    """Means of n x n, rounded."""
    h, w, c = picture.shape
    out = np.zeros((-(-h // n), -(-w // n), c), picture.dtype)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            block = picture[n * y:n * y + n, n * x:n * x + n].reshape(-1, c).astype(int)
            out[y, x] = (block.sum(0) + len(block) // 2) // len(block)
    return out
