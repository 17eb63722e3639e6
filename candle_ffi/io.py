"""Tensors in files: safetensors and NumPy's archives, and reading what PyTorch has written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from candle_ffi.device import Device
from candle_ffi.errors import FileFormatError
from candle_ffi.interop import from_array
from candle_ffi.serialization.digest import DIGEST, verify
from candle_ffi.serialization.safetensors import Path, load_file, read_file, save_file
from candle_ffi.serialization.sniff import is_safetensors
from candle_ffi.tensor import Tensor

__all__ = ["load", "load_file", "save", "save_file"]

#: How files of `torch.save` are called.
_TORCH: Final = (".pt", ".pth", ".bin", ".ckpt")


def save(tensors: Mapping[str, Any], path: Path) -> None:
    """Write tensors to a file of the format that its name ends with.

    The file appears whole or not at all.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by their names, as `state_dict` gives them; NumPy's arrays do as well.
    path : str or path
        The file: ``.safetensors``, or ``.npz`` for NumPy.

    Raises
    ------
    FileError
        The file cannot be written.
    ValueError
        The name of the file ends otherwise.
    TypeError
        A name is no string, or a value is no tensor.
    DTypeError
        NumPy has no such dtype, for an archive of NumPy.

    Notes
    -----
    In place of `torch.save`, whose files are programs. Models, optimizers and numbers together are
    kept by `candle_ffi.checkpoint.save`.

    Examples
    --------
    >>> import candle_ffi as cf, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.npz"
    >>> cf.save(cf.nn.Linear(2, 1).state_dict(), path)
    >>> list(cf.load(path))
    ['weight', 'bias']
    """
    suffix = _suffix(path)
    if suffix in _TORCH:
        raise ValueError(
            f"save: {suffix} files are written by PyTorch alone; write .safetensors, which "
            "safetensors.torch.load_file reads there"
        )
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(f"save: {os.fspath(path)!r} must end with .safetensors or .npz")
    plain = _tensors(tensors)
    if suffix == ".npz":
        from candle_ffi.serialization.numpy_files import save_npz

        save_npz(plain, path, "save")
    else:
        save_file(plain, path)


def load(path: Path, device: Device | str | None = None) -> Any:
    """Read a file of tensors; its name says in which format it is.

    Parameters
    ----------
    path : str or path
        The file: ``.safetensors`` (also a checkpoint, whose tensors are told by name), ``.npz`` or
        ``.npy`` of NumPy, and ``.pt``, ``.pth``, ``.bin`` or ``.ckpt`` of `torch.save`.
    device : Device or str, optional
        Where the tensors go; the CPU when not given.

    Returns
    -------
    dict of str to Tensor
        The tensors by their names; a tensor for ``.npy``; of `torch.save` what was saved.

    Raises
    ------
    FileError
        The file cannot be read; `MissingFileError` where there is none.
    FileFormatError
        It is damaged, or a file of PyTorch holds something else than tensors and plain containers.
    DTypeError
        A tensor of a dtype that is not supported.
    ValueError
        The name of the file ends otherwise.

    Notes
    -----
    `torch.load` with ``weights_only=True``. A file of PyTorch is a program; here it is not run:
    whatever it asks for beyond tensors, numbers, texts and containers of them is refused. Tensors
    that share memory in the file do so here; on another device those that show all of it alike, as
    tied weights do. What no tensor holds as it is becomes larger: int8 becomes `int16`, uint16
    `int32` and float8_e5m2 `float16`. Devices are told as text.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.load("weights.onnx")
    Traceback (most recent call last):
        ...
    ValueError: load: 'weights.onnx' must end with .safetensors, .npz, .npy, .pt, .pth, .bin or ...
    """
    suffix = _suffix(path)
    found: Any
    if suffix == ".safetensors" or (suffix in _TORCH and _is_safetensors(path)):
        found, metadata = read_file(path)
        if DIGEST in metadata:
            verify(path, "load")
    elif suffix == ".npz":
        from candle_ffi.serialization.numpy_files import load_npz

        found = load_npz(path, "load")
    elif suffix == ".npy":
        from candle_ffi.serialization.numpy_files import load_npy

        found = load_npy(path, "load")
    elif suffix in _TORCH:
        from candle_ffi.serialization.torch_files import load_torch

        found = load_torch(path)
    else:
        raise ValueError(
            f"load: {os.fspath(path)!r} must end with .safetensors, .npz, .npy, .pt, .pth, .bin "
            "or .ckpt"
        )
    return found if device is None else _moved(found, device, {}, {})


def save_state(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write the weights of a module: an ``.npz`` file by its name, and else a safetensors file.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by their names.
    path : str or path
        The file.
    """
    if _suffix(path) in (".npz", *_TORCH):
        save(tensors, path)
    else:
        save_file(tensors, path)


