#!/usr/bin/env python3
"""Table, plots and page of tests/bench/kodak.sh, from CompressAI-style curves.

Every BD-rate is what `lic bdrate` says; nothing is computed twice. Plots need matplotlib; the page is
one file with all in it, and shows JPEG at the same size where cjpeg and djpeg are here.
"""
import argparse
import datetime
import glob
import json
import math
import os
import subprocess
import sys

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

from kodak_page import write_page  # noqa: E402

WINDOW = '29.2,36.5'
# What the plots show, by file: label, colour, line. The rest is in the table only.
SHOWN = {
    'elic2022': ('ELIC (paper)', '#7b3294', '--'),
    'vtm': ('VTM (published)', '#222222', '-'),
    'cheng2020-anchor': ('cheng2020-anchor', '#b05fc0', ':'),
    'mbt2018-mean': ('mbt2018-mean', '#c79bd0', ':'),
    'vvenc-medium-420': ('VVenC 4:2:0', '#777777', '-'),
    'bpg_444_x265_ycbcr': ('BPG 4:4:4', '#1b7837', '-'),
    'avif-s3': ('AVIF', '#2166ac', '-'),
    'heic-slow': ('HEIC', '#5aae61', '-'),
    'jxl-e7': ('JPEG XL', '#d6a100', '-'),
    'webp-m6': ('WebP', '#67a9cf', '-'),
    'jpeg-444': ('JPEG 4:4:4', '#a6611a', '-'),
}
OURS = ['#d7191c', '#fd6a2c', '#8c1517']


def read(path):
    with open(path) as f:
        curve = json.load(f)
    curve['path'], curve['file'] = path, os.path.splitext(os.path.basename(path))[0]
    curve['published'] = os.path.basename(os.path.dirname(path)) == 'published'
    return curve


