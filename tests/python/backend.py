"""The package under test, and the few words in which it and PyTorch differ.

The tables of cases speak PyTorch's language, so they can be run against PyTorch itself: with
`CANDLE_FFI_TEST_BACKEND=torch` the name `cf` below is PyTorch. A row that PyTorch does not satisfy
is a mistake in the row. `CANDLE_FFI_TEST_DEVICE` names the device whose operations are tested, see
`devices.py`.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

import numpy as np

NAME = os.environ.get("CANDLE_FFI_TEST_BACKEND", "candle_ffi")
cf: ModuleType = importlib.import_module(NAME)
IS_TORCH = NAME == "torch"

#: Where tensors are made.
DEVICE_NAME = os.environ.get("CANDLE_FFI_TEST_DEVICE", "cpu")
IS_CPU = DEVICE_NAME in ("cpu", "cpu:0")

#: Every dtype of the package, in PyTorch's order of promotion.
BOOL = ("bool",)
INTEGERS = ("uint8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
ALL = BOOL + INTEGERS + ("uint32",) + FLOATS + ("float8_e4m3fn",)
NUMBERS = INTEGERS + FLOATS
WITHOUT_NUMPY = {"bfloat16": "float32", "float8_e4m3fn": "float32"}


def dtype(library: ModuleType, name: str) -> Any:
    """The dtype object of that name in `library`."""
    return getattr(library, name)


def dtype_name(value: Any) -> str:
    """`float32` for a tensor or a dtype of either library."""
    return str(getattr(value, "dtype", value)).rpartition(".")[2]


def tensor_type(library: ModuleType) -> type:
    """The tensor class of `library`."""
    return library.Tensor  # type: ignore[no-any-return]


def to_numpy(value: Any) -> np.ndarray:
    """The values of a tensor; dtypes that NumPy lacks come as float32, which holds them exactly."""
    value = value.detach()
    if type(value).__module__ == "torch" and dtype_name(value) not in WITHOUT_NUMPY:
        return np.asarray(value.numpy(force=True))  # a lazily negated or zero one too
    wider = WITHOUT_NUMPY.get(dtype_name(value))
    if wider is not None:
        value = value.to(
            dtype(importlib.import_module(type(value).__module__.split(".")[0]), wider)
        )
    # A copy: what happens to the tensor later must not be seen here.
    return np.array(value.cpu().numpy())


def to_tensor(
    library: ModuleType, array: np.ndarray, name: str, requires_grad: bool = False
) -> Any:
    """A tensor of its own memory with the values of `array` rounded to the dtype called `name`.

    It is on the device that is tested.
    """
    with np.errstate(over="ignore"):
        values = np.array(array, dtype=WITHOUT_NUMPY.get(name, name), order="C")
    result = library.from_numpy(values)
    if name in WITHOUT_NUMPY:
        result = result.to(dtype(library, name))
    if not IS_CPU:
        result = result.to(DEVICE_NAME)
    return result.requires_grad_() if requires_grad else result


def error(*names: str) -> tuple[type[BaseException], ...]:
    """The exception classes of these names; PyTorch has fewer, so any of its own will do there."""
    if IS_TORCH:
        return (RuntimeError, ValueError, TypeError, IndexError, MemoryError, OSError)
    return tuple(getattr(cf, name) for name in names)
