"""NumPy's files: archives of arrays (.npz), read and written, and single arrays (.npy), read."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO, Final

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi.errors import DTypeError, FileFormatError
from candle_ffi.interop import to_array
from candle_ffi.serialization.archive import archive_of
from candle_ffi.serialization.elements import Array, widened
from candle_ffi.serialization.replace import about, file_errors, replacing
from candle_ffi.serialization.sniff import what_it_is
from candle_ffi.tensor import Tensor

__all__ = ["load_npy", "load_npz", "save_npz"]

#: As in an archive without dates: the same tensors give the same file.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_SUFFIX: Final = ".npy"


def save_npz(tensors: Mapping[str, Tensor], path: str | os.PathLike[str], operation: str) -> None:
    """Write tensors to an archive of NumPy, which appears whole or not at all.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by their names.
    path : str or path
        The file.
    operation : str
        What the message of an error begins with.

    Raises
    ------
    FileError
        The file cannot be written.
    DTypeError
        NumPy has no such dtype.
    ValueError
        A name cannot stand in an archive.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in dtypes.TO_NUMPY:
            raise DTypeError(
                f"{operation}: {name!r} is of dtype {tensor.dtype.name}, which NumPy does not "
                "have; cast it first, for instance with .float(), or write .safetensors",
                operation=operation,
                dtypes=[tensor.dtype.name],
            )
        if "\0" in name or len(name.encode("utf-8", "surrogatepass")) > 60_000:
            raise ValueError(f"{operation}: {name[:100]!r} cannot be a name in an archive")
    with (
        file_errors(operation, path),
        replacing(path) as staged,
        zipfile.ZipFile(staged, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, tensor in tensors.items():
            info = zipfile.ZipInfo(name + _SUFFIX, _DATE)
            with archive.open(info, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, to_array(tensor), allow_pickle=False)


def load_npz(path: str | os.PathLike[str], operation: str) -> dict[str, Tensor]:
    """Read the arrays of an archive of NumPy.

    Parameters
    ----------
    path : str or path
        The file.
    operation : str
        What the message of an error begins with.

    Returns
    -------
    dict of str to Tensor
        The tensors by their names, in the order of the file.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        It is damaged, or holds objects, which would be pickles.
    DTypeError
        An array of a dtype that tensors do not have.
    """
    found: dict[str, Tensor] = {}
    with _opened(path, operation, b"PK", "archive") as raw, archive_of(raw) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(_SUFFIX):
                raise FileFormatError(
                    f"it is a zip archive, but none of NumPy: it has {info.filename!r}"
                )
            name = info.filename[: -len(_SUFFIX)]
            if name in found:
                raise FileFormatError(f"it has {name!r} twice")
            with archive.open(info) as file:
                found[name] = _tensor(file, info.file_size, f"the array {name!r}")
    return found


def load_npy(path: str | os.PathLike[str], operation: str) -> Tensor:
    """Read an array of NumPy.

    Parameters
    ----------
    path : str or path
        The file.
    operation : str
        What the message of an error begins with.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        It is damaged, or holds objects, which would be pickles.
    DTypeError
        It is of a dtype that tensors do not have.
    """
    with _opened(path, operation, np.lib.format.MAGIC_PREFIX, "array") as file:
        return _tensor(file, os.fstat(file.fileno()).st_size, "the array")


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike[str], operation: str, beginning: bytes, kind: str
) -> Iterator[BinaryIO]:
    """Open a file that begins so; errors in the block are about the file."""
    with file_errors(operation, path), about(operation, path), open(path, "rb") as file:
        head = file.read(512)
        file.seek(0)
        if not head.startswith(beginning):
            raise FileFormatError(f"it is no {kind} of NumPy, but {what_it_is(head)}")
        yield file


def _tensor(file: IO[bytes], length: int, label: str) -> Tensor:
    """Return the tensor of a stream that holds one array and nothing else."""
    shape, by_column, dtype = _header(file)
    if dtype.hasobject:
        raise FileFormatError(
            f"{label} holds Python objects, which are pickles and refused; "
            "save numbers, in an array of a numeric dtype"
        )
    size = math.prod(shape) * dtype.itemsize
    # Looked at before memory is taken.
    if size != length - file.tell():
        raise FileFormatError(
            f"{label} of shape {shape} and dtype {dtype} needs {size} bytes, and "
            f"{length - file.tell()} are there"
        )
    content = file.read(size)
    # One more, so that the end is reached, where an archive compares its checksum.
    if len(content) != size or file.read(1):
        raise FileFormatError(f"{label} is cut off")
    array: Array = np.ndarray(shape, dtype, content, order="F" if by_column else "C")
    return widened(array, label)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that Python 2 has written
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    raise FileFormatError(f"it has an array in version {version} of NumPy's format")
