"""Tensors in files of the safetensors format, which other frameworks read and write too."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from candle_ffi._handles import TensorBase, wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.device import Device
from candle_ffi.tensor import Tensor

__all__ = ["Path", "load_file", "read_file", "save_file"]

Path = str | os.PathLike[str]


def save_file(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors to a safetensors file, which appears whole or not at all.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by their names.
    path : str or path
        The file; an older one is replaced in one step.
    metadata : mapping of str to str, optional
        Texts that are kept beside the tensors.

    Raises
    ------
    FileError
        The file cannot be written.
    TypeError
        A name is no string, or a value is no tensor.

    Notes
    -----
    `safetensors.torch.save_file`

    Examples
    --------
    >>> import candle_ffi as cf, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
    >>> cf.save_file({"x": cf.ones(2)}, path)
    >>> cf.load_file(path)
    {'x': tensor([1., 1.])}
    """
    content = _Map(lib.py_map_new())
    for name, tensor in tensors.items():
        if not isinstance(tensor, TensorBase):
            raise TypeError(f"save_file: {name!r} is a {type(tensor).__name__}, not a tensor")
        check(lib.py_map_insert(content.pointer, _text(name), tensor._handle))
    for key, value in (metadata or {}).items():
        check(lib.py_map_set_metadata(content.pointer, _text(key), _text(value)))
    check(lib.py_map_save(content.pointer, _encoded(path)))


def load_file(path: Path, device: Device | str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Parameters
    ----------
    path : str or path
        The file.
    device : Device or str, optional
        Where the tensors go; the CPU when not given.

    Returns
    -------
    dict of str to Tensor
        The tensors by their names, in the order of the file.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        Its content is not what the format demands.

    Notes
    -----
    `safetensors.torch.load_file`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.load_file("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    candle_ffi.errors.MissingFileError: ...
    """
    return read_file(path, device)[0]


def read_file(
    path: Path, device: Device | str | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a safetensors file, and the texts beside them.

    Parameters
    ----------
    path : str or path
        The file.
    device : Device or str, optional
        Where the tensors go; the CPU when not given.

    Returns
    -------
    tuple of dict of str to Tensor and dict of str to str
        The tensors and the metadata by their names.
    """
    content = _Map(lib.py_map_load(_encoded(path)))
    loaded = {}
    for index in range(lib.candle_tensor_map_len(content.pointer)):
        tensor = wrap(lib.py_map_at(content.pointer, index))
        name = content.text(lib.candle_tensor_map_name, index)
        loaded[name] = tensor if device is None else tensor.to(device=device)
    metadata = {
        content.text(lib.candle_tensor_map_metadata_key, index): content.text(
            lib.candle_tensor_map_metadata_value, index
        )
        for index in range(lib.candle_tensor_map_num_metadata(content.pointer))
    }
    return loaded, metadata


class _Map:
    """The owner of a native map of tensors."""

    __slots__ = ("pointer",)

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        if not pointer:
            raise take_error()

    def __del__(self, free: Any = lib.candle_tensor_map_free) -> None:
        free(self.pointer)

    def text(self, tell: Callable[..., int], index: int) -> str:
        length = tell(self.pointer, index, ffi.NULL, 0)
        room = ffi.new("char[]", length + 1)
        tell(self.pointer, index, room, length + 1)
        return str(ffi.buffer(room, length)[:], "utf-8")


def _text(value: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"save_file: names are strings, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError(f"save_file: a name must not contain a NUL character: {value!r}")
    return value.encode()


def _encoded(path: Path) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"a path must not contain a NUL character: {path!r}")
    return encoded
