"""A digest of a whole safetensors file, kept in its own metadata.

It is computed with zeros in its own place, so that a change of any byte of the file is noticed:
of the tensors, of the header, and of the spaces between them.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from typing import BinaryIO

from candle_ffi.errors import FileFormatError
from candle_ffi.serialization.replace import file_errors

__all__ = ["DIGEST", "UNSET", "seal", "verify"]

#: The name of the digest in the metadata, and what stands there until it is known.
DIGEST = "sha256"
UNSET = "0" * 64

# In a JSON text no string can hold this: its quotes would be escaped.
_PLACE = re.compile(rb'"sha256":"([0-9a-f]{64})"')
# What the reader of the format allows.
_MAX_HEADER = 16 << 20
_CHUNK = 1 << 20


def seal(path: str | os.PathLike[str]) -> str:
    """Write the digest of a file that has zeros in its place.

    Parameters
    ----------
    path : str or path
        The file, which no other reads yet.

    Returns
    -------
    str
        The digest.
    """
    with open(path, "r+b") as file:
        start = _find(file, path)
        digest = _digest(file, start)
        file.seek(start)
        file.write(digest.encode())
        return digest


def verify(path: str | os.PathLike[str], operation: str) -> str:
    """Return the digest of a file, after comparing it with what the file holds.

    Parameters
    ----------
    path : str or path
        The file.
    operation : str
        What the message of an error begins with.

    Returns
    -------
    str
        The digest.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        The file has no digest, or another one than its bytes.
    """
    with file_errors(operation, path), open(path, "rb") as file:
        try:
            start = _find(file, path)
        except FileFormatError as error:
            raise FileFormatError(f"{operation}: {error}", operation=operation) from None
        file.seek(start)
        written = file.read(len(UNSET)).decode()
        if written != _digest(file, start):
            raise FileFormatError(
                f"{operation}: the file {os.fspath(path)} is damaged: its bytes are not those that "
                "were written (the SHA-256 digest differs)",
                operation=operation,
            )
        return written


def _find(file: BinaryIO, path: str | os.PathLike[str]) -> int:
    """Return where the digest begins."""
    label = f"the file {os.fspath(path)}"
    length = os.fstat(file.fileno()).st_size
    if length < 8:
        raise FileFormatError(f"{label} has only {length} bytes: it is no checkpoint, or cut off")
    (size,) = struct.unpack("<Q", file.read(8))
    if size > length - 8 or size > _MAX_HEADER:
        raise FileFormatError(
            f"{label} is no checkpoint, or damaged or cut off: its header would have {size} bytes, "
            f"and the file has {length}"
        )
    found = list(_PLACE.finditer(file.read(size)))
    if len(found) != 1:
        raise FileFormatError(
            f"{label} is no checkpoint, or its header is damaged: it has no digest. "
            "For a file of weights alone use candle_ffi.load"
        )
    return 8 + found[0].start(1)


def _digest(file: BinaryIO, start: int) -> str:
    sha = hashlib.sha256()
    file.seek(0)
    sha.update(file.read(start))
    sha.update(UNSET.encode())
    file.seek(start + len(UNSET))
    while chunk := file.read(_CHUNK):
        sha.update(chunk)
    return sha.hexdigest()
