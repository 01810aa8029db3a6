"""Golden activations for the C tests: a tiny network with random weights, and what each layer puts out.

    golden.py [FOLDER]          default: tests/golden

writes tiny.licw (through export.py, so the writer is tested too) and three dumps, and integers.licw, the same network
with layers in integers, and its dump; tests/golden/README.md says what is in them and how they are laid out. The
networks run in double precision on the weights as they are in the file, so a test measures its own error, not that of another float32 program.

Random numbers come from numpy's RandomState, whose streams are frozen: the files are the same wherever
they are made (the dumps up to the last bit of a few values).
"""
import contextlib
import math
import os
import re
import struct
import sys
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F

import licw_file
import model
import tables
import transforms

SIGNATURE = b"licgold1"
SEED = 20240314
FULL, BLOCK, LEAF = 1 << 30, 200, 64       # most values kept of a record

# All paths of the family; no width is a multiple of 16, heads and blocks differ from stage to stage.
TINY = dict(ch=(5, 10, 15), depth=(2, 1, 2), m=11, n=5, growth=3, head_dim=5, slices=(2, 4, 5), hyper=14,
            dim=10, gdim=12, hid=12, heads=4)

# Every layer that may be in integers but the first: samples of 8 bits fall on halves, which another rounding before
# would decide.
INTEGERS = tuple(map(re.escape, (
    ".attn.", ".fc", ".down2", ".down3", ".down4", ".up", ".enh.", "h_a.", "h_s.", ".inp", ".ac.c1", ".ac.c2", ".ag.q",
    ".ag.kv", ".ag.off.", ".ag.out", "map.", ".local.", ".ep_", ".lrp.")))

# Standard deviations of some weights, relative to variance-preserving ones: keeps the activations where the
# nonlinearities bend, the offsets of AG up to a grid step and the scales beyond both ends of their range.
SIZES = ((".down2.conv.weight", 0.6), (".down3.conv.weight", 0.6), (".down4.conv.weight", 0.3),
         (".up2.conv.weight", 0.5), (".up3.conv.weight", 0.5), ("g_s.up4.conv.weight", 0.2), (".fc2.weight", 2.0),
         ("h_a.c.0.conv.weight", 0.4), (".ac.inp.weight", 0.4), (".ag.inp.weight", 0.4), (".local.conv.weight", 0.3),
         ("ag.off.weight", 2.0), ("ag.q.weight", 3.0), ("lrp.0.weight", 0.4))


# ---- network --------------------------------------------------------------------------------------

def tiny_codec(seed=SEED, integers=()):
    """Every parameter random and of a size that matters, those that start at zero in training included."""
    rng, net = np.random.RandomState(seed), model.Codec(**TINY, integers=integers)
    for name, p in net.named_parameters():
        r, leaf = rng.standard_normal(tuple(p.shape)), f".{name}".split(".")[-2:]
        if name.startswith("prior."):
            continue
        if ".cpb." in name:
            value = r * (0.3 if name.endswith("2.weight") else 1.0)
        elif leaf[1] == "logit_scale":
            value = math.log(10) + 0.5 * r
        elif "norm" in leaf[0]:
            value = 0.6 + 0.2 * r if leaf[1] == "weight" else 0.1 * r
        elif leaf[1] == "w":                                     # rate affines
            value = 0.15 * r
        elif name in ("gain", "igain", "zgain", "izgain"):
            sign, size = (-1 if name[0] == "i" else 1), (np.linspace(0.5, 3, 8) if "z" not in name else np.full(8, 0.5))
            value = sign * size[:, None] + 0.1 * r
        elif leaf[1] == "bias":
            value = 0.1 * r
        else:
            value = r * p[0].numel() ** -0.5 * next((f for end, f in SIZES if name.endswith(end)), 1)
        p.data = torch.from_numpy(value).float()
    net.g_a.st3.blocks[1].attn.logit_scale.data[0] = 5.0         # beyond the limit of log 100
    for ctx in net.ctx:                                          # scales across both ends of the range
        for ep in (ctx.ep_anchor, ctx.ep_non):
            half = len(ep.l[2].bias) // 2
            ep.l[2].bias.data[half:] = ep.l[2].bias.data[half:] * 20 + 0.5
            ep.l[2].weight.data[half:] *= 3.0
    random_prior(net.prior, rng)
    return net.eval().requires_grad_(False)


