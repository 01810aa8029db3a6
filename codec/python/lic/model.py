"""Models: the networks that pictures are encoded and decoded with."""
from __future__ import annotations

import functools
import os
import weakref
from ctypes import byref, c_void_p, sizeof
from typing import Optional, Union

from . import _liblic as c


def _folder(name: Optional[str]) -> str:
    """Where to look first: in LIC_MODEL_DIR if the model is there, else in this package."""
    told = os.environ.get('LIC_MODEL_DIR')
    if told and name and os.path.exists(os.path.join(told, f'{name}.licw')):
        return told
    return c.PACKAGE


class Model:
    """The weights of one network.

    ``Model()`` opens the default model (student), ``Model('teacher')`` the one of that name, and
    ``Model('folder/file.licw')`` a file. ``Model(id=n)`` opens the model for files with this
    :attr:`lic.Info.model_id`. Names and ids are looked up in ``folder`` if given; else in the
    environment's ``LIC_MODEL_DIR``, in this package, and where liblic is installed.

    ``backend='openblas'`` computes with OpenBLAS, for comparison. The bytes of such a file may differ
    from machine to machine, but any decoder can read it.

    A model never changes, and any number of threads may share it. Opening one takes a fraction of a
    second, so keep it. Raises :class:`lic.ModelError`.
    """

    name: str             #: "student", "teacher", ...
    hash: int             #: of the weights, 64 bits
    parameters: int       #: as trained
    levels: int           #: rate levels that the model was trained at
    slices: int           #: of the latents
    preview_slices: int   #: that a preview of 1/16 needs; 0: it takes as long as the picture
    preview_scale: int    #: the least that is fast, 2 to 16; 0: none
    backend: str          #: "strict" or "openblas"

    def __init__(self, name: Union[str, 'os.PathLike[str]', None] = None, *, id: int = 0,
                 folder: Union[str, 'os.PathLike[str]', None] = None,
                 backend: str = 'strict', threads: int = 0) -> None:
        if backend not in c.BACKENDS:
            raise ValueError(f'backend is {backend!r}; it can be strict or openblas')
        text = None if name is None else os.fspath(name)
        where = _folder(text or (None if id else 'student')) if folder is None else os.fspath(folder)
        options = c.initialised(c.ModelOptions, 'model_options')
        options.threads = within('threads', threads, 0, 2**31 - 1)
        options.backend = c.BACKENDS.index(backend)
        options.folder = os.fsencode(where)
        handle = c_void_p()
        c.call('lic_model_find', None if text is None else os.fsencode(text),
               within('id', id, 0, 2**32 - 1), byref(options), byref(handle))
        self._handle = handle
        self.backend = backend
        # Not at exit, when another thread may still be using it.
        weakref.finalize(self, c.lib.lic_model_close, handle).atexit = False
        info = c.ModelInfo()
        c.lib.lic_model_get_info_sized(handle, byref(info), sizeof(info))
        self.name = info.name.decode('utf-8', 'replace')
        self.hash = info.hash
        self.parameters = info.parameters
        self.levels = info.levels
        self.slices = info.slices
        self.preview_slices = info.preview_slices
        self.preview_scale = info.preview_scale

    @property
    def id(self) -> int:
        """The low 32 bits of the hash. Files store it to name their model."""
        return self.hash & 0xFFFFFFFF

    def __repr__(self) -> str:
        return f'<lic.Model {self.name} {self.hash:016x}>'


def within(name: str, value: int, low: int, high: int) -> int:
    """A whole number within a range. ctypes would silently drop the bits that do not fit."""
    if isinstance(value, bool) or not hasattr(value, '__index__'):
        raise TypeError(f'{name} is {value!r}; it must be a whole number')
    number = value.__index__()
    if not low <= number <= high:
        raise ValueError(f'{name} is {number}; it can be {low} to {high}')
    return number


@functools.lru_cache(maxsize=4)
def _opened(name: Optional[str], id: int, told: Optional[str]) -> Model:
    return Model(name, id=id)


def find(model: Union[Model, str, 'os.PathLike[str]', None], id: int = 0) -> Model:
    """The model that a caller asks for. Models found by name or id stay open for later calls."""
    if isinstance(model, Model):
        return model
    if model is None:
        return _opened(None, id, os.environ.get('LIC_MODEL_DIR'))
    return _opened(os.fspath(model), 0, os.environ.get('LIC_MODEL_DIR'))
