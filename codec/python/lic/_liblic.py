"""liblic.so through ctypes: the structs and functions of codec/lic.h, and nothing else.

Each struct tells the library its size (struct_bytes), so an older or a newer library works too.
ctypes.CDLL releases the GIL during each call.
"""
from __future__ import annotations

import ctypes
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char, c_char_p, c_double, c_float, c_int,
                    c_size_t, c_uint32, c_uint64, c_void_p, sizeof)
from typing import Any

from . import errors

PACKAGE = os.path.dirname(os.path.abspath(__file__))
NAME = 'liblic.so.0'


def _load() -> ctypes.CDLL:
    """Loads the library in the wheel, or else the system's."""
    own = os.path.join(PACKAGE, NAME)
    try:
        return ctypes.CDLL(own if os.path.exists(own) else NAME)
    except OSError as error:
        raise ImportError(f'lic needs {NAME}, which cannot be loaded: {error}') from error


lib = _load()

Status = c_int
Progress = CFUNCTYPE(c_int, c_void_p, c_int, c_double)
STAGES = ('analysis', 'coding', 'synthesis')
BACKENDS = ('strict', 'openblas')
LOSSLESS_AUTO = 2
OK, CORRUPT, TRUNCATED = 0, 23, 22
MAX_CHUNKS = 16


class Error(Structure):
    _fields_ = [('status', Status), ('text', c_char * 240)]


class Image(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('data', c_void_p), ('stride_bytes', c_size_t),
                ('width', c_uint32), ('height', c_uint32), ('channels', c_uint32),
                ('depth', c_uint32), ('allocator', c_void_p)]


class Chunk(Structure):
    _fields_ = [('type', c_char * 4), ('data', c_void_p), ('bytes', c_size_t), ('packed', c_int),
                ('unpacked_bytes', c_size_t)]


class Span(Structure):
    _fields_ = [('data', c_void_p), ('bytes', c_size_t)]


class Metadata(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('icc', Span), ('exif', Span), ('xmp', Span),
                ('orientation', c_uint32), ('owned', c_void_p), ('allocator', c_void_p)]


class ModelOptions(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('threads', c_int), ('backend', c_int),
                ('allocator', c_void_p), ('folder', c_char_p), ('uses', c_uint32), ('scale', c_uint32)]


class Options(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('threads', c_int), ('cpu', c_int), ('backend', c_int),
                ('max_pixels', c_uint64), ('max_tile_pixels', c_uint64), ('max_work', c_uint64),
                ('max_memory', c_uint64), ('progress', Progress), ('progress_user', c_void_p),
                ('allocator', c_void_p)]


class EncodeOptions(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('quality', c_double), ('tile_side', c_uint32),
                ('metadata', POINTER(Metadata)), ('chunks', POINTER(Chunk)),
                ('n_chunks', c_size_t), ('source', c_void_p), ('source_user', c_void_p),
                ('lossless', c_int), ('near', c_uint32)]


class DecodeOptions(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('depth', c_uint32), ('channels', c_uint32),
                ('crop_x', c_uint32), ('crop_y', c_uint32), ('crop_width', c_uint32),
                ('crop_height', c_uint32), ('scale', c_uint32), ('n_slices', c_uint32),
                ('salvage', c_int), ('no_check', c_int), ('sink', c_void_p),
                ('sink_user', c_void_p)]


class Buffer(Structure):
    _fields_ = [('data', c_void_p), ('bytes', c_size_t), ('allocator', c_void_p)]


class Info(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('width', c_uint32), ('height', c_uint32),
                ('channels', c_uint32), ('depth', c_uint32), ('has_alpha', c_int),
                ('quality', c_double), ('version', c_uint32), ('model_id', c_uint32),
                ('check_latents', c_uint32), ('tile_width', c_uint32), ('tile_height', c_uint32),
                ('latent_bytes', c_size_t), ('n_chunks', c_size_t), ('chunks', Chunk * MAX_CHUNKS),
                ('lossless', c_int)]


class Stats(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('seconds', c_double * 3), ('multiply_adds', c_uint64),
                ('planned_bytes', c_size_t), ('check_latents', c_uint32),
                ('latent_bytes', c_size_t), ('n_tiles', c_uint32), ('n_whole_tiles', c_uint32),
                ('n_slices', c_uint32), ('n_whole_slices', c_uint32)]


class ModelInfo(Structure):
    _fields_ = [('struct_bytes', c_size_t), ('name', c_char * 32), ('hash', c_uint64),
                ('parameters', c_uint64), ('levels', c_uint32), ('lambdas', c_float * 2),
                ('latent_channels', c_uint32), ('hyper_channels', c_uint32), ('slices', c_uint32),
                ('preview_slices', c_uint32), ('preview_scale', c_uint32)]


def _declare(name: str, result: Any, *arguments: Any) -> None:
    function = getattr(lib, name)
    function.restype = result
    function.argtypes = arguments


_P = POINTER
_declare('lic_status_name', c_char_p, Status)
_declare('lic_version', c_char_p)
_declare('lic_model_find', Status, c_char_p, c_uint32, _P(ModelOptions), _P(c_void_p), _P(Error))
_declare('lic_model_close', None, c_void_p)
_declare('lic_model_get_info_sized', None, c_void_p, _P(ModelInfo), c_size_t)
_declare('lic_probe_sized', Status, c_void_p, c_size_t, _P(Info), c_size_t, _P(Error))
_declare('lic_chunk_read', Status, _P(Chunk), _P(Options), _P(Buffer), _P(Error))
_declare('lic_metadata_read_sized', Status, _P(Info), _P(Options), _P(Metadata), c_size_t,
         _P(Error))
_declare('lic_metadata_free', None, _P(Metadata))
_declare('lic_session_new', Status, c_void_p, _P(Options), _P(c_void_p), _P(Error))
_declare('lic_session_encode', Status, c_void_p, _P(Image), _P(EncodeOptions), _P(Buffer),
         _P(Error))
_declare('lic_session_decode', Status, c_void_p, c_void_p, c_size_t, _P(DecodeOptions), _P(Image),
         _P(Error))
_declare('lic_session_get_stats_sized', None, c_void_p, _P(Stats), c_size_t)
_declare('lic_session_free', None, c_void_p)
_declare('lic_buffer_free', None, _P(Buffer))
_declare('lic_image_free', None, _P(Image))
for _name, _struct in (('model_options', ModelOptions), ('options', Options),
                       ('encode_options', EncodeOptions), ('decode_options', DecodeOptions),
                       ('metadata', Metadata)):
    _declare(f'lic_{_name}_init_sized', None, _P(_struct), c_size_t)


def initialised(struct: Any, name: str) -> Any:
    """A struct with the library's defaults: ``initialised(Options, 'options')``."""
    made = struct()
    getattr(lib, f'lic_{name}_init_sized')(byref(made), sizeof(made))
    return made


def check(status: int, error: Error) -> None:
    """Raises the exception for a status other than LIC_OK."""
    if status != OK:
        name = lib.lic_status_name(status).decode()
        raise errors.of_status(status, name, error.text.decode('utf-8', 'replace'))


def call(name: str, *arguments: Any) -> None:
    """Calls a function whose last parameter is a lic_error, and raises if it fails."""
    error = Error()
    check(getattr(lib, name)(*arguments, byref(error)), error)
