#!/usr/bin/env python3
"""Draws the rate-distortion curve of a picture beside that of JPEG, and says by how much less rate lic
does with (BD-rate).

    rd_curve.py photo.png curve.png [--qualities 0 25 50 75 100]

Each "# %%" begins a cell where an editor knows notebooks in this form (Jupyter, VS Code, Spyder).
Needs matplotlib.
"""
# %% What to draw
import argparse
import io

import matplotlib
import numpy as np
from PIL import Image

import lic

parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
parser.add_argument('picture')
parser.add_argument('plot')
parser.add_argument('--qualities', nargs='+', type=float, default=[0, 20, 40, 60, 80, 100])
options = parser.parse_args()
reference = np.asarray(Image.open(options.picture).convert('RGB'))
pixels = reference.shape[0] * reference.shape[1]


# %% A point of a curve: bits per pixel and PSNR
def by_lic(quality):
    data = lic.encode(reference, quality)
    return 8 * len(data) / pixels, lic.psnr(reference, lic.decode(data))


def by_jpeg(quality):
    file = io.BytesIO()
    Image.fromarray(reference).save(file, 'JPEG', quality=quality, optimize=True)
    return 8 * len(file.getvalue()) / pixels, lic.psnr(reference, Image.open(file))


# %% Both curves
lic_curve = list(zip(*map(by_lic, options.qualities)))
jpeg_curve = list(zip(*map(by_jpeg, (5, 10, 20, 30, 50, 70, 85, 92))))
for rate, quality in zip(*lic_curve):
    print(f'{rate:.4f} bpp  {quality:.2f} dB')
print(f'BD-rate against JPEG: {lic.bd_rate(*jpeg_curve, *lic_curve):+.1f} %')

# %% The plot
matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402 - after use()

figure, axes = pyplot.subplots(figsize=(7, 5), layout='constrained')
axes.plot(*lic_curve, 'o-', label='lic')
axes.plot(*jpeg_curve, 's--', label='JPEG')
axes.set(xlabel='bits per pixel', ylabel='PSNR, dB', xscale='log', title=options.picture)
axes.grid(True, which='both', alpha=0.3)
axes.legend()
figure.savefig(options.plot, dpi=150)
