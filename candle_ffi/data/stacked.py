"""Arrays that become tensors on the other side of a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from candle_ffi import interop
from candle_ffi.tensor import Tensor

__all__ = ["Stacked"]


class Stacked:
    """An array that arrives as a tensor, with one copy on the whole way.

    Parameters
    ----------
    array : ndarray
        Of a dtype that tensors have.
    """

    __slots__ = ("_array",)

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        interop.from_array(array[:0] if array.ndim else array)  # refuses other dtypes here
        self._array = array

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        return (interop.from_array, (self._array,))
