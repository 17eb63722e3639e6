"""Between Python's and NumPy's values and the native library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib
from candle_ffi.device import CPU, Device
from candle_ffi.dtype import DType
from candle_ffi.errors import CandleIndexError, DTypeError, ShapeError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["array_of", "dtype_of", "from_array", "gather_rows", "to_array"]

Array = np.ndarray[Any, Any]
_INT64S = ffi.typeof("int64_t[]")


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


# NumPy makes the name of a dtype anew each time, which takes longer than a small copy.
_found: dict[np.dtype[Any], DType] = {}


def dtype_of(array: Array) -> DType:
    """Return the dtype of the tensor that an array becomes, or raise `DTypeError`."""
    found = _found.get(array.dtype)
    if found is not None:
        return found
    found = dtypes.BY_NAME.get(array.dtype.name)
    if found is not None:
        _found[array.dtype] = found
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
    dtype = dtype_of(array)
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
        strides = ffi.new(_INT64S, array.strides)
    handle = lib.py_from_data(
        buffer,
        length,
        ffi.new(_INT64S, array.shape),
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


def gather_rows(array: Array, indices: Array, device: Device = CPU) -> Tensor:
    """Copy the rows of an array at some positions into a new tensor.

    The one pass is native and runs without Python's lock, if the elements of each row lie in
    row-major order; rows may be anywhere, in a memory-mapped file too.

    Parameters
    ----------
    array : ndarray of shape (rows, ...)
        The array.
    indices : ndarray of shape (count,)
        Positions of rows, integers that are not negative.
    device : Device, optional
        Where the tensor goes.

    Returns
    -------
    Tensor
        ``array[indices]``, of shape (count, ...).

    Raises
    ------
    CandleIndexError
        An index is negative or not below the number of rows.
    DTypeError
        Tensors have no such dtype, or the indices are no integers.
    ShapeError
        `array` has no dimensions, or `indices` has not one.
    """
    if array.ndim == 0 or indices.ndim != 1:
        raise ShapeError(
            "gather_rows: an array of one dimension or more and indices of one are needed, not "
            f"shapes {array.shape} and {indices.shape}",
            operation="gather_rows",
            shapes=[array.shape, indices.shape],
        )
    if indices.dtype.kind not in "iu" and indices.size:
        raise DTypeError(
            f"gather_rows: indices must be integers, not {indices.dtype.name}",
            operation="gather_rows",
            dtypes=[indices.dtype.name],
        )
    array = np.asarray(array)
    dtype = dtype_of(array)
    positions = np.ascontiguousarray(indices, np.int64)
    first = array[:1]
    if not array.dtype.isnative or not first.flags.c_contiguous:
        return from_array(array[_checked(positions, len(array))], device)
    if dtype not in dtypes.TO_NUMPY:
        first = first.view(np.dtype(f"uint{8 * dtype.itemsize}"))
    rows, *sizes = array.shape
    stride = array.strides[0]
    span = (rows - 1) * stride if array.size else 0
    handle = lib.py_from_rows(
        ffi.from_buffer(first) + min(span, 0),
        abs(span) + first.nbytes,
        rows,
        stride,
        sizes,
        len(sizes),
        ffi.from_buffer(_INT64S, positions),
        len(positions),
        dtype.code,
        device.kind,
        device.index,
    )
    return wrap(handle)


def _checked(positions: Array, rows: int) -> Array:
    """Return positions of rows, or raise as the native gather does."""
    outside = np.flatnonzero((positions < 0) | (positions >= rows))
    if outside.size:
        raise CandleIndexError(
            f"gather_rows: index {positions[outside[0]]} at position {outside[0]} is out of range "
            f"for {rows} rows",
            operation="gather_rows",
        )
    return positions
