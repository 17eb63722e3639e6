"""Memory that arrays and tensors share: who holds whom, and when sharing cannot be."""

from __future__ import annotations

import atexit
import ctypes
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.errors import DTypeError, InvalidArgumentError
from candle_ffi.interop import Array, dtype_of, from_array, to_array

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["array_on", "hold", "let_go", "obstacle", "share", "share_or_copy"]

# Prototypes of our own: attributes of `ctypes.pythonapi` are everybody's.
_reference = ctypes.PYFUNCTYPE(None, ctypes.py_object)
hold = _reference(("Py_IncRef", ctypes.pythonapi))
let_go = _reference(("Py_DecRef", ctypes.pythonapi))

_release = ffi.addressof(lib, "py_release")
_POINTER = ffi.typeof("void *")
_BYTES = ffi.typeof("char *")
_INT64S = ffi.typeof("int64_t[]")

# From here on nobody asks for memory back: the interpreter is about to end.
atexit.register(lib.py_close)


def obstacle(array: Array) -> str:
    """Return why a tensor cannot use the memory of an array, or an empty text."""
    flags = array.flags
    if (flags.carray and array.dtype.isnative) or array.size == 0:
        return ""
    if not flags.writeable:
        return "it is read-only"
    if not array.dtype.isnative:
        return "its elements are in the other byte order"
    if not flags.aligned:
        return "its elements are not aligned"
    if not _dense(array).flags.c_contiguous:
        return f"its strides {array.strides} are not those of a dense array"
    return ""


def _dense(array: Array) -> Array:
    """Return the array with its dimensions in the order in which they lie in memory."""
    if array.flags.c_contiguous:
        return array
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    return np.transpose(array, order)


def share(array: Array) -> Tensor:
    """Return a tensor in the memory of an array that has no `obstacle`.

    Parameters
    ----------
    array : ndarray
        The array; it lives at least as long as the last tensor that uses its memory.

    Returns
    -------
    Tensor
        Of the same shape, dtype and strides; a tensor without elements has memory of its own.

    Raises
    ------
    DTypeError
        Tensors have no such dtype.
    InvalidArgumentError
        A bool is neither 0 nor 1.
    """
    dtype = dtype_of(array)
    if array.size == 0:
        return from_array(array)
    memory = _dense(array)
    strides = ffi.NULL if memory is array else ffi.new(_INT64S, array.strides)
    if dtype not in dtypes.TO_NUMPY:
        # A dtype from outside of NumPy gives no buffer; its bits do.
        memory = memory.view(np.dtype(f"uint{8 * dtype.itemsize}"))
    hold(array)
    handle = lib.py_from_blob(
        ffi.from_buffer(memory),
        array.nbytes,
        array.shape,
        array.ndim,
        strides,
        dtype.code,
        _release,
        ffi.cast(_POINTER, id(array)),
    )
    if not handle:
        error = take_error()
        let_go(array)
        raise error
    return wrap(handle)


def share_or_copy(array: Array) -> tuple[Tensor, str]:
    """Return a tensor of an array's elements, and why it has a copy of them, if it has."""
    reason = obstacle(array)
    if not reason:
        try:
            return share(array), ""
        except InvalidArgumentError as error:
            reason = str(error)
    return from_array(array), reason


def array_on(tensor: Tensor) -> Array:
    """Return an array in the memory of a tensor on the CPU; a copy from another device.

    Parameters
    ----------
    tensor : Tensor
        The tensor; its memory lives at least as long as the array.

    Returns
    -------
    ndarray
        Of the same shape, dtype and strides.

    Raises
    ------
    DTypeError
        NumPy has no such dtype.
    """
    # A value of its own on the storage: the tensor may be given another one.
    values = tensor.detach()
    rank = lib.candle_tensor_rank(values._handle)
    cells = ffi.new(_INT64S, 4 + 2 * rank)
    check(lib.py_layout(values._handle, cells, rank))
    address, code, device, is_contiguous, *sizes = ffi.unpack(cells, 4 + 2 * rank)
    dtype = dtypes.BY_CODE[code]
    kind = dtypes.TO_NUMPY.get(dtype)
    if kind is None:
        raise DTypeError(
            f"numpy: NumPy has no {dtype.name}; cast first: x.float().numpy()",
            operation="numpy",
            dtypes=[dtype.name],
        )
    shape, steps = sizes[:rank], sizes[rank:]
    if device != lib.CANDLE_DEVICE_CPU or 0 in shape:
        return to_array(tensor)
    if is_contiguous:
        strides, reach = None, prod(shape)
    else:
        strides = [step * dtype.itemsize for step in steps]
        reach = 1 + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    # The array holds the buffer, the buffer the pointer, and that one the tensor.
    pointer = ffi.gc(ffi.cast(_BYTES, address), lambda _, held=values: None)
    buffer = ffi.buffer(pointer, reach * dtype.itemsize)
    array: Array = np.ndarray(shape, kind, buffer, 0, strides)
    return array
