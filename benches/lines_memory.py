"""Lines of memory: shared with NumPy and through DLPack, and batches gathered from arrays."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
from lines import Function, Line, array

SMALL, LARGE = 10, 16 * 2**20


def share_array(count: int) -> Callable[[ModuleType], Function]:
    """A tensor in the memory of an array."""

    def make(library: ModuleType) -> Function:
        source, function = array(count), library.from_numpy
        return lambda: function(source)

    return make


def share_tensor(count: int) -> Callable[[ModuleType], Function]:
    """An array in the memory of a tensor."""

    def make(library: ModuleType) -> Function:
        x = library.from_numpy(array(count))
        return lambda: x.numpy()

    return make


def take_dlpack(library: ModuleType) -> Function:
    """A tensor in the memory of an array, by the protocol of all libraries."""
    source, function = array(SMALL), library.from_dlpack
    return lambda: function(source)


def give_dlpack(library: ModuleType) -> Function:
    """An array in the memory of a tensor, by the protocol of all libraries."""
    x = library.from_numpy(array(SMALL))
    return lambda: np.from_dlpack(x)


def gather(dtype: str, against_numpy: bool) -> Callable[[ModuleType], Function]:
    """A batch of 128 rows, from anywhere in 60,000 pictures of 28 by 28, as a tensor."""

    def make(library: ModuleType) -> Function:
        images = np.random.RandomState(0).randint(0, 256, (60_000, 784)).astype(dtype)
        rows = np.random.RandomState(1).permutation(60_000)[:128]
        if library.__name__ == "candle_ffi":
            take = library.interop.gather_rows
            return lambda: take(images, rows)
        if against_numpy:
            return lambda: library.from_numpy(images[rows])
        source, chosen = library.from_numpy(images), library.from_numpy(rows)
        return lambda: library.index_select(source, 0, chosen)

    return make


LINES = [
    Line("from_numpy, 10 elements", share_array(SMALL)),
    Line("from_numpy, 64 MB", share_array(LARGE)),
    Line("numpy(), 10 elements", share_tensor(SMALL)),
    Line("numpy(), 64 MB", share_tensor(LARGE)),
    Line("from_dlpack of NumPy", take_dlpack),
    Line("NumPy's from_dlpack", give_dlpack),
    Line("128 rows of 784 bytes", gather("uint8", False)),
    Line("128 rows of 784 floats", gather("float32", False)),
    Line("128 rows of 784 bytes (NumPy's into torch)", gather("uint8", True)),
    Line("128 rows of 784 floats (NumPy's into torch)", gather("float32", True)),
]
