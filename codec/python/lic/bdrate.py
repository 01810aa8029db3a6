"""Bjontegaard's differences of rate-distortion curves (VCEG-M33), as `lic bdrate` computes them
(cli/rd/curve.h): with PCHIP through the points (Fritsch and Carlson 1980, slopes as in scipy and
MATLAB), or with one cubic, as Bjontegaard did in 2001.
"""
from __future__ import annotations

import math
import warnings
from typing import Callable, NamedTuple, Optional, Sequence

import numpy as np

_LEAST_POINTS = 4     # of a curve, before points of equal quality are dropped
_LEAST_OVERLAP = 0.5  # of the shorter span of quality; with less the figure says little


class _Curve(NamedTuple):
    log_rate: np.ndarray  # rising
    quality: np.ndarray   # dB, rising


# ---- points --------------------------------------------------------------------------------------

def _curve(name: str, rates: Sequence[float], qualities: Sequence[float]) -> _Curve:
    """Sorts by rate. Equal points count once; of points of equal quality the one of the lowest rate
    counts; quality must not fall while the rate rises."""
    rate, quality = np.asarray(rates, np.float64), np.asarray(qualities, np.float64)
    if rate.ndim != 1 or rate.shape != quality.shape:
        raise ValueError(f'{name}: there must be as many rates as qualities, in one dimension each')
    if not (np.isfinite(rate).all() and np.isfinite(quality).all() and (rate > 0).all()):
        raise ValueError(f'{name}: rates must be numbers above 0, and qualities numbers')
    points = np.unique(np.stack([rate, quality], 1), axis=0)
    if len(points) != 1 and len(points) < _LEAST_POINTS:
        raise ValueError(f'{name} has {len(points)} different points; a curve takes {_LEAST_POINTS} '
                         'or more')
    rate, quality = points.T
    falls = (np.diff(quality) < 0) | (np.diff(rate) == 0)
    if falls.any():
        i = int(np.argmax(falls))
        raise ValueError(f'{name} is not monotone: {rate[i]:.4f} has {quality[i]:.4f} dB, '
                         f'{rate[i + 1]:.4f} has {quality[i + 1]:.4f} dB')
    rises = np.append(True, np.diff(quality) > 0)
    if 1 < rises.sum() < 3 or (rises.sum() == 1 and len(points) > 1):
        raise ValueError(f'{name} has {rises.sum()} points of different quality; a curve takes 3 or '
                         'more')
    return _Curve(np.log(rate[rises]), quality[rises])


# ---- PCHIP ---------------------------------------------------------------------------------------

def _end_slope(h0: float, h1: float, d0: float, d1: float) -> float:
    """From the two nearest intervals, limited so that the curve keeps its direction."""
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0:
        return 0.0
    if d0 * d1 <= 0 and abs(slope) > 3 * abs(d0):
        return 3 * d0
    return slope


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """At each point. Inside, the weighted harmonic mean of the slopes on both sides."""
    h = np.diff(x)
    d = np.diff(y) / h
    slopes = np.zeros(len(x))
    same = np.flatnonzero(d[:-1] * d[1:] > 0)
    w0, w1 = 2 * h[same + 1] + h[same], h[same + 1] + 2 * h[same]
    slopes[same + 1] = (w0 + w1) / (w0 / d[same] + w1 / d[same + 1])
    slopes[0] = _end_slope(h[0], h[1], d[0], d[1])
    slopes[-1] = _end_slope(h[-1], h[-2], d[-1], d[-2])
    return slopes


