"""Exceptions: one class for each family of lic_status (codec/lic.h). Their text is the library's."""
from __future__ import annotations


class Error(Exception):
    """Anything that the library reports.

    ``str(error)`` is one line of text for people, ``status`` the lic_status, and ``name`` its name,
    such as ``"LIC_ERR_CORRUPT"``.
    """

    def __init__(self, text: str, status: int = 0, name: str = '') -> None:
        super().__init__(text, status, name)
        self.status = status
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class ArgumentError(Error, ValueError):
    """An argument is out of range, or this build or machine does not support what was asked for."""


class StreamError(Error, ValueError):
    """The bytes are not a .lic file, or the file is too new, truncated or damaged."""


class ModelError(Error):
    """The weights are missing, damaged, or not the ones that the file was written with."""


class OutOfMemoryError(Error, MemoryError):
    """An allocation failed."""


class LimitError(Error):
    """A limit on pixels, memory or work would have been exceeded; nothing was done."""


class CancelledError(Error):
    """The call was cancelled."""


class SalvageWarning(UserWarning):
    """A truncated file was decoded; parts of the picture are predicted."""


_FAMILIES: dict[int, type[Error]] = {
    1: ArgumentError, 2: StreamError, 3: ModelError, 4: OutOfMemoryError, 5: LimitError,
    6: CancelledError}


def of_status(status: int, name: str, text: str) -> Error:
    """The exception for a status other than LIC_OK."""
    return _FAMILIES.get(status // 10, Error)(text or name, status, name)
