#!/usr/bin/env python3
"""lic bdrate against scipy's PchipInterpolator and numpy's polyfit, to 0.01 % of rate, on every pair of
the curves in tests/bench/peers and on random ones. Skipped without scipy.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from scipy.interpolate import PchipInterpolator
except ImportError:
    print('skip: scipy is not here')
    sys.exit(0)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LIC = os.environ.get('LIC', os.path.join(ROOT, 'build', 'lic'))


def shared(xa, xt):
    """The x that both have."""
    return max(min(xa), min(xt)), min(max(xa), max(xt))


def difference(xa, ya, xt, yt, cubic, span):
    """Mean of test - anchor over the span of x; None if there is none."""
    low, high = span
    if low >= high:
        return None
    parts = []
    for x, y in ((xa, ya), (xt, yt)):
        f = np.poly1d(np.polyfit(x, y, 3)).integ() if cubic else PchipInterpolator(x, y).antiderivative()
        parts.append(f(high) - f(low))
    return (parts[1] - parts[0]) / (high - low)


def expected(anchor, test, cubic, window):
    """Rate, dB and span of rates as scipy and numpy have them; None without a common span."""
    (ra, qa), (rt, qt) = [(np.log(r), q) for r, q in (anchor, test)]
    rates = shared(ra, rt)
    if window:  # as if the curves ended there
        rates = shared(PchipInterpolator(qa, ra)(window), PchipInterpolator(qt, rt)(window))
    rate = difference(qa, ra, qt, rt, cubic, window or shared(qa, qt))
    db = difference(ra, qa, rt, qt, cubic, rates)
    return None if rate is None else np.expm1(rate) * 100, db, np.exp(rates)


def curve(path, metric):
    """Rates and qualities of a file of results, in dB; None if it lacks the metric."""
    with open(path) as f:
        results = json.load(f)['results']
    key = 'psnr-rgb' if metric == 'psnr' else 'ms-ssim-rgb'
    if key not in results:
        return None
    rate, quality = np.array(sorted(zip(results['bpp'], results[key]))).T
    return rate, quality if metric == 'psnr' else -10 * np.log10(1 - quality)


def check(anchor, test, metric, part=None):
    """part: of the span that both have, as a window."""
    curves = curve(anchor, metric), curve(test, metric)
    if None in [c if c is None else 0 for c in curves]:
        return 0
    low, high = shared(curves[0][1], curves[1][1])
    window = [float('%.6f' % (low + x * (high - low))) for x in part or ()]
    if window and low >= high:
        return 0
    option = ['--window', '%.6f,%.6f' % tuple(window)] if window else []
    done = subprocess.run([LIC, 'bdrate', '--json', '--metric', metric, anchor, test] + option,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = json.loads(done.stdout)
    for end, cubic in (('', False), ('_cubic', True)):
        rate, db, rates = expected(*curves, cubic, window)
        if rate is None:
            assert done.returncode == 1 and 'overlap' in said['error'], (anchor, test, said)
            continue
        assert abs(said['bd_rate' + end] - rate) < 0.01 * max(1, abs(rate) / 100), (said, rate)
        assert (said['bd_db' + end] is None) == (db is None), (said, db)
        if db is not None:
            assert abs(said['bd_db' + end] - db) < 1e-4, (said, db)
            assert abs(said['low_bpp'] - rates[0]) < 2e-6 > abs(said['high_bpp'] - rates[1]), (said, rates)
    return 1


def random_curve(rng, path):
    n = rng.integers(4, 12)
    results = {'bpp': np.cumsum(rng.uniform(0.01, 0.4, n)).tolist(),
               'psnr': (25 + rng.uniform(0, 5) + np.cumsum(rng.exponential(2, n) + 1e-3)).tolist()}
    results['psnr-rgb'] = results.pop('psnr')
    with open(path, 'w') as f:
        json.dump({'name': 'random', 'results': results}, f)


def main():
    peers = sorted(glob.glob(os.path.join(ROOT, 'tests', 'bench', 'peers', '*', '*.json')))
    anchors = [p for p in peers if os.path.basename(p) in ('vtm.json', 'jpeg-444.json', 'elic2022.json')]
    assert len(anchors) == 3 and len(peers) >= 20
    n = sum(check(a, t, m, part) for a in anchors for t in peers for m in ('psnr', 'ms-ssim')
            for part in (None, (0.2, 0.9)))
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, x) for x in ('a.json', 'b.json')]
        for _ in range(40):
            for name in names:
                random_curve(rng, name)
            n += check(*names, 'psnr') + check(*names, 'psnr', (0.3, 0.6))
    print('%d pairs' % n)


if __name__ == '__main__':
    main()
