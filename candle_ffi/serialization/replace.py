"""Replacing a file as a whole: it is either the old one or the complete new one."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from candle_ffi.errors import BY_ERRNO, DTypeError, FileError, FileFormatError
from candle_ffi.serialization.room import room_of

__all__ = ["about", "file_errors", "replacing"]

#: What reading an archive that is damaged raises.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError),
    *(ValueError, RuntimeError, OverflowError, SyntaxError),
)


@contextlib.contextmanager
def file_errors(operation: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Make the system's errors those of this package, with the path.

    Parameters
    ----------
    operation : str
        What the message begins with.
    path : str or path
        The file.

    Raises
    ------
    FileError
        In place of an `OSError`; a `MissingFileError` or `FilePermissionError` where it fits.
    """
    try:
        yield
    except OSError as error:
        kind = BY_ERRNO.get(error.errno or 0, FileError)
        reason = os.strerror(error.errno) if error.errno else str(error)
        told = kind(f"{operation}: the file {os.fspath(path)}: {reason}", operation=operation)
        told.errno = error.errno
        raise told from None


@contextlib.contextmanager
def about(operation: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Make errors about the content of a file those of this package, with the path.

    Parameters
    ----------
    operation : str
        What the message begins with.
    path : str or path
        The file.

    Raises
    ------
    FileFormatError
        In place of what reading a damaged archive raises.
    DTypeError
        With the path in its message.
    """
    label = f"{operation}: the file {os.fspath(path)}:"
    try:
        yield
    except DTypeError as error:
        raise DTypeError(f"{label} {error}", operation=operation, dtypes=error.dtypes) from None
    except FileFormatError as error:
        raise FileFormatError(f"{label} {error}", operation=operation) from None
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # another than that of a place before the beginning of the file
        raise FileFormatError(
            f"{label} it is damaged or cut off: {error}", operation=operation
        ) from None


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Have a new file written, which takes the place of an old one when it is complete.

    It is written beside the old one, in a hidden folder whose name follows from that of the file:
    what a killed process has left there is removed by the next one. Two that write the same file
    do so one after the other. A device is written to as it is.

    Parameters
    ----------
    path : str or path
        The file to replace. A link stays, and what it points to is replaced.

    Yields
    ------
    Path
        Where the new content is to be written. When the block ends without an exception, it is
        brought to the disk and moved.
    """
    # Before links are followed: those of /dev/fd lead to what has no path, as a pipe.
    target = Path(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        yield target
        return
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    with room_of(target) as staged:
        yield staged
        with contextlib.suppress(OSError):  # best effort, as for any program that edits a file
            os.chmod(staged, target.stat().st_mode & 0o7777)
        _to_disk(staged)
        os.replace(staged, target)
    # The content is safe by now; that its name is as well is more than some file systems offer.
    with contextlib.suppress(OSError):
        _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