def bdrate(lic, anchor, test, *options):
    """What lic bdrate says, or None where it refuses (no overlap, no such metric)."""
    done = subprocess.run([lic, 'bdrate', '--json', *options, anchor['path'], test['path']],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_rising(curve):
    for key in ('bpp', 'psnr-rgb', 'ms-ssim-rgb'):
        values = curve['results'][key]
        if any(b <= a for a, b in zip(values, values[1:])):
            sys.exit('%s: %s does not rise with quality: %s' % (curve['file'], key, values))


# ---- table ----

def cell(said, key, form='%+.1f'):
    return form % said[key] if said and said[key] is not None else '-'


def row(lic, peer, ours):
    """A line of the table, after the figure that the lines are sorted by."""
    psnr, window = bdrate(lic, peer, ours), bdrate(lic, peer, ours, '--window', WINDOW)
    msssim = bdrate(lic, peer, ours, '--metric', 'ms-ssim')
    name = peer['file'] + (' *' if peer['published'] else '')
    span = '%.1f..%.1f' % (psnr['low_db'], psnr['high_db']) if psnr else '-'
    return (psnr['bd_rate'] if psnr else 0,
            '| %s | %s | %s | %s | %s | %s | %s |' % (
                name, cell(psnr, 'bd_rate'), cell(psnr, 'bd_rate_cubic'),
                cell(window, 'bd_rate'), cell(psnr, 'bd_db', '%+.2f'), span,
                cell(msssim, 'bd_rate')))


def table(lic, peers, ours):
    rows = sorted((row(lic, peer, ours) for peer in peers), key=lambda r: -r[0])
    return '\n'.join(['| ' + ours['name'] + ' against | BD-rate % | cubic | window | BD-PSNR dB | overlap dB | '
                      'BD-rate %, MS-SSIM |', '|---|---|---|---|---|---|---|'] + [r[1] for r in rows])


def points(curve):
    r = curve['results']
    lines = ['| q | bpp | PSNR dB | MS-SSIM |', '|---|---|---|---|']
    lines += ['| %g | %.4f | %.3f | %.5f |' % p for p in zip(
        r['quality'], r['bpp'], r['psnr-rgb'], r['ms-ssim-rgb'])]
    return '\n'.join(lines)


def markdown(args, peers, ours):
    """The text of the report."""
    parts = ['# Kodak, 24 pictures', '',
             'Made by `tests/bench/kodak.sh` on %s at commit %s.' % (datetime.date.today(), args.commit), '',
             'Negative per cent: fewer bits than that codec at equal quality. Log rate integrated over PSNR by',
             'PCHIP; "cubic" is the classic fit, "window" the span %s dB for every row. Curves are' %
             WINDOW.replace(',', '..'),
             '(mean bpp, mean of the pictures\' PSNR in RGB), sizes are whole files. MS-SSIM as -10 log10(1 - x).',
             '`*`: published numbers, not measured by us; see `tests/bench/peers/README.md`, also for what',
             'is wrong with the published VTM points. No model here was trained for MS-SSIM.', '',
             '![PSNR over rate](kodak-psnr.png)', '', '![MS-SSIM over rate](kodak-ms-ssim.png)']
    for curve in ours:
        parts += ['', '## ' + curve['name'], '', curve['description'] + '.', '',
                  table(args.lic, peers, curve), '', 'Its points:', '', points(curve)]
    return '\n'.join(parts) + '\n'


# ---- plots ----

def plot(path, peers, ours, metric):
    """Draws all curves of one metric to PATH.png and PATH.svg."""
    key, name, ends = (('psnr-rgb', 'PSNR (RGB), dB', (25.5, 40)) if metric == 'psnr' else
                       ('ms-ssim-rgb', 'MS-SSIM (RGB), -10 log10(1 - x), dB', (7.5, 21)))
    matplotlib.rcParams.update({'font.size': 10, 'svg.hashsalt': 'lic', 'svg.fonttype': 'none',
                                'axes.spines.top': False, 'axes.spines.right': False})
    fig, ax = plt.subplots(figsize=(9, 5.2), layout='constrained')
    lines = [(p, *SHOWN[p['file']], 1.3, '') for p in peers if p['file'] in SHOWN]
    lines += [(c, c['name'], OURS[i % len(OURS)], '-', 2.6, 'o') for i, c in enumerate(ours)]
    order = []
    for curve, label, colour, dash, width, marker in lines:
        r = curve['results']
        if key not in r:
            continue
        xy = sorted(zip(r['bpp'], r[key]))
        ys = [y if metric == 'psnr' else -10 * math.log10(1 - y) for _, y in xy]
        line, = ax.plot([x for x, _ in xy], ys, dash, color=colour, lw=width, marker=marker, ms=4.5,
                        label=label, zorder=3 if marker else 2)
        near = [(y0 + (0.5 - x0) * (y1 - y0) / (x1 - x0)) for (x0, _), (x1, _), y0, y1 in
                zip(xy, xy[1:], ys, ys[1:]) if x0 <= 0.5 <= x1]
        order.append((-(near or [0])[0], line))
    handles = [line for _, line in sorted(order, key=lambda o: o[0])]
    ax.legend(handles=handles, loc='center left', bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9,
              title='by quality at 0.5 bpp')
    ax.set(xlim=(0, 1.25), ylim=ends, xlabel='bits per pixel, whole file', ylabel=name,
           title='Kodak, mean of 24 pictures')
    ax.grid(color='#dddddd', lw=0.6)
    fig.savefig(path + '.svg', metadata={'Date': None})
    fig.savefig(path + '.png', dpi=110, metadata={'Software': None})
    plt.close(fig)


def main():
    parser = argparse.ArgumentParser()
    for name in ('--lic', '--kodak', '--peers', '--out', '--commit', '--model'):
        parser.add_argument(name, required=True)
    parser.add_argument('results', nargs='+')
    args = parser.parse_args()
    ours = [read(path) for path in args.results]
    peers = [read(p) for p in sorted(glob.glob(os.path.join(args.peers, '**', '*.json'), recursive=True))]
    peers = [p for p in peers if 'results' in p]
    for curve in ours:
        check_rising(curve)
    text = markdown(args, peers, ours)
    with open(os.path.join(args.out, 'kodak.md'), 'w') as f:
        f.write(text)
    for metric in ('psnr', 'ms-ssim'):
        plot(os.path.join(args.out, 'kodak-' + metric), peers, ours, metric)
    write_page(args, ours[0], text)
    print(text)


if __name__ == '__main__':
    main()
