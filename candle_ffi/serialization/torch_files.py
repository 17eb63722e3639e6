"""PyTorch's files, in the zip format and in the one before, without PyTorch and without its trust.

A file of PyTorch is a pickle, and a pickle is a program. Here it is read by a machine that knows
tensors and plain containers only, so that a file from anywhere does no harm.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import numpy as np

from candle_ffi.errors import FileFormatError
from candle_ffi.serialization.archive import archive_of
from candle_ffi.serialization.elements import Array, element_of
from candle_ffi.serialization.pickles import Machine
from candle_ffi.serialization.replace import about, file_errors
from candle_ffi.serialization.sniff import what_it_is
from candle_ffi.serialization.torch_names import StorageKind, check_value, find
from candle_ffi.serialization.torch_storage import Budget, Storage, Unread

__all__ = ["load_torch"]

_MAGIC: Final = 0x1950_A86A_20F9_469C_FC6C
_PROTOCOL: Final = 1001
_MOST_LEVELS: Final = 200

#: Returns the bytes of a storage: by its key, and how many they must be.
Fetch = Callable[[str, int], Array]


def load_torch(path: str | os.PathLike[str], operation: str = "load") -> Any:
    """Read what PyTorch's `torch.save` has written.

    Parameters
    ----------
    path : str or path
        The file.
    operation : str, default "load"
        What the message of an error begins with.

    Returns
    -------
    object
        Tensors, and containers of them.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        It is damaged, or holds something else than tensors and plain containers.
    DTypeError
        A tensor of a dtype that is not supported.
    """
    with file_errors(operation, path), open(path, "rb") as file, about(operation, path):
        head = file.read(512)
        file.seek(0)
        length = os.fstat(file.fileno()).st_size
        if head.startswith(b"PK"):
            return _finished(_load_zip(file, length))
        if head.startswith(b"\x80"):
            return _finished(_load_legacy(file, length))
        raise FileFormatError(f"it is no file of torch.save, but {what_it_is(head)}")


# The zip format -------------------------------------------------------------------------------


def _load_zip(file: BinaryIO, length: int) -> Any:
    with archive_of(file) as archive:
        records = _records(archive, length)
        pickle = archive.read(records["data.pkl"])
        order = archive.read(records["byteorder"]) if "byteorder" in records else b"little"
        if order not in (b"little", b"big"):
            raise FileFormatError(f"its order of bytes is {order!r}")

        def fetch(key: str, size: int) -> Array:
            record = records.get(f"data/{key}")
            if record is None:
                raise FileFormatError(f"its record data/{key} is missing")
            if record.file_size != size:
                raise FileFormatError(
                    f"its record data/{key} has {record.file_size} bytes, and {size} are needed"
                )
            return np.frombuffer(archive.read(record), np.uint8)

        reader = _Reader(fetch, length, swapped=order == b"big")
        return Machine(io.BytesIO(pickle), find, reader.storage, length).run()


def _records(archive: zipfile.ZipFile, length: int) -> dict[str, zipfile.ZipInfo]:
    """Return the records by their names below the folder of the archive, once they are checked."""
    infos = archive.infolist()
    roots = [info.filename[: -len("data.pkl")] for info in infos if _is_pickle(info.filename)]
    if len(roots) != 1:
        raise FileFormatError(
            "it is a zip archive, but none of torch.save: it has no record data.pkl"
        )
    if any(info.filename == f"{roots[0]}constants.pkl" for info in infos):
        raise FileFormatError(
            "it is a TorchScript archive, which holds a program; save the weights instead: "
            "torch.save(module.state_dict(), path)"
        )
    records: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if not info.filename.startswith(roots[0]):
            continue
        name = info.filename[len(roots[0]) :]
        if name in records:
            raise FileFormatError(f"its record {name} is there twice")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise FileFormatError(
                f"its record {name} is compressed, which torch.save never does; "
                "unpack the archive and pack it anew without compression"
            )
        records[name] = info
    # Records that lie on one another would take more memory than the file.
    if sum(info.file_size for info in records.values()) > length:
        raise FileFormatError("its records are larger than the file")
    return records


def _is_pickle(name: str) -> bool:
    return name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)


# The format before ----------------------------------------------------------------------------


def _load_legacy(file: BinaryIO, length: int) -> Any:
    def pickle(persistent: Callable[[Any], Any]) -> Any:
        return Machine(file, find, persistent, length).run()

    if pickle(_nothing_outside) != _MAGIC:
        raise FileFormatError("it is a pickle, but none of torch.save: it has another beginning")
    if pickle(_nothing_outside) != _PROTOCOL:
        raise FileFormatError("it is of a version of torch.save that is not known")
    pickle(_nothing_outside)  # of the machine that wrote it: the data is little-endian in any case
    # The storages follow the pickle that needs them, so it is read twice: for what they are, and
    # for the tensors.
    start = file.tell()
    sizes: dict[str, tuple[int, int]] = {}

    def note(key: Any) -> Storage:
        kind, name, count, _ = _storage_id(key)
        if sizes.setdefault(name, (count, _item_size(kind))) != (count, _item_size(kind)):
            raise FileFormatError(f"its storage {name} has two sizes")
        return unread

    unread = Unread()
    pickle(note)
    keys = pickle(_nothing_outside)
    if type(keys) is not list or len(set(map(str, keys))) != len(keys):
        raise FileFormatError("its list of storages is damaged")
    found = {key: _legacy_storage(file, key, sizes, length) for key in map(str, keys)}
    if file.read(1):
        raise FileFormatError("something follows its last storage")

    def fetch(key: str, size: int) -> Array:
        if key not in found or found[key].size != size:
            raise FileFormatError(f"its storage {key} is missing, or of another size")
        return found[key]

    file.seek(start)
    return pickle(_Reader(fetch, length).storage)


def _legacy_storage(
    file: BinaryIO, key: str, sizes: dict[str, tuple[int, int]], length: int
) -> Array:
    """Return the bytes of the next storage."""
    if key not in sizes:
        raise FileFormatError(f"it has a storage {key} that nothing uses")
    expected, item = sizes[key]
    head = file.read(8)
    if len(head) < 8 or expected * item > length - file.tell():
        raise FileFormatError("it is cut off")
    (count,) = struct.unpack("<q", head)
    if count != expected:
        raise FileFormatError(f"its storage {key} has {count} elements, and {expected} are needed")
    return np.frombuffer(file.read(expected * item), np.uint8)


def _nothing_outside(key: Any) -> Any:
    raise FileFormatError("its pickle refers to something outside, where nothing is")


# Storages -------------------------------------------------------------------------------------


def _storage_id(key: Any) -> tuple[StorageKind, str, int, Any]:
    """Return kind, key, number of elements and view of a storage that a pickle refers to."""
    if type(key) is not tuple or len(key) not in (5, 6) or key[0] != "storage":
        if type(key) is tuple and key and key[0] == "module":
            raise FileFormatError(
                "it holds a whole model, with its code; save its weights instead: "
                "torch.save(model.state_dict(), path)"
            )
        raise FileFormatError("its pickle refers to something else than a storage")
    _, kind, name, _, count, *view = key
    if not isinstance(kind, StorageKind) or type(count) is not int or count < 0:
        raise FileFormatError("its pickle refers to a storage in a way that is not known")
    return kind, str(name), count, view[0] if view else None


def _item_size(kind: StorageKind) -> int:
    return element_of(kind.dtype or "uint8").itemsize


class _Reader:
    """Finds the storages of a file, each once."""

    def __init__(self, fetch: Fetch, length: int, swapped: bool = False) -> None:
        self._fetch = fetch
        self._budget = Budget(length)
        self._swapped = swapped
        self._known: dict[str, Storage] = {}

    def storage(self, key: Any) -> Storage:
        kind, name, count, view = _storage_id(key)
        found = self._known.get(name)
        if found is None:
            size = _item_size(kind)
            raw = self._fetch(name, count * size)
            found = Storage(raw, kind.dtype, self._budget, self._swapped)
            self._known[name] = found
        elif found.dtype != kind.dtype:
            raise FileFormatError(f"its storage {name} has two dtypes")
        if view is None:
            return found
        _, offset, count = view
        return found.part(offset, count)


def _finished(result: Any) -> Any:
    """Return what a file holds, once all of it has been looked at."""
    seen: set[int] = set()
    level = [result]
    for _ in range(_MOST_LEVELS):
        below: list[Any] = []
        for value in level:
            check_value(value)
            if isinstance(value, (list, tuple, dict, set, frozenset)) and id(value) not in seen:
                seen.add(id(value))
                below += value.values() if isinstance(value, dict) else value
        if not below:
            return result
        level = below
    raise FileFormatError(f"it is nested in more than {_MOST_LEVELS} levels")
