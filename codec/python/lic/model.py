"""Models: the networks that pictures are encoded and decoded with."""
from __future__ import annotations

import functools
import os
import weakref
from ctypes import byref, c_void_p, sizeof
from typing import Optional, Union

from . import _liblic as c


def _folder(name: Optional[str]) -> str:
    """Where to look first: LIC_MODEL_DIR if it has the model, else in the package."""
    told = os.environ.get('LIC_MODEL_DIR')
    if told and name and os.path.exists(os.path.join(told, f'{name}.licw')):
        return told
    return c.PACKAGE


class Model:
    """The weights of one network, opened.

    ``Model()`` is the default one (student), ``Model('teacher')`` one of that name, and
    ``Model('folder/file.licw')`` a file; ``Model(id=n)`` is the one that pictures with this
    :attr:`lic.Info.model_id` need. Names and ids are looked for in ``folder``; else in
    ``LIC_MODEL_DIR`` of the environment, in this package, and where liblic is installed.

    With ``backend='openblas'`` pictures are encoded and decoded by OpenBLAS, for comparison: what is
    written then need not have the same bytes elsewhere, though any decoder reads it.

    A model does not change, and any number of threads may use it at once. Opening one takes a
    fraction of a second and some 100 MB, so keep it. Raises :class:`lic.ModelError`.
    """

    name: str             #: "student", "teacher", ...
    hash: int             #: of the weights, 64 bits
    parameters: int       #: as trained
    levels: int           #: rate levels that the model was trained at
    slices: int           #: of the latents
    preview_slices: int   #: of which a preview needs this many; 0: previews take as long as pictures
    backend: str          #: "strict" or "openblas"

    def __init__(self, name: Union[str, 'os.PathLike[str]', None] = None, *, id: int = 0,
                 folder: Union[str, 'os.PathLike[str]', None] = None,
                 backend: str = 'strict', threads: int = 0) -> None:
        if backend not in c.BACKENDS:
            raise ValueError(f'backend is {backend!r}: strict and openblas there are')
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
        # Not at exit: a thread may still be at work then.
        weakref.finalize(self, c.lib.lic_model_close, handle).atexit = False
        info = c.ModelInfo()
        c.lib.lic_model_get_info_sized(handle, byref(info), sizeof(info))
        self.name = info.name.decode('utf-8', 'replace')
        self.hash = info.hash
        self.parameters = info.parameters
        self.levels = info.levels
        self.slices = info.slices
        self.preview_slices = info.preview_slices

    @property
    def id(self) -> int:
        """The low 32 bits of the hash: what pictures say that they were made with."""
        return self.hash & 0xFFFFFFFF

    def __repr__(self) -> str:
        return f'<lic.Model {self.name} {self.hash:016x}>'


def within(name: str, value: int, low: int, high: int) -> int:
    """A whole number in its range, as C would silently cut it off."""
    if isinstance(value, bool) or not hasattr(value, '__index__'):
        raise TypeError(f'{name} is {value!r}, and should be a whole number')
    number = value.__index__()
    if not low <= number <= high:
        raise ValueError(f'{name} is {number}, and can be {low} to {high}')
    return number


@functools.lru_cache(maxsize=4)
def _opened(name: Optional[str], id: int, told: Optional[str]) -> Model:
    return Model(name, id=id)


def find(model: Union[Model, str, 'os.PathLike[str]', None], id: int = 0) -> Model:
    """A model as callers name it; those that are named, and the default one, are kept open."""
    if isinstance(model, Model):
        return model
    if model is None:
        return _opened(None, id, os.environ.get('LIC_MODEL_DIR'))
    return _opened(os.fspath(model), 0, os.environ.get('LIC_MODEL_DIR'))
