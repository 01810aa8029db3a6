"""Exceptions: one class for each family of lic_status (codec/lic.h), with the library's text."""
from __future__ import annotations


class Error(Exception):
    """What the library refused or could not do.

    ``str()`` of it is the library's text, one line; ``status`` its number (``lic_status``) and
    ``name`` that number's name, ``"LIC_ERR_CORRUPT"``.
    """

    def __init__(self, text: str, status: int = 0, name: str = '') -> None:
        super().__init__(text, status, name)
        self.status = status
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class ArgumentError(Error, ValueError):
    """An argument is out of its range, or this build or machine lacks what was asked for."""


class StreamError(Error, ValueError):
    """The bytes are no .lic file, or a newer, a truncated or a damaged one."""


class ModelError(Error):
    """The weights are missing, damaged, or not those that the picture was written with."""


class OutOfMemoryError(Error, MemoryError):
    """An allocation failed."""


class LimitError(Error):
    """A limit on pixels, memory or work would be exceeded; nothing was done."""


class CancelledError(Error):
    """The call was stopped."""


class SalvageWarning(UserWarning):
    """A picture was made of a file that was cut short: parts of it are predicted."""


_FAMILIES: dict[int, type[Error]] = {
    1: ArgumentError, 2: StreamError, 3: ModelError, 4: OutOfMemoryError, 5: LimitError,
    6: CancelledError}


def of_status(status: int, name: str, text: str) -> Error:
    """The exception for a status other than 0."""
    return _FAMILIES.get(status // 10, Error)(text or name, status, name)
