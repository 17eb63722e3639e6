"""The exceptions: one class for each kind of failure, each also the built-in class that fits."""

from __future__ import annotations

import builtins
import errno
from collections.abc import Sequence

__all__ = [
    "BackendError",
    "BusyError",
    "CallbackError",
    "CandleError",
    "CandleIndexError",
    "DTypeError",
    "DeviceError",
    "FileError",
    "FileFormatError",
    "FilePermissionError",
    "GraphError",
    "InPlaceError",
    "InternalError",
    "InvalidArgumentError",
    "MissingFileError",
    "NoGradientError",
    "OutOfMemoryError",
    "PanicError",
    "ShapeError",
    "StateDictError",
    "UnsupportedError",
]


class CandleError(Exception):
    """Base of every error that candle_ffi raises.

    Attributes
    ----------
    code : int
        The number of the C interface (`CANDLE_ERROR_*`).
    operation : str or None
        The operation that failed.
    shapes : tuple of tuple of int
        The shapes involved.
    dtypes : tuple of str
        The names of the dtypes involved.
    devices : tuple of str
        The devices involved.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> try:
    ...     cf.ones(2, 3) @ cf.ones(2, 3)
    ... except cf.CandleError as error:
    ...     print(error.operation, error.shapes)
    matmul ((2, 3), (2, 3))
    """

    code: int = 0

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        operation: str | None = None,
        shapes: Sequence[tuple[int, ...]] = (),
        dtypes: Sequence[str] = (),
        devices: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.operation = operation
        self.shapes = tuple(shapes)
        self.dtypes = tuple(dtypes)
        self.devices = tuple(devices)


class InvalidArgumentError(CandleError, ValueError):
    """An argument outside its domain."""

    code = 1


class BusyError(CandleError, RuntimeError):
    """An object is in exclusive use by another thread."""

    code = 5


class ShapeError(CandleError, ValueError):
    """Shapes that do not fit."""

    code = 20


class DTypeError(CandleError, TypeError):
    """A dtype that the operation does not have."""

    code = 21


class DeviceError(CandleError, RuntimeError):
    """A device that is not there, or two devices in one operation."""

    code = 22


class CandleIndexError(CandleError, builtins.IndexError):
    """An index or a dimension out of range."""

    code = 23


class OutOfMemoryError(CandleError, MemoryError):
    """Memory that cannot be had."""

    code = 30


class NoGradientError(CandleError, RuntimeError):
    """A gradient that cannot be given."""

    code = 40


class GraphError(CandleError, RuntimeError):
    """Misuse of the graph: none is there, it is freed already, or an input is not part of it."""

    code = 41


class InPlaceError(CandleError, RuntimeError):
    """A value needed for a gradient was changed in place."""

    code = 42


class FileError(CandleError, OSError):
    """Reading or writing a file failed."""

    code = 50


class MissingFileError(FileError, FileNotFoundError):
    """A file that is not there; caught as `FileError` or Python's `FileNotFoundError`."""


class FilePermissionError(FileError, PermissionError):
    """A file that may not be read or written; also Python's `PermissionError`."""


class FileFormatError(CandleError, ValueError):
    """A file whose content is not what its format demands."""

    code = 51


class StateDictError(CandleError, RuntimeError):
    """Weights that do not fit the module."""

    code = 52


class UnsupportedError(CandleError, NotImplementedError):
    """A combination that this build does not offer."""

    code = 60


class CallbackError(CandleError, RuntimeError):
    """A function that the library called back has failed."""

    code = 70


class BackendError(CandleError, RuntimeError):
    """Candle reported a failure."""

    code = 90


class PanicError(CandleError, RuntimeError):
    """A panic was caught at the border of the native library."""

    code = 91


class InternalError(CandleError, RuntimeError):
    """A broken promise inside the native library."""

    code = 92


# Files that fail in a way for which Python has a class of its own, by the number of the system.
BY_ERRNO: dict[int, type[FileError]] = {
    errno.ENOENT: MissingFileError,
    errno.EACCES: FilePermissionError,
    errno.EPERM: FilePermissionError,
}

# NULL pointers, UTF-8, small buffers and foreign handles (2, 3, 4, 6) are arguments as well.
BY_CODE: dict[int, type[CandleError]] = {
    **{kind.code: kind for kind in CandleError.__subclasses__()},
    **dict.fromkeys((2, 3, 4, 6), InvalidArgumentError),
}
