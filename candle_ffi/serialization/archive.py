"""Zip archives whose directory is complete."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from candle_ffi.errors import FileFormatError

__all__ = ["archive_of"]

_END: Final = 22
_MANY: Final = 0xFFFF


@contextmanager
def archive_of(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open an archive, once its directory has as many entries as its end says.

    Python leaves out entries that a damaged length in the directory skips.

    Parameters
    ----------
    file : binary file
        The file.

    Yields
    ------
    ZipFile
        The archive.

    Raises
    ------
    FileFormatError
        Entries are missing.
    """
    with zipfile.ZipFile(file) as archive:
        file.seek(-_END - len(archive.comment), 2)
        signature, said = struct.unpack("<4s6xH10x", file.read(_END))
        found = len(archive.infolist())
        if signature != b"PK\x05\x06" or said not in (found, _MANY):
            raise FileFormatError(f"its directory is damaged: it has {found} records, not {said}")
        yield archive
