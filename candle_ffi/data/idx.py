"""Arrays in IDX files: the format of MNIST and of the data sets made after it."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from candle_ffi.errors import FileFormatError
from candle_ffi.serialization.replace import file_errors

__all__ = ["read_idx"]

#: The third byte of a file says what its numbers are; all have their highest byte first.
DTYPES: Final = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP: Final = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], ndim: int | None = None) -> np.ndarray[Any, Any]:
    """Read an IDX file; one whose name ends with ``.gz`` is decompressed on the way.

    Parameters
    ----------
    path : str or path
        The file.
    ndim : int, optional
        The number of dimensions that it must have, of unsigned bytes then; any array when not
        given.

    Returns
    -------
    ndarray
        In the byte order of the machine. It may be read-only.

    Raises
    ------
    FileError
        The file cannot be read; `MissingFileError` where there is none.
    FileFormatError
        It is no such file, cut off, or longer than it says.

    Notes
    -----
    What `torchvision.datasets.MNIST` reads its files with

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from candle_ffi.data.idx import read_idx
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 7]))
    >>> read_idx(path)
    array([9, 0, 7], dtype=uint8)
    """
    with file_errors("read_idx", path):
        try:
            if Path(path).suffix == ".gz":
                with gzip.open(path) as file:
                    return _read(file, path, ndim)
            with open(path, "rb") as file:
                return _read(file, path, ndim)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _wrong(path, f"the compressed content is damaged: {error}") from None


def _read(
    file: IO[bytes] | gzip.GzipFile, path: str | os.PathLike[str], ndim: int | None
) -> np.ndarray[Any, Any]:
    start = file.read(4)
    if start.startswith(GZIP):
        raise _wrong(path, "is compressed; its name should then end with .gz")
    magic = int.from_bytes(start, "big")
    if len(start) == 4 and ndim is not None and magic != 0x800 + ndim:
        raise _wrong(path, f"begins with 0x{magic:08X}, but should with 0x{0x800 + ndim:08X}")
    rank = magic & 0xFF
    if len(start) == 4 and (magic >> 16 or magic >> 8 not in DTYPES or not rank):
        raise _wrong(path, f"begins with 0x{magic:08X}, as no IDX file does")
    header = file.read(4 * rank)
    if len(start) < 4 or len(header) < 4 * rank:
        raise _wrong(path, "the header is cut off")
    sizes = [int.from_bytes(header[at : at + 4], "big") for at in range(0, 4 * rank, 4)]
    dtype = np.dtype(DTYPES[magic >> 8])
    length = math.prod(sizes) * dtype.itemsize
    content = file.read()
    if len(content) != length:
        raise _wrong(path, f"{len(content)} bytes for sizes {sizes}, which take {length}")
    array = np.frombuffer(content, dtype).reshape(sizes)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _wrong(path: str | os.PathLike[str], what: str) -> FileFormatError:
    return FileFormatError(f"{os.fspath(path)}: {what}", operation="read_idx")
