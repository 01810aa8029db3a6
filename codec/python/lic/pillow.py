"""A plug-in for Pillow: ``Image.open('photo.lic')`` and ``image.save('photo.lic', quality=60)``.

``import lic`` registers it. Opening a file reads its head; pixels are decoded when they are needed.
``draft()``, and so ``thumbnail()``, decodes a preview if that is large enough. Pillow's only mode for
16 bits is grey without alpha; other pictures of 16 bits are decoded to 8.

``save`` takes quality, lossless, near, model, tile_side, threads, icc_profile, exif, xmp, chunks (all as for
lic.encode) and dpi. Profile, EXIF, XMP, dpi and sRGB in the image's ``info`` are kept unless others are
given; ``b''`` drops them.
"""
from __future__ import annotations

import io
import struct
import warnings
from typing import IO, Any, Mapping, Optional, Union

import numpy as np
from PIL import Image, ImageFile

from . import codec, errors

FORMAT = 'LIC'
_SIGNATURE = b'\x9blic'
_EXIF = b'Exif\0\0'
_ORIENTATION = 0x0112
_FIRST_READ = 4096
_INCH = 0.0254  # metres
#: Scales of previews, the smallest preview first.
_SCALES = (16, 8, 4, 2)
#: Modes that are converted to be encoded, and those that are encoded as they are.
_CONVERTED = {'1': 'L', 'PA': 'RGBA', 'La': 'LA', 'RGBa': 'RGBA', 'RGBX': 'RGB', 'YCbCr': 'RGB'}
_DIRECT = ('L', 'LA', 'RGB', 'RGBA', 'I', 'I;16', 'I;16L', 'I;16B', 'I;16N')


# ---- encoding ------------------------------------------------------------------------------------

def samples_of(image: Image.Image) -> np.ndarray:
    """The samples of an image, [H, W] or [H, W, C], uint8 or uint16. Raises ValueError for modes that a
    .lic file cannot hold (CMYK, LAB, HSV, F)."""
    mode = _CONVERTED.get(image.mode, image.mode)
    if 'transparency' in image.info and image.mode in ('P', 'L', 'RGB', '1'):
        mode = 'LA' if mode == 'L' else 'RGBA'
    elif image.mode == 'P':
        mode = 'RGBA' if image.palette and image.palette.mode == 'RGBA' else 'RGB'
    if mode not in _DIRECT:
        raise ValueError(f'cannot write mode {image.mode} as {FORMAT}; convert it to RGB')
    if mode.startswith('I'):
        return _sixteen_bits(image)
    return np.asarray(image if mode == image.mode else image.convert(mode))


def _sixteen_bits(image: Image.Image) -> np.ndarray:
    """Of mode I, which a 16-bit PNG may have, or I;16; with alpha if one value is transparent."""
    samples = np.asarray(image)
    if image.mode == 'I' and (samples.min() < 0 or samples.max() > 0xFFFF):
        raise ValueError('mode I has samples outside 0 to 65535')
    samples = samples.astype(np.uint16)
    clear = image.info.get('transparency')
    if not isinstance(clear, int):
        return samples
    return np.dstack([samples, np.where(samples == clear, 0, 0xFFFF).astype(np.uint16)])


def metadata_of(image: Image.Image, icc: Any = None, exif: Any = None, xmp: Any = None,
                chunks: Optional[Mapping[str, bytes]] = None, dpi: Any = None
                ) -> tuple[Any, Any, Any, dict[str, bytes]]:
    """Profile, EXIF, XMP and other chunks: those given, else those of the image."""
    info = image.info
    if icc is None:
        icc = info.get('icc_profile')
        if icc and len(icc) >= 20 and icc[16:20] not in (b'RGB ', b'GRAY'):
            icc = None  # of the image before it was converted
    if exif is None:
        exif = info.get('exif') or _orientation_alone(image)
    if isinstance(exif, Image.Exif):
        exif = exif.tobytes()
    if xmp is None:
        xmp = info.get('xmp') or info.get('XML:com.adobe.xmp')
    found: dict[str, bytes] = {}
    if not icc:
        found.update(_pack_colours(info))
    found.update(_pack_resolution(dpi if dpi is not None else info.get('dpi')))
    found.update(chunks or {})
    return icc, exif, xmp, found


