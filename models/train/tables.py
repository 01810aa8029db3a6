"""Frequency tables of the weights file (models/WEIGHTS.md): from a distribution to the whole numbers that the range
coder takes.

A table of y belongs to a scale. `gauss_tables` are what training assumes: Gaussians over unit bins. What a trained
network leaves at that scale is a little different, more pointed and with longer tails; `fitted_tables` are counted on
pictures, with the Gaussian for what is rare, and cost nothing in the program. A table of z belongs to a channel,
`prior_tables`, or to a channel and what lies to the left and above: `fitted_prior_tables`. All arithmetic is in double
precision.
"""
import contextlib
import math

import numpy as np
import torch
from scipy.special import expit, ndtr

import model

U16, I32 = np.dtype("<u2"), np.dtype("<i4")
TOTAL = 65536                       # of the frequencies of a table
TAIL = 2.0 ** -16                   # mass that may be left outside a table, per side
MAX_SYMBOLS = 4095                  # of one z table, escape included
FARTHEST = 1024                     # symbols beyond are counted as this one
PRIOR = 1000                        # so many symbols is the Gaussian worth beside those that were counted
NEAR = 3                            # neighbours of a symbol of z count as no more
CONTEXTS = 2 * NEAR + 1
Z_FARTHEST = 64
# as PRIOR: of the trained density for the counts of a channel, and of those for the counts of a context
Z_PRIOR = 50


def allot(p):
    """Integer frequencies, each at least 1, of sum TOTAL, that code symbols of probability p at the least
    cost. The cost is convex and separable, so moving single units until none helps gives the optimum."""
    p = np.asarray(p, np.float64)
    f = np.maximum(1, np.floor(p * TOTAL)).astype(np.int64)
    while True:
        gain = p * np.log1p(1 / f)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = np.where(f > 1, -p * np.log1p(-1 / f), np.inf)
        up, down = gain.argmax(), loss.argmin()
        left = TOTAL - f.sum()
        if left > 0:
            f[up] += 1
        elif left < 0:
            f[down] -= 1
        elif gain[up] > loss[down] * (1 + 1e-9):        # ties would swap for ever
            f[up] += 1
            f[down] -= 1
        else:
            return f


def gauss_tables():
    """One table for each scale: Gaussian of mean 0 over unit bins, values -K..K. -> [(first, p, outside)]"""
    tables = []
    for i in range(model.SIGMA_LEVELS):
        s = math.exp(model.LOG_MIN + i * (model.LOG_MAX - model.LOG_MIN) / (model.SIGMA_LEVELS - 1))
        k = 1
        while ndtr(-(k + 0.5) / s) >= TAIL:
            k += 1
        v = np.abs(np.arange(-k, k + 1))
        tables.append((-k, ndtr((0.5 - v) / s) - ndtr((-0.5 - v) / s), 2 * ndtr(-(k + 0.5) / s)))
    return tables


@contextlib.contextmanager
def counted_symbols(net):
    """-> counts of the symbols that the network codes inside the `with`: of y, [scales, 2 FARTHEST + 1], and of z,
    [channels, CONTEXTS, 2 Z_FARTHEST + 1]. Of bits it then tells nothing."""
    width, step = 2 * FARTHEST + 1, (model.LOG_MAX - model.LOG_MIN) / (model.SIGMA_LEVELS - 1)
    counts, plain = np.zeros((model.SIGMA_LEVELS, width), np.int64), (net.gauss_bits, net.prior.bits)
    z_counts = np.zeros((net.prior.h[0].shape[0], CONTEXTS, 2 * Z_FARTHEST + 1), np.int64)

    def see(v, s):
        table = ((s - model.LOG_MIN) / step).round().long().clamp(0, model.SIGMA_LEVELS - 1)
        at = table * width + v.long().clamp(-FARTHEST, FARTHEST) + FARTHEST
        counts.ravel()[:] += np.bincount(at.flatten().numpy(), minlength=counts.size)
        return torch.zeros_like(v)

    def see_z(z):
        v = z.numpy().round().astype(np.int64)
        at = np.arange(v.shape[-1]) * CONTEXTS + contexts(v)
        np.add.at(z_counts.reshape(-1, z_counts.shape[-1]), (at, v.clip(-Z_FARTHEST, Z_FARTHEST) + Z_FARTHEST), 1)
        return 0

    net.gauss_bits, net.prior.bits = see, see_z
    try:
        yield counts, z_counts
    finally:
        net.gauss_bits, net.prior.bits = plain


def contexts(v):
    """Which of its channel's tables a symbol of z has, by those to its left and above (codec/FORMAT.md, section 4). v:
    [..., h, w, channels]"""
    held = v.clip(-NEAR, NEAR)
    near = np.zeros_like(held)
    near[..., :, 1:, :] += held[..., :, :-1, :]
    near[..., 1:, :, :] += held[..., :-1, :, :]
    return near.clip(-NEAR, NEAR) + NEAR


