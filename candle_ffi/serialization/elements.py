"""From the bytes of files to tensors, for dtypes that tensors have and for some that they lack.

Integers of 8 bits with a sign and of 16 without, and 8-bit floats of another kind, are read into
the next larger dtype, which holds all of their values. Complex numbers, 64 bits without a sign and
quantised numbers are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi import interop
from candle_ffi._handles import wrap
from candle_ffi._lib import ffi, lib
from candle_ffi.device import CPU
from candle_ffi.dtype import DType
from candle_ffi.errors import DTypeError
from candle_ffi.tensor import Tensor

__all__ = ["WIDER", "Element", "element_of", "tensor_of", "widened"]

Array = np.ndarray[Any, Any]

#: What is read into a larger dtype.
WIDER: Final[dict[str, str]] = {"int8": "int16", "uint16": "int32"}


class Element(NamedTuple):
    """The elements of a storage.

    Attributes
    ----------
    itemsize : int
        Bytes of one, in the file.
    bits : str
        What NumPy holds them as, in the file.
    dtype : DType
        That of the tensors.
    convert : callable or None
        What makes the tensors' bits from those of the file.
    """

    itemsize: int
    bits: str
    dtype: DType
    convert: Callable[[Array], Array] | None = None


def _true(array: Array) -> Array:
    # Any byte but zero is true.
    return np.minimum(array, 1)


def _half(array: Array) -> Array:
    # The 8 bits are the upper ones of the 16.
    wide: Array = array.astype(np.uint16)
    wide <<= 8
    return wide


def _to(name: str) -> Callable[[Array], Array]:
    return lambda array: np.asarray(array, name)


_ELEMENTS: Final[dict[str, Element]] = {
    "bool": Element(1, "u1", dtypes.bool, _true),
    "uint8": Element(1, "u1", dtypes.uint8),
    "int8": Element(1, "i1", dtypes.int16, _to("i2")),
    "int16": Element(2, "i2", dtypes.int16),
    "uint16": Element(2, "u2", dtypes.int32, _to("i4")),
    "int32": Element(4, "i4", dtypes.int32),
    "uint32": Element(4, "u4", dtypes.uint32),
    "int64": Element(8, "i8", dtypes.int64),
    "float8_e4m3fn": Element(1, "u1", dtypes.float8_e4m3fn),
    "float8_e5m2": Element(1, "u1", dtypes.float16, _half),
    "float16": Element(2, "u2", dtypes.float16),
    "bfloat16": Element(2, "u2", dtypes.bfloat16),
    "float32": Element(4, "u4", dtypes.float32),
    "float64": Element(8, "u8", dtypes.float64),
}


def element_of(name: str) -> Element:
    """Return the elements of one of PyTorch's dtypes.

    Parameters
    ----------
    name : str
        PyTorch's name, such as ``"float32"``.

    Raises
    ------
    DTypeError
        Neither tensors nor a larger dtype hold them.
    """
    found = _ELEMENTS.get(name)
    if found is None:
        raise DTypeError(
            f"it holds a tensor of dtype {name}, which is not supported; {_advice(name)}",
            dtypes=[name],
        )
    return found


def _advice(name: str) -> str:
    if name.startswith("complex"):
        return "save the real and the imaginary part apart"
    return "convert it before saving"


def tensor_of(bits: Array, element: Element, shape: tuple[int, ...]) -> Tensor:
    """Copy elements into a new tensor.

    Parameters
    ----------
    bits : ndarray
        The elements, one after the other, converted already.
    element : Element
        What they are.
    shape : tuple of int
        The shape.
    """
    bits = np.ascontiguousarray(bits)
    handle = lib.py_from_data(
        ffi.from_buffer(bits) if bits.nbytes else ffi.NULL,
        bits.nbytes,
        ffi.new("int64_t[]", shape),
        len(shape),
        ffi.NULL,
        element.dtype.code,
        CPU.kind,
        CPU.index,
    )
    return wrap(handle)


def widened(array: Array, label: str) -> Tensor:
    """Return the tensor of an array, in a larger dtype where tensors have not the array's.

    Parameters
    ----------
    array : ndarray
        The array.
    label : str
        What a message calls it.

    Raises
    ------
    DTypeError
        No tensor holds its elements.
    """
    name = array.dtype.name
    if name in WIDER:
        array = array.astype(WIDER[name])
    elif name not in dtypes.BY_NAME:
        advice = "it is text" if array.dtype.kind in "SU" else _advice(name)
        raise DTypeError(
            f"{label} has dtype {name}, which tensors do not have; {advice}", dtypes=[name]
        )
    return interop.from_array(array)
