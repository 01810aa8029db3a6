"""Pictures as numpy arrays to lic_image and back. No sample is copied that numpy need not copy."""
from __future__ import annotations

import ctypes
import weakref
from ctypes import byref
from typing import Any

import numpy as np

from . import _liblic as c


def as_samples(picture: Any) -> np.ndarray:
    """[H, W] or [H, W, C] of uint8 or uint16, from anything that numpy takes for an array."""
    array = np.asarray(picture)
    if array.dtype.kind == 'u' and array.dtype.itemsize == 2:
        array = array.astype(np.uint16, copy=False)  # the machine's byte order
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f'samples are {array.dtype}; uint8 (0 to 255) and uint16 (0 to 65535) can '
                        'be encoded')
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise ValueError(f'an array of shape {np.shape(picture)} is no picture: (height, width) or '
                         '(height, width, channels) with 1 to 4 channels are')
    return array


def rows_in_place(array: np.ndarray) -> np.ndarray:
    """The same [H, W, C], copied only if samples of a row do not lie side by side."""
    _, width, channels = array.shape
    size = array.itemsize
    steps = array.strides
    side_by_side = (steps[2] == size or channels == 1) and (
        steps[1] == size * channels or width == 1) and steps[0] >= width * channels * size
    return array if side_by_side and array.flags.aligned else np.ascontiguousarray(array)


def image_of(array: np.ndarray) -> c.Image:
    """Of rows_in_place; the array must outlive it."""
    height, width, channels = array.shape
    packed = width * channels * array.itemsize
    return c.Image(ctypes.sizeof(c.Image), array.ctypes.data,
                   packed if height == 1 else array.strides[0], width, height, channels,
                   8 * array.itemsize, None)


def array_of(image: c.Image) -> np.ndarray:
    """The picture that a decoder returned, [H, W] or [H, W, C]; its memory goes with the array."""
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
