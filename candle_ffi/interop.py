"""Between Python's and NumPy's values and the native library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib
from candle_ffi.device import CPU, Device
from candle_ffi.dtype import DType
from candle_ffi.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["array_of", "from_array", "to_array"]

Array = np.ndarray[Any, Any]


def array_of(data: Any) -> Array:
    """Return the array that `data` means: a number, nested lists, an array, or what becomes one.

    Parameters
    ----------
    data : array-like
        Anything but a tensor.

    Returns
    -------
    ndarray
        Of a dtype that tensors can have; Python floats get the default dtype.

    Raises
    ------
    DTypeError
        NumPy reads `data` as objects, strings or another dtype that tensors have not.
    ShapeError
        Nested lists of different lengths.
    """
    try:
        array = np.asarray(_plain(data))
    except ValueError as error:
        raise ShapeError(
            f"tensor: nested sequences must have equal lengths in each dimension ({error})",
            operation="tensor",
        ) from None
    if array.dtype == np.float64 and _made_of_python_numbers(data):
        default = dtypes.get_default_dtype()
        array = array.astype(dtypes.TO_NUMPY.get(default, np.dtype(np.float32)))
    elif array.dtype.kind == "O" and array.size and type(array.flat[0]) is int:
        # NumPy keeps integers that are too large for it as objects.
        if all(isinstance(number, (int, float)) for number in array.flat):
            raise OverflowError("tensor: an integer is too large for int64")
    elif array.dtype == np.uint64 and _made_of_python_numbers(data):
        raise OverflowError("tensor: an integer is too large for int64")
    return array


def _plain(data: Any) -> Any:
    """Return `data` with tensors inside lists as NumPy's arrays, which NumPy nests by itself."""
    from candle_ffi.tensor import Tensor

    if isinstance(data, (list, tuple)) and data and isinstance(data[0], Tensor):
        return [to_array(item.detach()) if isinstance(item, Tensor) else item for item in data]
    return data


def _made_of_python_numbers(data: Any) -> bool:
    # The first element speaks for all: looking at each would be a loop over elements.
    while isinstance(data, (list, tuple)):
        if not data:
            return True
        data = data[0]
    return isinstance(data, (bool, int, float)) and not isinstance(data, np.generic)


def _dtype_of(array: Array) -> DType:
    found = dtypes.BY_NAME.get(array.dtype.name)
    if found is not None:
        return found
    name = array.dtype.name
    if array.dtype.kind in "OSUV":
        advice = "convert it to numbers first"
    elif array.dtype.kind == "c":
        advice = "take its real and imaginary parts"
    else:
        advice = "convert it with astype first"
    raise DTypeError(
        f"tensor: an array of dtype {name} cannot become a tensor; {advice}. "
        f"Tensors have the dtypes {', '.join(dtypes.BY_NAME)}",
        operation="tensor",
        dtypes=[name],
    )


def from_array(array: Array, device: Device = CPU) -> Tensor:
    """Copy an array of any strides into a new tensor.

    Parameters
    ----------
    array : ndarray
        The array; read-only, reversed, transposed and big-endian ones too.
    device : Device, optional
        Where the tensor goes.

    Returns
    -------
    Tensor
        Of the same shape and dtype.

    Raises
    ------
    DTypeError
        Tensors have no such dtype.
    """
    dtype = _dtype_of(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype not in dtypes.TO_NUMPY:
        # A dtype from outside of NumPy gives no buffer; its bits do.
        array = array.view(np.dtype(f"uint{8 * dtype.itemsize}"))
    if array.flags.c_contiguous:
        buffer, length, strides = ffi.from_buffer(array), array.nbytes, ffi.NULL
    elif any(stride < 0 for stride in array.strides):
        array = np.ascontiguousarray(array)
        buffer, length, strides = ffi.from_buffer(array), array.nbytes, ffi.NULL
    else:
        address = array.__array_interface__["data"][0]
        steps = zip(array.shape, array.strides, strict=True)
        length = array.itemsize + sum((size - 1) * stride for size, stride in steps)
        buffer = ffi.cast("void *", address)
        strides = ffi.new("int64_t[]", array.strides)
    handle = lib.py_from_data(
        buffer,
        length,
        ffi.new("int64_t[]", array.shape),
        array.ndim,
        strides,
        dtype.code,
        device.kind,
        device.index,
    )
    return wrap(handle)


def to_array(tensor: Tensor) -> Array:
    """Copy a tensor into a new array.

    Parameters
    ----------
    tensor : Tensor
        On any device.

    Returns
    -------
    ndarray
        Of the same shape and dtype, in row-major order.

    Raises
    ------
    DTypeError
        NumPy has no such dtype.
    """
    dtype = tensor.dtype
    kind = dtypes.TO_NUMPY.get(dtype)
    if kind is None:
        raise DTypeError(
            f"to_numpy: NumPy has no {dtype.name}; cast first: x.float().numpy()",
            operation="to_numpy",
            dtypes=[dtype.name],
        )
    array = np.empty(tensor.shape, kind)
    check(lib.py_copy_to(tensor._handle, ffi.from_buffer(array), array.nbytes))
    return array