def _pieces(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[4, n - 1]: between points i and i + 1, c[0] + c[1] t + c[2] t^2 + c[3] t^3, t = x - x[i]."""
    h = np.diff(x)
    d = np.diff(y) / h
    m = _slopes(x, y)
    return np.stack([y[:-1], m[:-1], (3 * d - 2 * m[:-1] - m[1:]) / h,
                     (m[:-1] + m[1:] - 2 * d) / (h * h)])


def _pchip_integral(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    c = _pieces(x, y)
    ends = np.clip([low, high], x[:-1, np.newaxis], x[1:, np.newaxis]) - x[:-1, np.newaxis]
    parts = ends.T
    sums = parts * (c[0] + parts * (c[1] / 2 + parts * (c[2] / 3 + parts * c[3] / 4)))
    return float((sums[1] - sums[0]).sum())


def _pchip_value(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """at must lie within the points."""
    i = int(np.clip(np.searchsorted(x, at, 'right') - 1, 0, len(x) - 2))
    c = _pieces(x, y)[:, i]
    t = at - x[i]
    return float(c[0] + t * (c[1] + t * (c[2] + t * c[3])))


def _cubic_integral(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    integral = np.polynomial.Polynomial.fit(x, y, 3).integ()
    return float(integral(high) - integral(low))


_METHODS: dict[str, Callable[[np.ndarray, np.ndarray, float, float], float]] = {
    'pchip': _pchip_integral, 'cubic': _cubic_integral}


# ---- differences ---------------------------------------------------------------------------------

def _quality_span(a: _Curve, t: _Curve, window: Optional[tuple[float, float]]
                  ) -> tuple[float, float]:
    """The span that both curves cover, or the window, which must lie in it."""
    low, high = max(a.quality[0], t.quality[0]), min(a.quality[-1], t.quality[-1])
    if not low < high:
        raise ValueError(f'the curves do not overlap: {a.quality[0]:.4f}..{a.quality[-1]:.4f} dB and '
                         f'{t.quality[0]:.4f}..{t.quality[-1]:.4f} dB')
    if window is None:
        shorter = min(a.quality[-1] - a.quality[0], t.quality[-1] - t.quality[0])
        if high - low < _LEAST_OVERLAP * shorter:
            warnings.warn(f'the curves have {high - low:.4f} dB in common, '
                          f'{100 * (high - low) / shorter:.2g} % of the shorter one: the figure says '
                          'little', stacklevel=3)
        return low, high
    if not low <= window[0] < window[1] <= high:
        raise ValueError(f'the window must lie in {low:.4f}..{high:.4f} dB, where the curves overlap')
    return window


def _rate_span(a: _Curve, t: _Curve, window: Optional[tuple[float, float]]) -> tuple[float, float]:
    """The logarithms of rate that both curves cover, with a window as if the curves ended there."""
    if window is None:
        return max(a.log_rate[0], t.log_rate[0]), min(a.log_rate[-1], t.log_rate[-1])
    low, high = ([_pchip_value(c.quality, c.log_rate, end) for c in (a, t)] for end in window)
    return max(low), min(high)


def _curves(anchor_rate: Sequence[float], anchor_quality: Sequence[float],
            test_rate: Sequence[float], test_quality: Sequence[float], method: str,
            window: Optional[tuple[float, float]]) -> tuple[_Curve, _Curve]:
    """Both curves, checked and, if there is a window, cut to it."""
    if method not in _METHODS:
        raise ValueError(f'method is {method!r}; it can be pchip or cubic')
    a, t = _curve('anchor', anchor_rate, anchor_quality), _curve('test', test_rate, test_quality)
    n = min(len(a.quality), len(t.quality))
    if len(a.quality) == len(t.quality) == 1:
        raise ValueError('both are single points; one of them must be a curve')
    if n == 1 and (window or method == 'cubic'):
        raise ValueError('a window or a cubic needs two curves, not a point')
    if method == 'cubic' and n < _LEAST_POINTS:
        raise ValueError(f'a cubic needs {_LEAST_POINTS} points of different quality')
    return a, t


def _at_point(a: _Curve, t: _Curve, of_rate: bool) -> float:
    """The difference at the single point; NaN if it lies beyond the curve."""
    point, curve, sign = (t, a, 1.0) if len(t.quality) == 1 else (a, t, -1.0)
    x, y = (point.quality[0], point.log_rate[0]) if of_rate else (point.log_rate[0],
                                                                point.quality[0])
    xs, ys = (curve.quality, curve.log_rate) if of_rate else (curve.log_rate, curve.quality)
    return sign * (y - _pchip_value(xs, ys, x)) if xs[0] <= x <= xs[-1] else math.nan


def bd_rate(anchor_rate: Sequence[float], anchor_quality: Sequence[float],
            test_rate: Sequence[float], test_quality: Sequence[float], *, method: str = 'pchip',
            window: Optional[tuple[float, float]] = None) -> float:
    """By how many per cent the rate of ``test`` exceeds that of ``anchor`` at equal quality. Negative:
    ``test`` is better.

    :param anchor_rate: [n] bits per pixel, in any order. Four points or more make a curve; a single
        point is compared with the other curve where it lies.
    :param anchor_quality: [n] dB: PSNR, or MS-SSIM as ``ms_ssim(..., db=True)`` returns it.
    :param test_rate: [m]
    :param test_quality: [m]
    :param method: "pchip", or "cubic" as in 2001.
    :param window: lowest and highest quality to compare; None: all that both curves cover.
    """
    a, t = _curves(anchor_rate, anchor_quality, test_rate, test_quality, method, window)
    if len(a.quality) == 1 or len(t.quality) == 1:
        return 100 * math.expm1(_at_point(a, t, True))
    low, high = _quality_span(a, t, window)
    integral = _METHODS[method]
    mean = (integral(t.quality, t.log_rate, low, high) -
            integral(a.quality, a.log_rate, low, high)) / (high - low)
    return 100 * math.expm1(mean)


def bd_quality(anchor_rate: Sequence[float], anchor_quality: Sequence[float],
               test_rate: Sequence[float], test_quality: Sequence[float], *, method: str = 'pchip',
               window: Optional[tuple[float, float]] = None) -> float:
    """By how many dB the quality of ``test`` exceeds that of ``anchor`` at equal rate (BD-PSNR).
    Positive: ``test`` is better. Arguments as for :func:`bd_rate`; NaN if the curves share no span of
    rate."""
    a, t = _curves(anchor_rate, anchor_quality, test_rate, test_quality, method, window)
    if len(a.quality) == 1 or len(t.quality) == 1:
        return _at_point(a, t, False)
    _quality_span(a, t, window)
    low, high = _rate_span(a, t, window)
    if not low < high:
        return math.nan
    integral = _METHODS[method]
    return (integral(t.log_rate, t.quality, low, high) -
            integral(a.log_rate, a.quality, low, high)) / (high - low)