def _orientation_alone(image: Image.Image) -> Optional[Image.Exif]:
    """For files that keep it elsewhere, such as TIFF."""
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation not in range(2, 9):
        return None
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _pack_resolution(dpi: Any) -> dict[str, bytes]:
    """In the form of PNG's pHYs."""
    try:
        per_metre = [int(float(side) / _INCH + 0.5) for side in dpi or ()]
        return {'phys': struct.pack('>IIB', *per_metre, 1)} if any(per_metre) else {}
    except (TypeError, ValueError, ArithmeticError, struct.error):
        return {}


def _pack_colours(info: Mapping[Any, Any]) -> dict[str, bytes]:
    """In the form of PNG's sRGB, gAMA and cHRM, which Pillow reads."""
    try:
        if 'srgb' in info:
            return {'colr': b'sRGB\1' + struct.pack('B', info['srgb'])}
        data = b''
        if info.get('gamma'):
            data += b'gAMA\4' + struct.pack('>I', round(info['gamma'] * 1e5))
        if info.get('chromaticity'):
            data += b'cHRM\x20' + struct.pack('>8I', *(round(v * 1e5) for v in info['chromaticity']))
        return {'colr': data} if data else {}
    except (TypeError, ValueError, ArithmeticError, struct.error):
        return {}


def _save(image: Image.Image, file: IO[bytes], filename: Union[str, bytes]) -> None:
    """Pillow's save: takes its usual arguments, and those of lic.encode."""
    given = getattr(image, 'encoderinfo', {})
    icc, exif, xmp, chunks = metadata_of(image, *(given.get(name) for name in
                                                  ('icc_profile', 'exif', 'xmp', 'chunks', 'dpi')))
    options = {name: given[name] for name in ('quality', 'lossless', 'near', 'model', 'tile_side', 'threads')
               if name in given}
    try:
        samples = samples_of(image)
    except ValueError as error:
        raise OSError(str(error)) from error
    file.write(codec.encode(samples, icc_profile=icc, exif=exif, xmp=xmp, chunks=chunks, **options))


# ---- decoding ------------------------------------------------------------------------------------

def _accept(prefix: bytes) -> bool:
    return prefix[:len(_SIGNATURE)] == _SIGNATURE


def _read_head(file: IO[bytes]) -> codec.Head:
    """Reads only as much of the file as its head takes."""
    data = b''
    wanted = _FIRST_READ
    while True:
        more = file.read(wanted - len(data))
        data += more
        try:
            return codec.Head(memoryview(data))
        except errors.StreamError as error:
            if not more:
                raise SyntaxError(str(error)) from error
        wanted *= 2


def _mode_of(head: codec.Head) -> str:
    if head.channels == 1:
        return 'L' if head.info.depth == 8 else 'I;16'
    return ('LA', 'RGB', 'RGBA')[head.channels - 2]


