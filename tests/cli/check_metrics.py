#!/usr/bin/env python3
"""lic eval against PSNR and MS-SSIM written again in numpy, after pytorch-msssim, on pictures of odd sizes.

The formulas are taken from the papers and that package, not from cli/rd/metrics.c, so that one slip
cannot hide in both. Skipped without numpy.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print('skip: numpy is not here')
    sys.exit(0)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LIC = os.environ.get('LIC', os.path.join(ROOT, 'build', 'lic'))
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def blur(plane):
    """Gaussian of 11 taps and sigma 1.5 along both axes, no padding."""
    g = np.exp(-(np.arange(11) - 5.0) ** 2 / (2 * 1.5 ** 2))
    g /= g.sum()
    windows = np.lib.stride_tricks.sliding_window_view(plane, (11, 11))
    return np.einsum('yxij,i,j->yx', windows, g, g, optimize=True)


def halve(plane):
    """avg_pool2d(kernel 2, padding side % 2), the zeros counted."""
    py, px = plane.shape[0] % 2, plane.shape[1] % 2
    p = np.pad(plane, ((py, py), (px, px)))
    p = p[:p.shape[0] // 2 * 2, :p.shape[1] // 2 * 2]
    return (p[0::2, 0::2] + p[0::2, 1::2] + p[1::2, 0::2] + p[1::2, 1::2]) / 4


def msssim_plane(x, y):
    """MS-SSIM of two planes, written from the paper and pytorch-msssim."""
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        mx, my = blur(x), blur(y)
        sx, sy, sxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        cs = (2 * sxy + C2) / (sx + sy + C2)
        luminance = (2 * mx * my + C1) / (mx * mx + my * my + C1)
        part = (luminance * cs if scale == len(WEIGHTS) - 1 else cs).mean()
        product *= max(part, 0.0) ** weight
        x, y = halve(x), halve(y)
    return product


def write_ppm(path, picture):
    with open(path, 'wb') as f:
        f.write(b'P6\n%d %d\n255\n' % (picture.shape[1], picture.shape[0]))
        f.write(picture.astype(np.uint8).tobytes())


def smooth(rng, height, width):
    """Random waves: structure at all scales, unlike noise."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 3))
    for _ in range(12):
        fy, fx, phase = rng.uniform(0, 0.5), rng.uniform(0, 0.5), rng.uniform(0, 6, 3)
        picture += np.sin((fy * y + fx * x)[..., None] + phase) * rng.uniform(5, 30)
    return np.clip(np.round(picture + 128), 0, 255)


def check(rng, folder, height, width, noise):
    """Compares what lic eval says of two pictures with numpy."""
    a = smooth(rng, height, width)
    b = np.clip(np.round(a + rng.normal(0, noise, a.shape)), 0, 255)
    names = [os.path.join(folder, n) for n in ('a.ppm', 'b.ppm')]
    write_ppm(names[0], a)
    write_ppm(names[1], b)
    said = json.loads(subprocess.run([LIC, 'eval', '--json'] + names, check=True,
                                     stdout=subprocess.PIPE).stdout)
    psnr = 10 * np.log10(255 ** 2 / ((a - b) ** 2).mean())
    msssim = np.mean([msssim_plane(a[..., c], b[..., c]) for c in range(3)])
    print('%dx%d: psnr %.6f (%.6f), ms-ssim %.8f (%.8f)' %
          (width, height, said['psnr'], psnr, said['msssim'], msssim))
    assert abs(said['psnr'] - psnr) < 1e-5
    assert abs(said['msssim'] - msssim) < 1e-7


def main():
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        for height, width, noise in ((161, 161, 5), (162, 177, 20), (203, 190, 60), (175, 333, 1),
                                     (176, 176, 2), (256, 192, 10), (181, 163, 30), (320, 167, 90),
                                     (161, 400, 15), (199, 211, 0.4)):
            check(rng, folder, height, width, noise)


if __name__ == '__main__':
    main()
