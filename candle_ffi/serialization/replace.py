"""Replacing a file as a whole: it is either the old one or the complete new one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

from candle_ffi.errors import BY_ERRNO, DTypeError, FileError, FileFormatError

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

    It is written in a hidden folder beside the old one, whose name follows from that of the file:
    what a killed process has left there is removed by the next one. Two that write the same file
    do so one after the other.

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
    target = Path(os.path.realpath(path))
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    room = target.parent / f".candle_ffi-{digest}.tmp"
    with _locked(room):
        try:
            staged = room / "content"
            yield staged
            with contextlib.suppress(OSError):  # best effort, as for any program that edits a file
                os.chmod(staged, target.stat().st_mode & 0o7777)
            _to_disk(staged)
            os.replace(staged, target)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    # The content is safe by now; that its name is as well is more than some file systems offer.
    with contextlib.suppress(OSError):
        _to_disk(target.parent)


@contextlib.contextmanager
def _locked(room: Path) -> Iterator[None]:
    """Make the folder, empty and for this writer alone."""
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(room)
        try:
            handle = os.open(room, os.O_RDONLY)
        except FileNotFoundError:
            if not room.parent.is_dir():
                raise
            continue  # another writer has just removed it
        try:
            _lock(handle)
            # The one that had the lock before has removed its folder: then this is none any more.
            if not _is_still(handle, room):
                continue
            for left in os.listdir(room):
                os.unlink(room / left)
            yield
            return
        finally:
            os.close(handle)


def _lock(handle: int) -> None:
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            # Some network file systems have no locks, and replace a file in one step all the same.
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise


def _is_still(handle: int, room: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(room))
    except FileNotFoundError:
        return False


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
