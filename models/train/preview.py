"""The head for previews: a convolution from the latents of the first slices to the colours behind each latent.

A decoder with it shows a small picture from the first slices alone, without g_s. There are side x side colours for the
16 x 16 pixels behind a latent, so the picture has side / 16 of the size. It is a 3x3 convolution whose weights depend on
the rate level as those of RateAffine do: one set per level, linear between two. That makes it a linear function of its
weights, and `fit` finds the best ones at once, by least squares over tiles at levels drawn at random, by what the network
itself makes of them (float32, on the CPU). The same tiles, network and library give the same weights again, on any number
of processors. Means of a head's weights are the head of a smaller side: the best guess of a mean is the mean of the best
guesses.
"""
import glob
import io
import multiprocessing
import tarfile

import numpy as np
import torch
from PIL import Image

from tables import counted_symbols

SIDE, TAPS = 512, 9
RIDGE = 1e-6                # of the mean square of an input: for inputs that are the same everywhere


def tiles(pattern, count):
    """`count` pictures SIDE x SIDE, float 0..1, evenly drawn from the tar files."""
    files = sorted(glob.glob(pattern))
    if not files:
        raise OSError(f"{pattern}: no such file")
    for i, name in enumerate(files):
        with tarfile.open(name) as tar:
            members = [m for m in tar.getmembers() if m.isfile()]
            n = count * (i + 1) // len(files) - count * i // len(files)
            for j in range(n):
                data = tar.extractfile(members[j * len(members) // n]).read()
                a = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[:SIDE, :SIDE]
                h, w = a.shape[0] // 64 * 64, a.shape[1] // 64 * 64
                yield torch.from_numpy(a[:h, :w].copy()).float() / 255


def latents(net, x, level, channels):
    """y_hat of the first channels, after the inverse gains: h, w, channels."""
    mix = net.mix(torch.tensor([level]))
    gain, igain = net.gains(mix)
    with torch.no_grad():
        y_hat = net.entropy(net.g_a(x[None] - 0.5, mix) * gain, mix, noise=False)[0] * igain
    return y_hat[0, ..., :channels].double().numpy()


def neighbours(y):
    """What the convolution sees at each position, and 1 for its bias: h * w, TAPS * channels + 1. Zeros lie outside."""
    h, w, _ = y.shape
    p = np.pad(y, ((1, 1), (1, 1), (0, 0)))
    seen = [p[i:i + h, j:j + w] for i in range(3) for j in range(3)] + [np.ones((h, w, 1))]
    return np.concatenate(seen, -1).reshape(h * w, -1)


def means(x, side):
    """Of the side x side blocks of 16 x 16 pixels each, minus 0.5: h * w, 3 side^2."""
    h, w, _ = x.shape
    blocks = x.double().numpy().reshape(h // 16, side, 16 // side, w // 16, side, 16 // side, 3).mean((2, 5))
    return blocks.transpose(0, 2, 1, 3, 4).reshape(-1, 3 * side * side) - 0.5


def observe(net, channels, side, job):
    """job: picture, level. -> the level, y_hat as `latents` gives it, the means to be found from it, the symbols that
    were coded, as tables.py counts them"""
    x, level = job
    with counted_symbols(net) as counts:
        return level, latents(net, x, level, channels), means(x, side), counts


_network = None             # of a process of the pool, its channels and the side


def _begin(*network):
    global _network
    torch.set_num_threads(1)
    _network = network


def _work(job):
    return observe(*_network, job)


def observations(net, channels, side, jobs, processes=1):
    """What `observe` makes of the jobs, in their order. Processes of one thread each do not wait for each other."""
    if processes == 1:
        yield from (observe(net, channels, side, job) for job in jobs)
        return
    with multiprocessing.get_context("spawn").Pool(processes, _begin, (net, channels, side)) as pool:
        yield from pool.imap(_work, jobs)


def normal_equations(observed, levels):
    """-> [levels, levels, n, n] as a dict of the blocks that are not zero, [levels, n, outputs]; n = TAPS channels + 1.
    And all symbols."""
    left, right, counts = {}, {}, (0, 0)
    for level, y, b, symbols in observed:
        low = min(int(level), levels - 2)
        share = {low: 1 - (level - low), low + 1: level - low}
        a = neighbours(y)
        square, product = a.T @ a, a.T @ b
        for i, f in share.items():
            right[i] = right.get(i, 0) + f * product
            for j, g in share.items():
                left[i, j] = left.get((i, j), 0) + f * g * square
        counts = tuple(a + b for a, b in zip(counts, symbols))
    return left, right, counts


def solve(left, right, levels):
    """-> weights [levels, outputs, TAPS, channels], biases [levels, outputs]"""
    n, outputs = next(iter(right.values())).shape
    a, b = np.zeros((levels * n, levels * n)), np.zeros((levels * n, outputs))
    for (i, j), block in left.items():
        a[i * n:(i + 1) * n, j * n:(j + 1) * n] = block
    for i, block in right.items():
        b[i * n:(i + 1) * n] = block
    a[np.diag_indices_from(a)] += RIDGE * np.trace(a) / len(a)
    w = np.linalg.solve(a, b).reshape(levels, n, outputs).transpose(0, 2, 1)
    return w[:, :, :-1].reshape(levels, outputs, TAPS, -1).astype("<f4"), w[:, :, -1].astype("<f4")


def fit(net, pattern, slices=3, count=400, seed=1, processes=1, side=1):
    """The two tensors of a weights file, from `count` tiles, and the symbols that were coded meanwhile."""
    channels, rng = sum(net.slices[:slices]), np.random.RandomState(seed)
    jobs = ((x, rng.uniform(0, net.levels - 1)) for x in tiles(pattern, count))
    left, right, counts = normal_equations(observations(net, channels, side, jobs, processes), net.levels)
    weight, bias = solve(left, right, net.levels)
    return {"preview.weight": weight, "preview.bias": bias}, counts
