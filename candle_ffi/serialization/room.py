"""A hidden folder beside a file, in which its successor is written.

Its name follows from that of the file, and a lock in it says that somebody is there: writers of one
file take turns, and what a killed one has left is removed by the next, or by one that writes
another file in the same folder. The native library does the same for the files that it writes
itself, with the same names (``io/room.rs``); in a room it writes a file as it stands.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

__all__ = ["room_of"]

_PREFIX: Final = ".candle_ffi-"
_SUFFIX: Final = ".tmp"
_LOCK: Final = "lock"
#: How many rooms a file may have: another is taken where a user has left what this one may not
#: remove.
_MOST_ROOMS: Final = 8
#: How long, in seconds, the room of another file is let alone: not all locks reach all machines
#: that share a folder.
_IDLE: Final = 60 * 60

_numbers = itertools.count()


@contextlib.contextmanager
def room_of(target: Path) -> Iterator[Path]:
    """Wait for the room of a file, and remove it at the end with all that is in it.

    Parameters
    ----------
    target : Path
        The file.

    Yields
    ------
    Path
        Where in it the new file is to be written; the name is of this writer alone.
    """
    # Of this package and the process, so that it is not that of a file the library writes there.
    content = f"content-{os.getpid()}-python-{next(_numbers)}"
    room, lock = _enter(target)
    try:
        _remove_idle(target.parent, room)
        yield room / content
    finally:
        with contextlib.suppress(OSError):
            os.unlink(room / content)
        _remove(room)
        if lock is not None:
            _unlock(lock)


def _enter(target: Path) -> tuple[Path, int | None]:
    start = _hash(os.fsencode(target.name))
    for number in range(_MOST_ROOMS):
        room = target.parent / f"{_PREFIX}{(start + number) % 2**64:016x}{_SUFFIX}"
        try:
            return room, _locked(room)
        except OSError:
            if number + 1 == _MOST_ROOMS:
                raise
    raise AssertionError("the last room is given or its error")


def _locked(room: Path) -> int | None:
    """Make the folder, empty and for this writer alone; None where there are no locks."""
    while True:
        made = False
        with contextlib.suppress(FileExistsError):
            os.mkdir(room, 0o700)  # what others may not read they may not read here either
            made = True
        try:
            lock = _open_lock(room)
        except FileNotFoundError:
            continue  # the one who was there has just removed it
        except OSError:
            if made:  # the disk is full
                with contextlib.suppress(OSError):
                    os.rmdir(room)
            raise
        try:
            held = _lock(lock)
            # The one that had the lock before has removed the room: then this is none any more.
            if held and not _is_still(lock, room):
                _unlock(lock)
                continue
            _empty(room, careful=not held)
        except BaseException:
            os.close(lock)
            raise
        if held:
            return lock
        os.close(lock)
        return None


def _open_lock(room: Path) -> int:
    # A link would lead to files that are none of ours, and so would another user who has made the
    # room where all may, as in /tmp.
    found = os.lstat(room)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(room))
    is_open = os.stat(room.parent).st_mode & 0o022 != 0
    if hasattr(os, "geteuid") and is_open and found.st_uid != os.geteuid():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(room))
    no_link = getattr(os, "O_NOFOLLOW", 0)
    return os.open(room / _LOCK, os.O_RDWR | os.O_CREAT | no_link, 0o666)


def _lock(handle: int, wait: bool = True) -> bool:
    """Return whether the lock is had; False where there are none, as in some network folders."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _unlock(handle: int) -> None:
    # To close it is not enough: a child that was forked meanwhile has it open, too.
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _is_still(handle: int, room: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(room / _LOCK))
    except FileNotFoundError:
        return False


def _empty(room: Path, careful: bool) -> None:
    """Remove what is in a room but for the lock, or only what nobody has written to for long."""
    for path in _inside(room):
        if path.name != _LOCK and (not careful or _is_idle(path)):
            with contextlib.suppress(OSError):
                os.unlink(path)


def _remove(room: Path) -> None:
    """Remove a room that is empty but for the lock."""
    if all(path.name == _LOCK for path in _inside(room)):
        with contextlib.suppress(OSError):
            os.unlink(room / _LOCK)
        with contextlib.suppress(OSError):
            os.rmdir(room)


def _remove_idle(folder: Path, own: Path) -> None:
    """Remove the rooms of other files in which nobody is, and nobody has been for long."""
    for room in _inside(folder):
        if not (room.name.startswith(_PREFIX) and room.name.endswith(_SUFFIX)) or room == own:
            continue
        if not all(map(_is_idle, (room, *_inside(room)))):
            continue
        with contextlib.suppress(OSError):
            lock = _open_lock(room)
            try:
                if _lock(lock, wait=False) and _is_still(lock, room):
                    _empty(room, careful=True)
                    _remove(room)
            finally:
                _unlock(lock)


def _inside(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder)]
    except OSError:
        return []


def _is_idle(path: Path) -> bool:
    try:
        return time.time() - os.lstat(path).st_mtime > _IDLE
    except OSError:
        return False


def _hash(name: bytes) -> int:
    """FNV-1a: short, and the same wherever it is written down."""
    value = 0xCBF29CE484222325
    for byte in name:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value
