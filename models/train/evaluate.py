"""Rate (estimated bits, hard rounding), PSNR and MS-SSIM of weights on pictures, and BD-rate against a published codec.

evaluate.py student.json --weights 'PREFIX.*.pt' --pictures 'KODAK/*.png' [--levels 0.58,1.69] [--anchor VTM.json]
evaluate.py student.json --weights student.licw ...
evaluate.py ... --tile 256        coded in tiles of this many pixels a side, a multiple of 64, as large pictures are
"""
import argparse
import glob
import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import model as M
from train import load_state, read_config

LEVELS = (0.58, 1.69, 2.78, 3.88, 4.98, 6.08)


def read_picture(name):
    """-> 1,H,W,3 in [0,1]"""
    return torch.from_numpy(np.asarray(Image.open(name).convert("RGB")).copy()).float()[None] / 255


def ms_ssim(x, y, weights=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
    """Multi-scale structural similarity (Wang 2003) of 1,H,W,3 pictures in [0,1]; mean of the three colours."""
    x, y = (t.permute(3, 0, 1, 2).double() for t in (x, y))     # variances of flat parts are differences: no TF32
    g = torch.exp(-(torch.arange(11, device=x.device, dtype=x.dtype) - 5) ** 2 / (2 * 1.5 ** 2))
    g = g / g.sum()
    blur = lambda t: F.conv2d(F.conv2d(t, g.view(1, 1, 1, -1)), g.view(1, 1, -1, 1))
    result = torch.ones(3, device=x.device, dtype=x.dtype)
    for i, w in enumerate(weights):
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        value = (2 * vxy + 0.03 ** 2) / (vx + vy + 0.03 ** 2)
        if i + 1 == len(weights):
            value = value * (2 * mx * my + 0.01 ** 2) / (mx * mx + my * my + 0.01 ** 2)
        result = result * value.mean((1, 2, 3)).clamp_min(0) ** w
        x, y = (F.avg_pool2d(t, 2, padding=(t.shape[2] % 2, t.shape[3] % 2)) for t in (x, y))
    return result.mean().item()


def in_tiles(net, x, q, side):
    """Like net(x, q, noise=False), but the latents are coded in tiles."""
    mix, n = net.mix(q), side // 16
    gy, igy = net.gains(mix)
    y, bits = net.analyse(x - 0.5, mix) * gy, [0, 0]
    h, w, _ = y.shape[1:]
    y_hat = torch.zeros_like(y)
    for r in range(0, h, n):
        for c in range(0, w, n):
            sides = M.OpenSides(torch.tensor([[c > 0, r > 0, c + n < w, r + n < h]], device=x.device))
            y_hat[:, r:r + n, c:c + n], *b = net.entropy(y[:, r:r + n, c:c + n], mix, noise=False, sides=sides)
            bits = [i + j for i, j in zip(bits, b)]
    return (net.g_s(y_hat * igy, mix) + 0.5, *bits)


@torch.no_grad()
def code(net, x, level, tile=0):
    """Bits per pixel, PSNR and MS-SSIM of one picture, as the decoder would show it (8 bits)."""
    h, w = x.shape[1:3]
    padded = F.pad(x.permute(0, 3, 1, 2), (0, -w % 64, 0, -h % 64), mode="replicate").permute(0, 2, 3, 1)
    q = torch.tensor([float(level)], device=x.device)
    y, y_bits, z_bits = in_tiles(net, padded, q, tile) if tile else net(padded, q, noise=False)
    y = (y[:, :h, :w].clamp(0, 1) * 255).round() / 255
    return ((y_bits + z_bits) / (h * w)).item(), -10 * math.log10((y - x).square().mean().item()), ms_ssim(x, y)


def bd_rate(anchor, test):
    """Bjontegaard delta rate in per cent: cubic fit of log rate over PSNR, on the common range. Points: (bpp, PSNR)."""
    a, t = np.array(sorted(anchor)), np.array(sorted(test))
    lo, hi = max(a[0, 1], t[0, 1]), min(a[-1, 1], t[-1, 1])
    integral = [np.polyint(np.polyfit(p[:, 1], np.log(p[:, 0]), 3)) for p in (a, t)]
    area = [np.polyval(i, hi) - np.polyval(i, lo) for i in integral]
    return (math.exp((area[1] - area[0]) / (hi - lo)) - 1) * 100


def read_anchor(name, points=6):
    """The lowest points of a CompressAI result file."""
    with open(name) as f:
        r = json.load(f)["results"]
    return sorted(zip(r["bpp"], r["psnr-rgb"] if "psnr-rgb" in r else r["psnr"]))[:points]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--weights", required=True, help="FILE.licw or a pattern of .pt parts")
    ap.add_argument("--pictures", required=True, help="pattern of picture files")
    ap.add_argument("--set", default="{}", help="JSON object that overrides the configuration, as in training")
    ap.add_argument("--levels", default=",".join(map(str, LEVELS)))
    ap.add_argument("--anchor", help="result file in CompressAI's format")
    ap.add_argument("--tile", type=int, default=0, help="pixels, a multiple of 64 (default: the whole picture at once)")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("-v", "--verbose", action="store_true", help="print every picture")
    a = ap.parse_args()
    if a.weights.endswith(".licw"):
        from licw_file import load_codec
        net = load_codec(a.weights)[0]
    else:
        net = M.Codec(**read_config(a.config, a.set)["model"])
        net.load_state_dict(load_state(a.weights))
    net.eval().to(a.device)
    files = sorted(glob.glob(a.pictures))
    if not files:
        raise SystemExit(f"no pictures at {a.pictures}")
    pictures, points = [read_picture(f).to(a.device) for f in files], []
    for level in map(float, a.levels.split(",")):
        rows = [code(net, x, level, a.tile) for x in pictures]
        if a.verbose:
            for f, (bpp, psnr, ssim) in zip(files, rows):
                print(f"{f}: {bpp:.4f} bpp, {psnr:.3f} dB, MS-SSIM {ssim:.5f}")
        bpp, psnr, ssim = np.mean(rows, 0)
        points.append((bpp, psnr))
        print(f"level {level:g}: {bpp:.4f} bpp, {psnr:.3f} dB, MS-SSIM {ssim:.5f}", flush=True)
    if a.anchor and len(points) >= 4:
        print(f"BD-rate {bd_rate(read_anchor(a.anchor), points):+.2f} %")


if __name__ == "__main__":
    main()
