"""The slow decoder's file, chunks and range coder: sections 1, 2 and 5 of codec/FORMAT.md."""
import zlib

import numpy as np


class Refused(Exception):
    """Carries the status of codec/lic.h that the specification asks for."""


def need(ok, status, what):
    if not ok:
        raise Refused(f"{status}: {what}")


# ---- sections 1 and 2: the file -------------------------------------------------------------------

class Reader:
    """Numbers at the beginning of bytes that are left."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n, status="TRUNCATED"):
        need(self.at + n <= len(self.data), status, "ends early")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")

    def varint(self):
        """A number in groups of 7 bits."""
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
    head["version"] = flags & 7
    need(head["version"] in (1, 2, 3), "VERSION", f"{flags:02x}")
    head["width"], head["height"] = r.varint() + 1, r.varint() + 1
    need(max(head["width"], head["height"]) <= 65535, "CORRUPT", "size")
    padded = [-(-head[k] // 64) * 64 for k in ("height", "width")]
    tile, head["tiled"] = padded, bool(flags & 0x80)
    if head["tiled"]:
        tile = [(r.number(1) + 1) * 64 for _ in range(2)][::-1]
    head["tiles"] = [[(a, min(a + t, n)) for a in range(0, n, t)] for n, t in zip(padded, tile)]
    head["grey"], head["deep"], head["srgb"] = bool(flags & 0x20), bool(flags & 0x40), bool(flags & 0x08)
    head["model"], head["quality"] = (r.number(4), r.number(2)) if head["version"] < 3 else (0, 65535)
    head["check"] = r.number(4)
    need(head["version"] == 1 or head["model"] == 0, "VERSION", "tiles of several kinds")
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
        kind = r.take(1, "CORRUPT")
        if head["version"] < 3 or kind != bytes(1):
            kind += r.take(3, "CORRUPT")
        if not any(kind):
            need(1 <= len(found) <= 16 - head["srgb"], "CORRUPT", "number of chunks")
            return found
        need(kind[:1].isalpha() and all(32 <= c < 127 for c in kind[1:]), "CORRUPT", "type of chunk")
        need(not kind[:1].isupper() or kind in (b"Alph", b"Exac"), "VERSION", f"critical chunk {kind}")
        packed, unpacked = r.varint(), r.varint()
        row = head["width"] * (2 if head["deep"] else 1)
        known = {b"Alph": head["height"] * row, b"alph": head["height"] * (1 + row),
                 b"Exac": -(-head["height"] // 16) * -(-head["width"] // 16)}
        need(unpacked == known.get(kind, unpacked) and (kind in known or unpacked <= 64 << 20), "CORRUPT", "long chunk")
        need(kind != b"Exac" or head["version"] == 1, "CORRUPT", "exact blocks in a lossless file")
        found.append((kind, r.take(packed, "CORRUPT"), unpacked))


def read_old_alpha(head):
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
    """The range coder of FORMAT.md, decoding."""

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

    def biased_bit(self, p):
        """1 with probability p / 65536."""
        share = (self.range >> 16) * p
        b = self.code < share
        self.take(0 if b else share, share if b else self.range - share)
        return int(b)

    def symbol(self, table):
        """A symbol by a table of 16-bit cumulated frequencies."""
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
        """A value beyond the table: a side, and an Exp-Golomb code."""
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
        """Checks that the code is as long as its symbols want it."""
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