def random_prior(prior, rng):
    """Densities of odd shapes: off centre, wide, narrow."""
    for group, size in ((prior.h, 0.3), (prior.b, 0.3), (prior.a, 0.5)):
        for p in group:
            base = p.data if group is prior.h else torch.zeros_like(p)
            p.data = base + size * torch.from_numpy(rng.standard_normal(tuple(p.shape))).float()
    slope = F.softplus(prior.h[0].data)
    for c, (centre, width) in enumerate(((0, 1), (-4, 0.5), (1, 2), (7, 0.2), (0, 0.05))):
        narrow = slope[c] / width
        prior.h[0].data[c] = torch.log(torch.expm1(narrow))
        prior.b[0].data[c] -= narrow * centre


# ---- double precision -----------------------------------------------------------------------------

@contextlib.contextmanager
def double_precision():
    """The networks ask for float32 in places; under this they get float64 there."""
    transforms._masks.clear()
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double), \
            mock.patch.object(torch, "float32", torch.float64), torch.no_grad():
        yield
    transforms._masks.clear()


# ---- dump -----------------------------------------------------------------------------------------

class Dump:
    """Records in order. Of a tensor with more than `most` values, the values 0, step, 2 step, ... of the
    flattened tensor are kept under the name "NAME%step"; the step is a prime that divides no dimension."""
    def __init__(self):
        self.records = []

    def add(self, name, t, most=FULL):
        t = np.asarray(t.detach().numpy() if isinstance(t, torch.Tensor) else t, np.float64)
        assert np.isfinite(t).all() and 1 <= t.ndim <= 4, name
        if t.size > most:
            step = next(s for s in range(-(-t.size // most), t.size)
                        if all(s % d for d in range(2, math.isqrt(s) + 1)) and all(n % s for n in t.shape))
            name, t = f"{name}%{step}", t.reshape(-1)[::step]
        assert name not in (n for n, _ in self.records), name
        self.records.append((name, t.astype("<f4")))

    def hook(self, net):
        """Records the output of every layer and block inside `net` as it is computed."""
        block = (model.RSTB, model.SwinV2Block, model.DenseBlock, model.Conv, model.UpConv, model.RateAffine,
                 model.AdaptiveChannel, model.AdaptiveGlobal, model.SpatialMap, model.ChannelMap)
        handles = []
        for name, mod in net.named_modules():
            leaf = isinstance(mod, (torch.nn.Linear, torch.nn.LayerNorm))
            inner = ".cpb" in name or name.endswith(".l.2") or ".lrp." in name
            if (leaf or isinstance(mod, block)) and not inner and name != "hrate":
                most = BLOCK if isinstance(mod, block) and ".blocks.0." not in name else LEAF
                handles.append(mod.register_forward_hook(
                    lambda _, __, out, name=name, most=most: self.add(name, _channels_last(out), most)))
        return handles

    def write(self, path):
        with open(path, "wb") as f:
            f.write(SIGNATURE)
            for name, t in self.records:
                dims = list(t.shape) + [1] * (4 - t.ndim)
                f.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<5I", t.ndim, *dims) + t.tobytes())


def read_dump(path):
    """-> {name: array}, in order."""
    with open(path, "rb") as f:
        raw = f.read()
    assert raw[:8] == SIGNATURE
    at, out = 8, {}
    while at < len(raw):
        n, = struct.unpack_from("<I", raw, at)
        name = raw[at + 4:at + 4 + n].decode()
        rank, *dims = struct.unpack_from("<5I", raw, at + 4 + n)
        at += 24 + n
        out[name] = np.frombuffer(raw, "<f4", math.prod(dims), at).reshape(dims[:rank])
        at += 4 * math.prod(dims)
    return out


def _channels_last(t):
    """1,H,W,C -> H,W,C; windows,64,C stay as they are."""
    return t[0] if t.shape[0] == 1 else t


# ---- one run --------------------------------------------------------------------------------------

class Slices:
    """The slice loop of model.SliceModel.forward with everything in it recorded, and with the symbols of
    the decoder if there are any."""
    def __init__(self, net, licw, dump):
        self.net, self.dump = net, dump
        lo, hi = licw.tensors["scale.range"].astype(np.float64)
        self.lo, self.hi = float(lo), float(hi)
        self.tables = tables.unpack_tables(licw.tensors, "y")
        self.bits, self.escapes = 0.0, 0

    def index(self, s):
        n = len(self.tables)
        return torch.round((s.clamp(self.lo, self.hi) - self.lo) * ((n - 1) / (self.hi - self.lo)))

    def count(self, symbols, index):
        for v, i in zip(symbols.flatten().long().tolist(), index.flatten().long().tolist()):
            first, f = self.tables[i]
            k = v - first if 0 <= v - first < len(f) - 1 else len(f) - 1
            self.bits -= math.log2(f[k] / tables.TOTAL)
            self.escapes += k == len(f) - 1

    def run(self, hyper, target, draw):
        """target: y of the encoder, or None; then draw(scale) gives symbols. -> y_hat"""
        h, w = hyper.shape[1:3]
        even = (torch.arange(h)[:, None] + torch.arange(w)[None]) % 2 == 0
        anchor, prev, at = even[None, :, :, None].to(hyper), None, 0
        for i, (size, net) in enumerate(zip(self.net.slices, self.net.ctx)):
            y = None if target is None else target[..., at:at + size]
            prev = self.slice(f"ctx.{i}", net, hyper, prev, anchor, y, draw)
            at += size
        return prev

    def slice(self, name, net, hyper, prev, anchor, y, draw):
        add = self.dump.add

        def code(mu, s, mask):
            v = torch.round(y - mu) if y is not None else draw(s)
            return v * mask

        ctx = hyper if prev is None else torch.cat([hyper, net.ac(prev), net.ag(prev, hyper)], -1)
        mu_a, s_a = net.ep_anchor(ctx)
        v_a = code(mu_a, s_a, anchor)
        y_a = (v_a + mu_a) * anchor
        mu_n, s_n = net.ep_non(torch.cat([ctx, net.local(y_a)], -1))
        v_n = code(mu_n, s_n, 1 - anchor)
        v, s = v_a + v_n, s_a * anchor + s_n * (1 - anchor)
        y_hat = y_a + (v_n + mu_n) * (1 - anchor)
        index = self.index(s)
        self.count(v, index)
        lrp = net.residual(hyper, prev, y_hat)
        for key, t in (("mu_anchor", mu_a), ("scale_anchor", s_a), ("mu_non", mu_n), ("scale_non", s_n),
                       ("symbols", v), ("index", index), ("lrp", lrp), ("y_hat", y_hat + lrp)):
            add(f"{name}.{key}", t[0], FULL if key == "symbols" else 2 * BLOCK)
        return y_hat + lrp if prev is None else torch.cat([prev, y_hat + lrp], -1)


def z_bits(z_tables, z):
    bits, escapes = 0.0, 0
    for c, (first, f) in enumerate(z_tables):
        for v in z[..., c].flatten().long().tolist():
            k = v - first if 0 <= v - first < len(f) - 1 else len(f) - 1
            bits -= math.log2(f[k] / tables.TOTAL)
            escapes += k == len(f) - 1
    return bits, escapes


def run(net, licw, level, picture=None, latents=None, layers=False):
    """Encoder and decoder of a picture [H,W,3], or the decoder on random symbols of shape latents = (H,W)."""
    dump = Dump()
    handles = dump.hook(net) if layers else []
    mix = net.mix(torch.tensor([level]).double())
    gy, igy, gz, igz = (torch.exp(mix @ g)[:, None, None] for g in (net.gain, net.igain, net.zgain, net.izgain))
    dump.add("level", [level])
    for name, g in (("gain", gy), ("igain", igy), ("zgain", gz), ("izgain", igz)):
        dump.add(name, g[0, 0, 0])
    z_tables, y, draw = tables.unpack_tables(licw.tensors, "z"), None, None
    if picture is not None:
        h, w = picture.shape[:2]
        x = np.pad(picture, ((0, -h % 64), (0, -w % 64), (0, 0)), mode="edge")
        dump.add("x", picture)
        x = torch.from_numpy(x)[None]
        y = net.g_a(x - 0.5, mix) * gy
        dump.add("y", y[0])
        z = net.h_a(y) * gz
        dump.add("z", z[0])
        z_q = torch.round(z)
    else:
        rng = np.random.RandomState(SEED + 1)
        shape = [n // 4 for n in latents]
        # the escape of a table stands for the first value beyond it
        z_q = np.stack([rng.choice(len(f), shape, p=f / f.sum()) + first for first, f in z_tables], -1)
        z_q = torch.from_numpy(z_q[None].astype(np.float64))

        def draw(s):
            return torch.round(torch.from_numpy(rng.standard_normal(tuple(s.shape))) * s.clamp(-2.2, 1.5).exp())
    dump.add("z.symbols", z_q[0])
    hyper = net.hrate(net.h_s(z_q * igz), mix)
    dump.add("h_s.out", hyper[0], 4 * BLOCK)
    slices = Slices(net, licw, dump)
    y_hat = slices.run(hyper, y, draw)
    dump.add("y_hat", y_hat[0], 4 * BLOCK)
    x_hat = net.g_s(y_hat * igy, mix) + 0.5
    dump.add("x_hat", x_hat[0], 10 * BLOCK)
    bits, escapes = z_bits(z_tables, z_q)
    dump.add("bits", [slices.bits, bits])
    dump.add("escapes", [slices.escapes, escapes])
    for h in handles:
        h.remove()
    return dump


def picture(h, w):
    """Edges, a gradient, texture and noise in 8 bits."""
    rng = np.random.RandomState(SEED + 2)
    r, c = np.mgrid[:h, :w]
    p = np.stack([90 + r + c / 2, 128 + 60 * np.sin(r / 3 + c / 7), 200 - 1.5 * r], -1)
    p[(r - 20) ** 2 + (c - 30) ** 2 < 150] = (220, 40, 60)
    p[:, w * 2 // 3:] = 255 - p[:, w * 2 // 3:]
    return np.clip(np.round(p + 12 * rng.standard_normal(p.shape)), 0, 255) / 255


def check(net, dump, level):
    """The slice loop above against Codec.forward."""
    d = dict(dump.records)
    x = np.pad(d["x"].astype(np.float64), [(0, -n % 64) for n in d["x"].shape[:2]] + [(0, 0)], mode="edge")
    x_hat, bits, _ = net(torch.from_numpy(x)[None], torch.tensor([level]).double(), noise=False)
    name, got = next((n, t) for n, t in d.items() if n.startswith("x_hat"))
    step = int(name.partition("%")[2] or 1)
    worst = np.abs(x_hat.numpy().reshape(-1)[::step] - got.reshape(-1)).max()
    assert worst < 1e-4, worst


def make(folder, name, integers, runs):
    path = os.path.join(folder, f"{name}.licw")
    licw_file.write_licw(path, tiny_codec(integers=integers), licw_file.complete({**TINY, "integers": integers}), name)
    net, licw = licw_file.load_codec(path, torch.float64)
    with double_precision():
        for file, level, args in runs:
            dump = run(net, licw, level, **args)
            dump.write(os.path.join(folder, file))
            if "picture" in args:
                check(net, dump, level)


def main(folder):
    runs = (("tiny.bin", 2.25, dict(picture=picture(40, 75), layers=True)), ("tiny-4x4.bin", 7.0, dict(latents=(4, 4))),
            ("tiny-12x16.bin", 4.625, dict(latents=(12, 16))))
    make(folder, "tiny", (), runs)
    single = np.float64(np.float32(picture(40, 75)))
    make(folder, "integers", INTEGERS, (("integers.bin", 5.5, dict(picture=single, layers=True)),))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../../tests/golden"))