def fitted_tables(counts):
    """One table for each scale, from what `counted_symbols` gives. Both signs count as one: neither is likelier. ->
    [(first, p, outside)]"""
    tables = []
    for n, (first, p, outside) in zip(counts, gauss_tables()):
        n, gauss = (n + n[::-1]).astype(np.float64), np.zeros(len(n))
        gauss[FARTHEST + first:FARTHEST - first + 1] = p
        p = (n + 2 * PRIOR * gauss) / (n.sum() + 2 * PRIOR)
        # mass at k and beyond, k = 1, 2, ...
        beyond = np.cumsum(p[::-1])[::-1][FARTHEST + 1:] + PRIOR * outside / (n.sum() + 2 * PRIOR)
        k = max(1, int((beyond >= TAIL).sum()))
        inside = p[FARTHEST - k:FARTHEST + k + 1]
        tables.append((-k, inside, max(0.0, 1 - inside.sum())))
    return tables


def prior_tables(prior, limit=1 << 24):
    """One table for each channel of z: the trained density over unit bins, wherever its mass is."""
    prior, n = prior.double(), prior.h[0].shape[0]

    def logits(x):      # [n, points] -> [n, points], rising along the points
        with torch.no_grad():
            return prior.logits(torch.from_numpy(np.asarray(x, np.float64))[:, None, :])[:, 0].numpy()

    def largest(test):  # the largest integer of each channel for which a falling test holds
        lo, hi = np.full(n, -limit), np.full(n, limit)
        while (hi - lo).max() > 1:
            mid = (lo + hi) // 2
            ok = test(mid)
            lo, hi = np.where(ok, mid, lo), np.where(ok, hi, mid)
        return lo

    below = largest(lambda v: expit(logits(v[:, None] - 0.5))[:, 0] < TAIL)
    above = largest(lambda v: expit(-logits(v[:, None] + 0.5))[:, 0] >= TAIL) + 1
    middle = largest(lambda v: logits(v[:, None] + 0.0)[:, 0] < 0)
    tables = []
    for c in range(n):
        first, last, most = int(below[c]), int(above[c]), MAX_SYMBOLS - 1
        if last - first >= most:                    # too wide: keep what is nearest to the median
            first = max(first, min(int(middle[c]) - most // 2, last - most + 1))
            last = min(last, first + most - 1)
        if max(last, 0) - min(first, 0) < most:     # the value 0 belongs to each table if it fits
            first, last = min(first, 0), max(last, 0)
        one = _channel(prior, c)
        edge = one(np.arange(first, last + 2) - 0.5)
        # the difference is taken on the side of the median where the sigmoids are small
        p = np.where(edge[1:] + edge[:-1] > 0, expit(-edge[:-1]) - expit(-edge[1:]),
                     expit(edge[1:]) - expit(edge[:-1]))
        tables.append((first, p, float(expit(edge[0]) + expit(-edge[-1]))))
    return tables


def fitted_prior_tables(prior, counts):
    """CONTEXTS tables for each channel of z over the values that `prior_tables` gives it, from what `counted_symbols`
    gives."""
    tables = []
    for (first, p, outside), seen in zip(prior_tables(prior), counts):
        values = np.arange(first, first + len(p))
        n = np.where(abs(values) < Z_FARTHEST, seen[:, values.clip(-Z_FARTHEST, Z_FARTHEST) + Z_FARTHEST], 0)
        n = np.append(n, (seen.sum(1) - n.sum(1))[:, None], 1)
        usual = n.sum(0) + Z_PRIOR * np.append(p, outside)
        n = n + Z_PRIOR * usual / usual.sum()
        tables += [(first, q[:-1], q[-1]) for q in n / n.sum(1, keepdims=True)]
    return tables


def _channel(prior, c):
    """logits of one channel as a function of an array of points (all channels at thousands would be slow)."""
    h, b, a = ([t[c:c + 1].detach().numpy() for t in ts] for ts in (prior.h, prior.b, prior.a))

    def logits(x):
        x = np.asarray(x, np.float64)[None, None]
        for i in range(len(h)):
            x = np.logaddexp(0, h[i]) @ x + b[i]
            x = x + np.tanh(a[i]) * np.tanh(x) if i < len(a) else x
        return x[0, 0]
    return logits


def pack_tables(name, tables):
    """[(first, p, outside)] -> the three tensors of a set, and [entropy, overhead] in bits per table."""
    cum, start, firsts, cost = [], [0], [], []
    for first, p, outside in tables:
        f = allot(np.append(p, outside))
        cum.append(np.cumsum(f) - f)
        start.append(start[-1] + len(f))
        firsts.append(first)
        # What lies outside pays for its Golomb code as well: about 3 bits so near to the table.
        used = np.append(p, outside)
        used = np.where(used > 0, used, 1e-300)
        entropy = -(used * np.log2(used)).sum()
        cost.append((entropy, -(used * np.log2(f / TOTAL)).sum() + 3 * outside - entropy))
    return {f"cdf.{name}.cum": np.concatenate(cum).astype(U16), f"cdf.{name}.start": np.array(start, I32),
            f"cdf.{name}.first": np.array(firsts, I32)}, np.array(cost)


def unpack_tables(tensors, name):
    """-> [(first, frequencies)]; the last frequency is that of the escape."""
    cum, start, first = (tensors[f"cdf.{name}.{k}"] for k in ("cum", "start", "first"))
    out = []
    for i in range(len(first)):
        f = np.diff(np.append(cum[start[i]:start[i + 1]].astype(np.int64), TOTAL))
        out.append((int(first[i]), f))
    return out
