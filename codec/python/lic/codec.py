"""encode, decode and info: the calls of codec/lic.h that handle one picture."""
from __future__ import annotations

import concurrent.futures
import ctypes
import dataclasses
import functools
import os
import queue
import threading
import warnings
from ctypes import byref, c_void_p, sizeof
from typing import Any, Callable, Mapping, Optional, Union

import numpy as np

from . import _liblic as c
from . import arrays, errors
from .model import Model, find, within

#: A .lic file: its bytes (any object with a buffer), or its path.
Source = Union[bytes, bytearray, memoryview, str, 'os.PathLike[str]']
ModelLike = Union[Model, str, 'os.PathLike[str]', None]
#: Called with the stage ("analysis", "coding", "synthesis") and the fraction of the call done, 0 to 1.
Progress = Callable[[str, float], object]
_U32, _U64 = 2**32 - 1, 2**64 - 1
_EXIF = b'Exif\0\0'
_KNOWN = (b'iccp', b'exif', b'xmp ', b'alph', b'Alph', b'Exac')


# ---- the head of a file ------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Info:
    """What the head of a .lic file says."""

    width: int                        #: in pixels
    height: int
    channels: int                     #: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
    depth: int                        #: bits of a sample, 8 or 16
    quality: float                    #: 0 to 100
    lossless: bool                    #: samples are exactly those that were encoded
    model_id: int                     #: of the model that decodes it, see :class:`lic.Model`
    version: int                      #: of the format
    tile: Optional[tuple[int, int]]   #: width and height; None: the picture is one tile
    latent_bytes: int                 #: of the coded picture; the rest is the head and metadata
    file_bytes: int                   #: of the whole file
    complete: bool                    #: False if the file is truncated or damaged after its head
    orientation: int                  #: 1 to 8 as in EXIF; pixels are stored unrotated
    icc_profile: Optional[bytes] = dataclasses.field(default=None, repr=False)
    exif: Optional[bytes] = dataclasses.field(default=None, repr=False)  #: from "II" or "MM" on
    xmp: Optional[bytes] = dataclasses.field(default=None, repr=False)   #: UTF-8
    #: Metadata of other types (codec/FORMAT.md): "iptc", "text", "colr", "phys", ...
    chunks: Mapping[str, bytes] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that :func:`lic.decode` returns."""
        size = (self.height, self.width)
        return size if self.channels == 1 else size + (self.channels,)

    @property
    def dtype(self) -> np.dtype:
        """Of the array that :func:`lic.decode` returns."""
        return np.dtype(np.uint8 if self.depth == 8 else np.uint16)

    @property
    def bpp(self) -> float:
        """Bits per pixel of the whole file."""
        return 8.0 * self.file_bytes / (self.width * self.height)


def contents(source: Source) -> memoryview:
    """The bytes of a file, which is read if its path is given."""
    if isinstance(source, (str, os.PathLike)):
        with open(source, 'rb') as file:
            return memoryview(file.read())
    return memoryview(source).cast('B')


def _address(data: memoryview) -> tuple[Optional[int], Any]:
    """The address of the bytes, and the object that keeps it valid."""
    if len(data) == 0:
        return None, data
    held = np.frombuffer(data, np.uint8)
    return held.ctypes.data, held


class Head:
    """A file as lic_probe sees it. ``damage`` raises what is wrong after its head; None: nothing is."""

    def __init__(self, data: memoryview) -> None:
        self.bytes = len(data)
        self.at, self._held = _address(data)
        self.info = c.Info()
        error = c.Error()
        status = c.lib.lic_probe_sized(self.at, self.bytes, byref(self.info), sizeof(self.info),
                                       byref(error))
        self.damage: Optional[Callable[[], None]] = None
        if status == c.CORRUPT and self.info.width:
            self.damage = functools.partial(c.check, status, error)
        else:
            c.check(status, error)

    @property
    def channels(self) -> int:
        return self.info.channels + (1 if self.info.has_alpha else 0)

    def check(self) -> None:
        if self.damage:
            self.damage()

    def metadata(self) -> dict[str, Any]:
        """icc_profile, exif and xmp, each None if the file has none, and orientation."""
        metadata = c.initialised(c.Metadata, 'metadata')
        try:
            c.call('lic_metadata_read_sized', byref(self.info), None, byref(metadata),
                   sizeof(metadata))
            return {'icc_profile': _bytes(metadata.icc), 'exif': _bytes(metadata.exif),
                    'xmp': _bytes(metadata.xmp), 'orientation': metadata.orientation}
        finally:
            c.lib.lic_metadata_free(byref(metadata))

    def chunks(self) -> dict[str, bytes]:
        """All other metadata by type; the first chunk counts if there are several of a type."""
        found: dict[str, bytes] = {}
        for chunk in self.info.chunks[:self.info.n_chunks]:
            name = chunk.type.decode('ascii')
            if chunk.type not in _KNOWN and name not in found:
                found[name] = _read_chunk(chunk)
        return found


def _bytes(span: Any) -> Optional[bytes]:
    return ctypes.string_at(span.data, span.bytes) if span.data else None


def _read_chunk(chunk: c.Chunk) -> bytes:
    buffer = c.Buffer()
    try:
        c.call('lic_chunk_read', byref(chunk), None, byref(buffer))
        return _bytes(buffer) or b''
    finally:
        c.lib.lic_buffer_free(byref(buffer))


def info(source: Source, *, salvage: bool = False) -> Info:
    """Reads the head of a .lic file and its metadata; no model is needed.

    :param source: the bytes of a file, or its path.
    :param salvage: accept a file that is truncated or damaged after its head. ``complete`` is then
        False, and damaged metadata is left out.
    :raises lic.StreamError: this is not a .lic file, or it is damaged.
    """
    head = Head(contents(source))
    if not salvage:
        head.check()
    extra: dict[str, Any] = {'orientation': 1}
    try:
        extra = {'chunks': head.chunks(), **head.metadata()}
    except errors.StreamError:
        if not salvage:
            raise
    i = head.info
    return Info(width=i.width, height=i.height, channels=head.channels, depth=i.depth,
                quality=i.quality, lossless=bool(i.lossless), model_id=i.model_id, version=i.version,
                tile=(i.tile_width, i.tile_height) if i.tile_width else None,
                latent_bytes=i.latent_bytes, file_bytes=head.bytes, complete=not head.damage, **extra)


# ---- calls -------------------------------------------------------------------------------------

def _in_session(work: Callable[[c_void_p], Any], model: Optional[Model],
                options: c.Options) -> Any:
    """The result of work(session), with a session that lives as long as that call."""
    handle = c_void_p()
    c.call('lic_session_new', model and model._handle, byref(options), byref(handle))
    try:
        return work(handle)
    finally:
        c.lib.lic_session_free(handle)


def _run(work: Callable[[c_void_p], Any], model: Optional[Model], threads: int,
         limits: Mapping[str, Optional[int]], progress: Optional[Progress]) -> Any:
    """Returns ``work(session)``. Without a model, the session can only handle lossless files."""
    options = c.initialised(c.Options, 'options')
    options.threads = within('threads', threads, 0, 2**31 - 1)
    options.backend = c.BACKENDS.index(model.backend) if model else 0
    for name, value in limits.items():
        if value is not None:
            setattr(options, name, within(name, value, 0, _U64))
    if progress is None and threading.current_thread() is not threading.main_thread():
        return _in_session(work, model, options)
    return _watch(work, model, options, progress)


def _watch(work: Callable[[c_void_p], Any], model: Optional[Model], options: c.Options,
           progress: Optional[Progress]) -> Any:
    """The same in a thread of its own, while this thread calls ``progress`` and handles signals. If
    either raises, as Ctrl-C does, the work stops. (The library's own callback is no place for signals:
    Python runs their handlers on entry to it, where what they raise cannot be caught.)"""
    told: queue.SimpleQueue[Optional[tuple[str, float]]] = queue.SimpleQueue()
    result: concurrent.futures.Future[Any] = concurrent.futures.Future()
    stop = threading.Event()

    def tell(_user: Optional[int], stage: int, fraction: float) -> int:
        if progress:
            told.put((c.STAGES[stage], fraction))
        return stop.is_set()

    def run() -> None:
        try:
            result.set_result(_in_session(work, model, options))
        except BaseException as error:
            result.set_exception(error)
        told.put(None)

    options.progress = c.Progress(tell)
    worker = threading.Thread(target=run, name='lic')
    worker.start()
    try:
        while (news := told.get()) is not None:
            if progress:
                progress(*news)
    except BaseException:
        stop.set()
        raise
    finally:
        worker.join()
    return result.result()


def encode(picture: Any, quality: float = 50.0, *, lossless: Optional[bool] = None, near: int = 0,
           model: ModelLike = None, icc_profile: Optional[bytes] = None, exif: Optional[bytes] = None,
           xmp: Union[bytes, str, None] = None, orientation: int = 0,
           chunks: Optional[Mapping[str, bytes]] = None, tile_side: int = 0, threads: int = 0,
           max_pixels: Optional[int] = None, max_memory: Optional[int] = None,
           progress: Optional[Progress] = None) -> bytes:
    """Encodes a picture to the same bytes that ``lic encode`` writes.

    :param picture: an array of uint8 or uint16: [H, W] grey, or [H, W, C] with C = 1 grey, 2 grey and
        alpha, 3 RGB, 4 RGB and alpha. Or a Pillow image, whose profile, EXIF and XMP are kept unless
        others are given here (``b''`` drops them). Alpha is straight, and kept without loss.
    :param quality: 0 (smallest) to 100 (best), a real number.
    :param lossless: True: keep every sample exactly, whatever the quality; no model is needed. False: never. None, as
        ``lic encode`` does: where the picture is drawn and that costs about what the error would.
    :param near: nearly lossless: colours may be off by this much, 15 of 255 or 4095 of 65535 at most; 0: as `lossless` says.
    :param model: a :class:`lic.Model`, or the name or file of one; None: the student.
    :param icc_profile: profile of the samples; it is stored, not applied.
    :param exif: starts with "II" or "MM", or with the ``Exif\\0\\0`` that Pillow puts before that.
    :param xmp: a packet in UTF-8.
    :param orientation: 1 to 8, to be set in the EXIF; 0 leaves it as it is.
    :param chunks: other metadata by type (codec/FORMAT.md), as ``{'iptc': ...}``.
    :param tile_side: largest side of a tile, a multiple of 64; 0: the library's choice.
    :param threads: 0: all cores. Any number gives the same bytes.
    :param max_pixels: refuse larger pictures; default 2**28.
    :param max_memory: refuse what needs more bytes; default three quarters of the machine's memory.
    :param progress: called as ``progress(stage, fraction)``; an exception in it cancels the call.
    :raises TypeError, ValueError: the array is not a picture, or an argument is out of range.
    :raises lic.Error: anything that the library reports.
    """
    if arrays.is_pillow(picture):
        from . import pillow
        icc_profile, exif, xmp, chunks = pillow.metadata_of(picture, icc_profile, exif, xmp, chunks)
    samples = arrays.rows_in_place(arrays.as_samples(picture))
    metadata, held = _metadata(icc_profile, exif, xmp, orientation)
    listed, held_chunks = _chunks(chunks or {})
    options = c.initialised(c.EncodeOptions, 'encode_options')
    options.near = within('near', near, 0, _U32)
    if near and lossless is None:
        lossless = True
    options.quality = 100.0 if lossless else float(quality)  # as the program says of it
    options.tile_side = within('tile_side', tile_side, 0, _U32)
    options.metadata = ctypes.pointer(metadata)
    options.chunks = listed
    options.n_chunks = len(listed)
    options.lossless = c.LOSSLESS_AUTO if lossless is None else bool(lossless)

    # Everything that C reads belongs to this function, since an interrupt may end its caller first.
    def work(session: c_void_p, _held: Any = (held, held_chunks)) -> bytes:
        image, out = arrays.image_of(samples), c.Buffer()
        try:
            c.call('lic_session_encode', session, byref(image), byref(options), byref(out))
            return ctypes.string_at(out.data, out.bytes)
        finally:
            c.lib.lic_buffer_free(byref(out))

    limits = {'max_pixels': max_pixels, 'max_memory': max_memory}
    return _run(work, None if lossless else find(model), threads, limits, progress)


def _span(data: Union[bytes, str, None]) -> tuple[c.Span, Any]:
    view = memoryview(data.encode() if isinstance(data, str) else data or b'').cast('B')
    at, held = _address(view)
    return c.Span(at, len(view)), held


def _metadata(icc: Any, exif: Any, xmp: Any, orientation: int) -> tuple[c.Metadata, Any]:
    """The struct for the library, and what must stay alive as long as it does."""
    metadata = c.initialised(c.Metadata, 'metadata')
    if exif and bytes(exif[:len(_EXIF)]) == _EXIF:
        exif = exif[len(_EXIF):]
    spans = [_span(data) for data in (icc, exif, xmp)]
    metadata.icc, metadata.exif, metadata.xmp = (span for span, _ in spans)
    metadata.orientation = within('orientation', orientation, 0, 8)
    return metadata, spans


def _chunks(chunks: Mapping[str, bytes]) -> tuple[Any, Any]:
    """An array of chunks for the library, and what must stay alive as long as it does."""
    array, held = (c.Chunk * len(chunks))(), []
    for chunk, (name, data) in zip(array, chunks.items()):
        if len(name) != 4 or not name.isascii():
            raise ValueError(f'{name!r} is not a chunk type; a type has four ASCII characters')
        span, keep = _span(data)
        chunk.type, chunk.data, chunk.bytes = name.encode(), span.data, span.bytes
        held.append(keep)
    return array, held


def decode(source: Source, *, crop: Optional[tuple[int, int, int, int]] = None, scale: int = 1,
           dtype: Any = None, channels: int = 0, threads: int = 0, salvage: bool = False,
           check: bool = True, slices: int = 0, model: ModelLike = None,
           max_pixels: Optional[int] = None, max_work: Optional[int] = None,
           max_memory: Optional[int] = None, progress: Optional[Progress] = None) -> np.ndarray:
    """Decodes a .lic file to an array: [H, W] if it is grey, else [H, W, C] with C = 2 grey and alpha,
    3 RGB, 4 RGB and alpha.

    :param source: the bytes of a file, or its path.
    :param crop: (x, y, width, height) of the part to decode. Only the tiles in it are decoded; its
        pixels are exactly those of the whole picture.
    :param scale: n = 2, 4, 8 or 16 gives a preview of ceil(width / n) x ceil(height / n) pixels. From
        ``Model.preview_scale`` on it is much faster and close to the picture reduced; below, the
        picture is decoded and averaged.
    :param dtype: uint8 or uint16; None: as encoded.
    :param channels: 0: as encoded. 3 and 4 always work: grey is repeated, and without alpha all is
        opaque. 1 and 2 are for grey pictures only. 1 and 3 leave alpha out.
    :param threads: 0: all cores. Any number gives the same pixels.
    :param salvage: decode a truncated file as far as it goes, predict the rest, and warn
        (:class:`lic.SalvageWarning`).
    :param check: False skips the comparison of the latents with their checksum; the picture may then
        be wrong.
    :param slices: read only the first slices of the latents and predict the others; 0: all.
    :param model: a :class:`lic.Model`, or the name or file of one; None: the one that the file names.
    :param max_pixels: refuse larger pictures; default 2**28.
    :param max_work: refuse what needs more multiply-adds; default 2**45; 0: no limit.
    :param max_memory: refuse what needs more bytes; default three quarters of the machine's memory.
    :param progress: called as ``progress(stage, fraction)``; an exception in it cancels the call.
    :raises TypeError, ValueError: an argument is out of range.
    :raises lic.Error: anything that the library reports.
    """
    head = Head(contents(source))
    if not salvage:
        head.check()
    wanted = {'depth': _depth(dtype), 'channels': within('channels', channels, 0, 4),
              'scale': within('scale', scale, 1, _U32), 'n_slices': within('slices', slices, 0, _U32),
              'salvage': bool(salvage), 'no_check': not check, **_crop(crop)}
    limits = {'max_pixels': max_pixels, 'max_work': max_work, 'max_memory': max_memory}
    array, stats = decode_head(head, wanted, model, threads, limits, progress)
    if salvage:
        _warn_of_loss(stats)
    return array


def decode_head(head: Head, wanted: Mapping[str, int], model: ModelLike = None, threads: int = 0,
                limits: Mapping[str, Optional[int]] = {}, progress: Optional[Progress] = None
                ) -> tuple[np.ndarray, c.Stats]:
    """Decodes with these members of lic_decode_options."""
    options = c.initialised(c.DecodeOptions, 'decode_options')
    for name, value in wanted.items():
        setattr(options, name, value)

    def work(session: c_void_p) -> tuple[np.ndarray, c.Stats]:
        image, stats = c.Image(), c.Stats()
        c.call('lic_session_decode', session, head.at, head.bytes, byref(options), byref(image))
        array = arrays.array_of(image)
        c.lib.lic_session_get_stats_sized(session, byref(stats), sizeof(stats))
        return array, stats

    found = None if head.info.lossless else find(model, head.info.model_id)
    return _run(work, found, threads, limits, progress)


def _depth(dtype: Any) -> int:
    if dtype is None:
        return 0
    if np.dtype(dtype) not in (np.uint8, np.uint16):
        raise ValueError(f'dtype is {np.dtype(dtype)}; it can be uint8 or uint16')
    return 8 * np.dtype(dtype).itemsize


def _crop(crop: Optional[tuple[int, int, int, int]]) -> dict[str, int]:
    """The rectangle as options of the decoder."""
    if crop is None:
        return {}
    if len(crop) != 4:
        raise ValueError('crop must be four numbers: x, y, width, height')
    x, y, width, height = crop
    return {'crop_x': within('x of crop', x, 0, _U32), 'crop_y': within('y of crop', y, 0, _U32),
            'crop_width': within('width of crop', width, 1, _U32),
            'crop_height': within('height of crop', height, 1, _U32)}


def _warn_of_loss(stats: c.Stats) -> None:
    """Warns if the file was cut and a part of the picture is predicted."""
    if stats.n_whole_tiles == stats.n_tiles:
        return
    whole, of, what = stats.n_whole_tiles, stats.n_tiles, 'tiles'
    if stats.n_tiles == 1:
        whole, of, what = stats.n_whole_slices, stats.n_slices, 'slices'
    warnings.warn(f'cut short: {whole} of {of} {what} were whole, the rest of the picture is '
                  'predicted', errors.SalvageWarning, stacklevel=3)
