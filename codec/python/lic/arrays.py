"""Between numpy arrays and lic_image. Samples are copied only where numpy has to."""
from __future__ import annotations

import ctypes
import sys
import weakref
from ctypes import byref
from typing import Any

import numpy as np

from . import _liblic as c


def is_pillow(picture: Any) -> bool:
    """Whether this is an image of Pillow, which need not be installed."""
    module = sys.modules.get('PIL.Image')
    return module is not None and isinstance(picture, module.Image)


def as_samples(picture: Any) -> np.ndarray:
    """Samples [H, W, C], uint8 or uint16, of a Pillow image or of anything that numpy can turn into an
    array [H, W] or [H, W, C]."""
    if is_pillow(picture):
        from . import pillow
        picture = pillow.samples_of(picture)
    array = np.asarray(picture)
    if array.dtype.kind == 'u' and array.dtype.itemsize == 2:
        array = array.astype(np.uint16, copy=False)  # in native byte order
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f'samples are {array.dtype}; they must be uint8 (0 to 255) or uint16 (0 to '
                        '65535)')
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise ValueError(f'an array of shape {np.shape(picture)} is not a picture; the shape must be '
                         '(height, width) or (height, width, channels) with 1 to 4 channels')
    return array


def rows_in_place(array: np.ndarray) -> np.ndarray:
    """The same [H, W, C], copied only if the samples of a row are not adjacent in memory."""
    _, width, channels = array.shape
    size = array.itemsize
    steps = array.strides
    adjacent = (steps[2] == size or channels == 1) and (
        steps[1] == size * channels or width == 1) and steps[0] >= width * channels * size
    return array if adjacent and array.flags.aligned else np.ascontiguousarray(array)


def image_of(array: np.ndarray) -> c.Image:
    """A lic_image of what rows_in_place returned. The array must outlive it."""
    height, width, channels = array.shape
    packed = width * channels * array.itemsize
    return c.Image(ctypes.sizeof(c.Image), array.ctypes.data,
                   packed if height == 1 else array.strides[0], width, height, channels,
                   8 * array.itemsize, None)


def array_of(image: c.Image) -> np.ndarray:
    """An array [H, W] or [H, W, C] over the memory of a decoded picture, which is freed with the last
    view of it."""
    dtype = np.dtype(np.uint16 if image.depth == 16 else np.uint8)
    memory = (ctypes.c_char * (image.stride_bytes * image.height)).from_address(image.data)
    weakref.finalize(memory, _free, image).atexit = False
    grey = image.channels == 1
    shape: tuple[int, ...] = (image.height, image.width)
    strides: tuple[int, ...] = (image.stride_bytes, image.channels * dtype.itemsize)
    return np.ndarray(shape if grey else shape + (image.channels,), dtype, memory,
                      strides=strides if grey else strides + (dtype.itemsize,))


def _free(image: c.Image) -> None:
    c.lib.lic_image_free(byref(image))
