"""Training tiles held on the device, and random crops of them."""
import fnmatch
import glob
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

TILE = 512
SCREENS_REDUCED = 0.4       # how often a screen is reduced where a photograph is


class Tiles:
    """uint8 N,3,tile,tile on the device, the first `n` of them filled; `poll` adds shards that have appeared since. The
    indices of photographs and of screens (text and drawings: shards that match SCREENS) are lists on the device with
    their lengths, so that captured steps see them grow."""
    SCREENS = "shard-4*"

    def __init__(self, pattern, device, capacity=2048, tile=TILE):
        self.pattern, self.tile, self.seen, self.n = pattern, tile, set(), 0
        self.places = {kind: torch.zeros(capacity, dtype=torch.long, device=device)
                       for kind in ("photographs", "screens")}
        self.counts = {kind: torch.zeros((), device=device) for kind in self.places}
        if pattern == "random":
            self.data = torch.randint(0, 256, (16, 3, tile, tile), dtype=torch.uint8, device=device)
            self.add("photographs", 16)
        else:
            self.data = torch.empty(capacity, 3, tile, tile, dtype=torch.uint8, device=device)
            self.poll()
            if not self.n:
                raise SystemExit(f"no tiles of {tile}x{tile} in {pattern}")

    def add(self, kind, more):
        """Count the next `more` tiles as of that kind."""
        held = int(self.counts[kind])
        self.places[kind][held:held + more] = torch.arange(self.n, self.n + more)
        self.counts[kind] += more
        self.n += more

    def draw(self, batch, screens):
        """Indices of random tiles, a share of them screens if there are any. -> indices, flags of screens"""
        u = torch.rand(batch, device=self.data.device)
        screen = (torch.rand_like(u) < screens) & (self.counts["screens"] > 0)
        each = [self.places[kind][(u * self.counts[kind]).long()] for kind in ("screens", "photographs")]
        return torch.where(screen, *each), screen

    def decode(self, file):
        try:
            a = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        except OSError:
            return None
        return a[:self.tile, :self.tile].transpose(2, 0, 1) if min(a.shape[:2]) >= self.tile else None

    def poll(self):
        for name in sorted(set(glob.glob(self.pattern)) - self.seen):
            self.seen.add(name)
            with tarfile.open(name) as tar:
                files = [tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()]
            with ThreadPoolExecutor() as pool:
                tiles = [a for a in pool.map(self.decode, files) if a is not None][:len(self.data) - self.n]
            if tiles:
                self.data[self.n:self.n + len(tiles)].copy_(torch.from_numpy(np.stack(tiles)))
                self.add("screens" if fnmatch.fnmatch(os.path.basename(name), self.SCREENS) else "photographs",
                         len(tiles))


def _resampling(batch, size, tile, shrink, device):
    """Matrices batch,size,tile that crop, flip and reduce one axis: Lanczos-3 at scale 1/shrink.

    For shrink 1 the window starts at a whole pixel and the rows are exact unit vectors.
    """
    start = torch.rand(batch, device=device) * (tile - size * shrink)
    start = torch.where(shrink == 1, (torch.rand(batch, device=device) * (tile - size + 1)).floor(), start)
    k = torch.arange(size, device=device, dtype=torch.float32) + 0.5
    k = torch.where(torch.rand(batch, 1, device=device) < 0.5, size - k, k)
    centre = start[:, None] + k * shrink[:, None] - 0.5
    d = (torch.arange(tile, device=device) - centre[..., None]) / shrink[:, None, None]
    w = torch.where(d.abs() < 3, torch.sinc(d) * torch.sinc(d / 3), torch.zeros_like(d))
    return w / w.sum(-1, keepdim=True)


def _some(batch, share, device):
    """Flags B,1,1,1: `share` of them set."""
    return torch.rand(batch, 1, 1, 1, device=device) < share


def sample(tiles, batch, size, reduced=0.5, grey=0.15, exchanged=0.0, darker=0.0, screens=0.0):
    """Random crops B,size,size,3 in [0,1], flipped and transposed. Shares of them are reduced by up to 2, desaturated a
    little, have their colours exchanged, or are made darker by up to one half, so that few tiles make more pictures. A
    share comes from screens, that is text and drawings. These keep their colours, and most keep their size, since
    single pixels matter there."""
    tile, device = tiles.tile, tiles.data.device
    dtype = torch.float16 if tiles.data.is_cuda else torch.float32
    places, screen = tiles.draw(batch, screens)
    x = tiles.data[places].to(dtype)
    shrink = 1 + torch.rand(batch, device=device) * (min(2.0, tile / size) - 1)
    shrink = torch.where(torch.rand(batch, device=device) < torch.where(screen, reduced * SCREENS_REDUCED, reduced),
                         shrink, torch.ones_like(shrink))
    rows, columns = (_resampling(batch, size, tile, shrink, device).to(dtype)[:, None] for _ in range(2))
    x = rows @ x @ columns.transpose(-1, -2)
    x = torch.cat([x[:batch // 2], x[batch // 2:].transpose(-1, -2)]).float()
    luma = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    amount = torch.rand(batch, 1, 1, 1, device=device)
    amount = torch.where(_some(batch, grey, device) & ~screen[:, None, None, None], amount * 0.7,
                         torch.zeros_like(amount))
    x = x + (luma - x) * amount
    if exchanged:
        order = torch.rand(batch, 3, device=device).argsort(1)[:, :, None, None].expand_as(x)
        x = torch.where(_some(batch, exchanged, device), x.gather(1, order), x)
    if darker:
        light = 1 - torch.rand(batch, 1, 1, 1, device=device) / 2
        x = torch.where(_some(batch, darker, device), x * light, x)
    return (x.round().clamp(0, 255) / 255).permute(0, 2, 3, 1).contiguous()