def load_state(path: Path) -> dict[str, Tensor]:
    """Read the weights of a module: also those of the ``model`` in a checkpoint.

    Parameters
    ----------
    path : str or path
        The file; one whose name tells nothing is a safetensors file.

    Raises
    ------
    FileFormatError
        It holds something else than tensors by names.
    """
    if _suffix(path) not in (".npz", *_TORCH) or _is_safetensors(path):
        found, metadata = read_file(path)
        if DIGEST not in metadata:
            return found
        verify(path, "load")
        start = "model."
        return {name[len(start) :]: found[name] for name in found if name.startswith(start)}
    loaded = load(path)
    if isinstance(loaded, dict) and all(isinstance(value, Tensor) for value in loaded.values()):
        return loaded
    holds = ", ".join(map(repr, loaded)) if isinstance(loaded, dict) else type(loaded).__name__
    raise FileFormatError(
        f"load: the file {os.fspath(path)} holds more than weights ({holds}); take them out: "
        "module.load_state_dict(candle_ffi.load(path)[name])",
        operation="load",
    )


def _is_safetensors(path: Path) -> bool:
    """Return whether a file begins like a safetensors file; one that cannot be read does not."""
    try:
        with open(path, "rb") as file:
            return is_safetensors(file.read(10))
    except OSError:
        return False


def _suffix(path: Path) -> str:
    return os.path.splitext(os.fsdecode(path))[1].lower()


def _tensors(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    if not isinstance(tensors, Mapping):
        advice = "; use .state_dict()" if hasattr(tensors, "state_dict") else ""
        raise TypeError(
            f"save: a mapping of names to tensors is needed, not a {type(tensors).__name__}{advice}"
        )
    found = {}
    for name, value in tensors.items():
        tensor = from_array(value) if isinstance(value, np.ndarray) else value
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise TypeError(
                f"save: {name!r} is a {type(value).__name__}, not a tensor; "
                "whole states are kept by candle_ffi.checkpoint.save"
            )
        found[name] = tensor
    return found


def _moved(value: Any, device: Device | str, seen: dict[int, Any], shown: dict[Any, Any]) -> Any:
    """Return what a file holds, with its tensors on another device.

    What is one object stays so, and tensors that show the same memory alike do so there as well.
    """
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, Tensor):
        seen[id(value)] = there = _moved_tensor(value, device, shown)
        return there
    if isinstance(value, dict):
        seen[id(value)] = value
        for key, part in value.items():
            value[key] = _moved(part, device, seen, shown)
    elif isinstance(value, list):
        seen[id(value)] = value
        value[:] = [_moved(part, device, seen, shown) for part in value]
    elif type(value) is tuple:
        parts = [_moved(part, device, seen, shown) for part in value]
        seen[id(value)] = moved = tuple(parts)
        return moved
    return value


def _moved_tensor(value: Tensor, device: Device | str, shown: dict[Any, Any]) -> Tensor:
    requires_grad = value.requires_grad
    # Weights that are tied are in a file as tensors of the same memory. It lives as long as `shown`
    # does, so that no other is found at its address.
    view = (value.data_ptr(), value.dtype, tuple(value.shape), value.strides)
    if view not in shown or not value.numel():
        shown[view] = (value, value.detach().to(device=device))
    there: Tensor = shown[view][1].detach()
    there.requires_grad = requires_grad
    return there
