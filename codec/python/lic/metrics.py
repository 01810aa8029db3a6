"""PSNR and MS-SSIM as `lic eval` defines them (cli/rd/metrics.h): over all samples, on a scale of 8
bits, in double precision. MS-SSIM follows Wang, Simoncelli and Bovik (2003) with the details of
pytorch-msssim, which papers on learned codecs use.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import arrays

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
_TAPS = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
#: The window must fit at the fifth scale.
_LEAST_SIDE = (_TAPS - 1) * 2 ** 4 + 1


def _pair(reference: Any, picture: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32 [H, W, C] on a scale of 8 bits. If only one has 16 bits it is rounded to 8, as
    the other one had been. Beside an RGB picture, a grey one counts as three equal channels."""
    a, b = arrays.as_samples(reference), arrays.as_samples(picture)
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(f'the picture is {b.shape[1]}x{b.shape[0]}, the reference '
                         f'{a.shape[1]}x{a.shape[0]}')
    if a.shape[2] in (2, 4) or b.shape[2] in (2, 4):
        raise ValueError('pictures with alpha cannot be compared: their look depends on the background')
    if a.size == 0:
        raise ValueError('the pictures have no pixels')
    fine = a.dtype == b.dtype == np.uint16
    channels = max(a.shape[2], b.shape[2])
    return _scaled(a, fine, channels), _scaled(b, fine, channels)


def _scaled(samples: np.ndarray, fine: bool, channels: int) -> np.ndarray:
    if samples.dtype == np.uint16:
        samples = samples / 257.0 if fine else (samples.astype(np.uint32) + 128) // 257
    scaled = samples.astype(np.float32)
    return np.broadcast_to(scaled, scaled.shape[:2] + (channels,))


def _mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(np.square(a.astype(np.float64) - b)))


def psnr(reference: Any, picture: Any) -> float:
    """Peak signal-to-noise ratio in dB, over all samples, peak 255; ``inf`` for equal pictures.

    :param reference: an array of uint8 or uint16, [H, W] or [H, W, C] with C = 1 or 3, or a Pillow
        image.
    :param picture: the same, with the same height and width.
    """
    mse = _mse(*_pair(reference, picture))
    return 10 * math.log10(255 ** 2 / mse) if mse > 0 else math.inf


def ms_ssim(reference: Any, picture: Any, *, db: bool = False) -> float:
    """Multi-scale structural similarity, the mean over the channels; 1 for equal pictures.

    :param reference: as for :func:`lic.psnr`, at least 161 pixels wide and high.
    :param picture: the same, with the same height and width.
    :param db: return -10 log10(1 - value), as curves show it.
    """
    a, b = _pair(reference, picture)
    if min(a.shape[:2]) < _LEAST_SIDE:
        raise ValueError(f'MS-SSIM needs pictures at least {_LEAST_SIDE} pixels wide and high, these '
                         f'are {a.shape[1]}x{a.shape[0]}')
    value = 1.0  # not 1 - 2^-53
    if _mse(a, b) > 0:
        value = float(np.mean([_of_channel(a[..., i], b[..., i]) for i in range(a.shape[2])]))
    if not db:
        return value
    return -10 * math.log10(1 - value) if value < 1 else math.inf


def _of_channel(x: np.ndarray, y: np.ndarray) -> float:
    product = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        whole, contrast = _ssim(x.astype(np.float64), y.astype(np.float64))
        product *= max(whole if scale == len(_WEIGHTS) - 1 else contrast, 0.0) ** weight
        x, y = _halve(x), _halve(y)
    return product


def _window() -> np.ndarray:
    window = np.exp(-(np.arange(_TAPS) - _TAPS // 2) ** 2 / (2 * _SIGMA ** 2))
    return window / window.sum()


def _blur(plane: np.ndarray) -> np.ndarray:
    """Means under the window where it lies inside the plane: [H, W] -> [H - 10, W - 10]."""
    height, width = (side - _TAPS + 1 for side in plane.shape)
    window = _window()
    along_x = sum(window[i] * plane[:, i:i + width] for i in range(_TAPS))
    return sum(window[i] * along_x[i:i + height] for i in range(_TAPS))


def _ssim(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The means of SSIM and of its contrast-structure part."""
    mx, my = _blur(x), _blur(y)
    variances = _blur(x * x) - mx * mx + _blur(y * y) - my * my
    contrast = (2 * (_blur(x * y) - mx * my) + _C2) / (variances + _C2)
    whole = contrast * (2 * mx * my + _C1) / (mx * mx + my * my + _C1)
    return float(whole.mean()), float(contrast.mean())


def _halve(plane: np.ndarray) -> np.ndarray:
    """Means of 2x2. An odd side is padded with zeros in front, which count in the mean, as in the
    avg_pool2d(padding = side % 2) of pytorch-msssim."""
    p = np.pad(plane, [(side % 2, 0) for side in plane.shape])
    return (p[0::2, 0::2] + p[0::2, 1::2] + p[1::2, 0::2] + p[1::2, 1::2]) / np.float32(4)