class LicImageFile(ImageFile.ImageFile):
    """Pillow's view of a .lic file: size, mode and metadata at once, pixels when they are asked for."""

    format = FORMAT
    format_description = 'lic, a learned image codec'

    def _open(self) -> None:
        head = _read_head(self.fp)
        self._size = head.info.width, head.info.height
        self._set_mode(_mode_of(head))
        try:
            self._set_info(head)
        except errors.Error as error:
            warnings.warn(f'metadata is left out: {error}', stacklevel=4)
        self._set_scale(1)

    def _set_mode(self, mode: str) -> None:
        if isinstance(getattr(type(self), 'mode', None), property):  # Pillow 10.1 and later
            self._mode = mode
        else:
            self.mode = mode

    def _set_scale(self, scale: int) -> None:
        self.tile = [('lic', (0, 0) + self.size, 0, (self.mode, scale))]

    def _set_info(self, head: codec.Head) -> None:
        metadata = head.metadata()
        for name in ('icc_profile', 'xmp'):
            if metadata[name]:
                self.info[name] = metadata[name]
        if metadata['exif']:
            self.info['exif'] = _EXIF + metadata['exif']  # as other formats have it
        chunks = head.chunks()
        self.info.update(_unpack_colours(chunks.get('colr', b'')))
        self.info.update(_unpack_resolution(chunks.get('phys', b'')))

    def getxmp(self) -> dict[str, Any]:
        """The XMP as a dictionary; needs defusedxml."""
        if 'xmp' not in self.info:
            return {}
        parent = getattr(super(), 'getxmp', None)  # Pillow 11 and later
        return parent() if parent else self._getxmp(self.info['xmp'])  # type: ignore[attr-defined]

    def draft(self, mode: Optional[str], size: tuple[int, int]) -> Any:
        """Before loading, turns this into a preview if there is one of at least this size. Returns the
        mode and the part of the preview that the picture covers, or None if nothing changes."""
        if len(self.tile) != 1 or self.tile[0][3][1] != 1 or not size:
            return None
        width, height = self.size
        for scale in _SCALES:
            if width / scale >= size[0] and height / scale >= size[1]:
                self._size = -(-width // scale), -(-height // scale)
                self._set_scale(scale)
                return self.mode, (0, 0, width / scale, height / scale)
        return None

    def verify(self) -> None:
        """Verifies the checksum of the file without decoding it."""
        self.fp.seek(0)
        try:
            codec.Head(memoryview(self.fp.read())).check()
        except errors.Error as error:
            raise OSError(str(error)) from error
        super().verify()


class _Decoder(ImageFile.PyDecoder):
    """Decodes the one "tile", in Pillow's sense, of a LicImageFile."""

    _pulls_fd = True

    def decode(self, buffer: bytes) -> tuple[int, int]:  # type: ignore[override]
        mode, scale = self.args
        salvage = ImageFile.LOAD_TRUNCATED_IMAGES
        wanted = {'scale': scale, 'salvage': salvage, 'channels': Image.getmodebands(mode),
                  'depth': 16 if mode == 'I;16' else 8}
        try:
            head = codec.Head(memoryview(self.fd.read()))
            if not salvage:
                head.check()
            picture, _ = codec.decode_head(head, wanted)
        except errors.OutOfMemoryError:
            raise
        except errors.Error as error:
            raise OSError(str(error)) from error
        self.set_as_raw(np.ascontiguousarray(picture), 'I;16N' if mode == 'I;16' else mode)
        return -1, 0


def _unpack_resolution(data: bytes) -> dict[str, Any]:
    if len(data) != 9:
        return {}
    x, y, unit = struct.unpack('>IIB', data)
    return {'dpi': (x * _INCH, y * _INCH)} if unit == 1 else {'aspect': (x, y)}


def _unpack_colours(data: bytes) -> dict[str, Any]:
    """With the names and values that Pillow uses for PNG."""
    found: dict[str, Any] = {}
    file = io.BytesIO(data)
    while len(head := file.read(5)) == 5:
        name, part = head[:4], file.read(head[4])
        if name == b'sRGB' and len(part) == 1:
            found['srgb'] = part[0]
        elif name == b'gAMA' and len(part) == 4:
            found['gamma'] = struct.unpack('>I', part)[0] / 1e5
        elif name == b'cHRM' and len(part) == 32:
            found['chromaticity'] = tuple(v / 1e5 for v in struct.unpack('>8I', part))
    return found


def register() -> None:
    """Registers the plug-in; calling it again does no harm."""
    Image.register_open(FORMAT, LicImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_decoder('lic', _Decoder)
    Image.register_extension(FORMAT, '.lic')
    Image.register_mime(FORMAT, 'image/x-lic')
