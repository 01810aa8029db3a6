"""lic: a learned image codec, for numpy and Pillow.

    import lic
    data = lic.encode(array, quality=60)    # bytes of a .lic file
    array = lic.decode(data)

Where Pillow is installed it opens and saves .lic files once this package is imported.
"""
from . import _liblic
from .bdrate import bd_quality, bd_rate
from .codec import Info, decode, encode, info
from .errors import (ArgumentError, CancelledError, Error, LimitError, ModelError, OutOfMemoryError,
                     SalvageWarning, StreamError)
from .metrics import ms_ssim, psnr
from .model import Model

try:
    import PIL.Image as _pillow
except ImportError:
    _pillow = None  # type: ignore[assignment]
if _pillow is not None:
    from . import pillow
    pillow.register()

__version__ = _liblic.lib.lic_version().decode()
__all__ = [
    'ArgumentError', 'CancelledError', 'Error', 'Info', 'LimitError', 'Model', 'ModelError',
    'OutOfMemoryError', 'SalvageWarning', 'StreamError', 'bd_quality', 'bd_rate', 'decode', 'encode',
    'info', 'ms_ssim', 'psnr',
]
