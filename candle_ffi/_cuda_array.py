"""Arrays that say by `__cuda_array_interface__` where they are: Numba's, CuPy's, PyCUDA's."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from candle_ffi import _dlpack, _ops, _sharing
from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.device import Device, as_device
from candle_ffi.dtype import DType
from candle_ffi.errors import DeviceError, DTypeError, InvalidArgumentError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["from_interface", "interface_of"]

#: `CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL` of the driver.
_DEVICE_ORDINAL: Final = 9
#: DLPack's flag of memory that must not be written, and its kinds of elements.
_READ_ONLY: Final = 1
_CODES: Final = {"i": 0, "u": 1, "f": 2, "b": 6}

_release: Final = _dlpack.address_of(ffi.addressof(lib, "py_release_managed"))


class _View(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("kind", ctypes.c_int32),
        ("index", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Managed(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("view", _View),
    ]


def interface_of(source: Any) -> Mapping[str, Any] | None:
    """Return what an object says of its memory on CUDA; None where it says nothing."""
    return getattr(source, "__cuda_array_interface__", None)


def _refuse(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"as_tensor: __cuda_array_interface__ {message}", operation="as_tensor"
    )


def _dtype_of(typestr: str) -> tuple[DType, np.dtype[Any]]:
    array = np.dtype(typestr)
    known = {np.dtype(kind): ours for ours, kind in dtypes.TO_NUMPY.items()}
    if array.newbyteorder("=") not in known:
        raise DTypeError(f"as_tensor: tensors have no dtype {array}", operation="as_tensor")
    if not array.isnative:
        raise _refuse(f"has elements in the other byte order ({typestr})")
    return known[array], array


def _device_at(address: int) -> Device:
    """Return the device on which memory lies."""
    # The driver is started, for whoever has no array of CUDA otherwise.
    as_device("cuda")
    ordinal = ctypes.c_int(-1)
    # Only here: where there is no CUDA nothing of it is imported.
    from candle_ffi._cuda_library import DRIVER

    failed = ctypes.CDLL(DRIVER).cuPointerGetAttribute(
        ctypes.byref(ordinal), _DEVICE_ORDINAL, ctypes.c_uint64(address)
    )
    if failed or ordinal.value < 0:
        raise DeviceError(
            f"as_tensor: no CUDA device has memory at {address:#x}", operation="as_tensor"
        )
    return Device("cuda", ordinal.value)


def _order_behind(device: Device, stream: Any) -> None:
    """Let the device wait for what is on the stream of the interface."""
    if stream is None:
        return
    if int(stream) <= 0:
        raise _refuse(f"names the stream {stream!r}, which is none; 1 is the default stream")
    check(lib.py_device_wait_for_stream(device.kind, device.index, int(stream)))


def from_interface(source: Any, interface: Mapping[str, Any], copy: bool | None) -> Tensor:
    """Return a tensor of an array's elements.

    Parameters
    ----------
    source : object
        The array, which lives at least as long as the last tensor that uses its memory.
    interface : mapping
        Its `__cuda_array_interface__`; 0 to 3 are the versions that there are.
    copy : bool or None
        None copies only what is read-only; False refuses that.

    Raises
    ------
    InvalidArgumentError
        The interface says what no tensor can be: it has a mask, elements in the other byte order,
        steps between elements, or no stream.
    DTypeError
        Tensors have no such dtype.
    DeviceError
        There is no CUDA device, or none has this memory.
    """
    if interface.get("mask") is not None:
        raise _refuse("has a mask, and tensors have none")
    dtype, array = _dtype_of(interface["typestr"])
    shape, size = tuple(map(int, interface["shape"])), array.itemsize
    if prod(shape) == 0:
        # Memory without elements has no device.
        return _ops.empty(shape, dtype=dtype, device=as_device("cuda"))
    address, read_only = interface["data"]
    steps = interface.get("strides")
    if steps is not None and any(int(step) % size for step in steps):
        raise _refuse(f"has strides {tuple(steps)}, which are no multiples of {size} bytes")
    device = _device_at(int(address))
    _order_behind(device, interface.get("stream"))
    sizes = (ctypes.c_int64 * max(1, len(shape)))(*shape)
    strides = (
        None
        if steps is None
        else (ctypes.c_int64 * max(1, len(shape)))(*(int(step) // size for step in steps))
    )
    managed = _Managed()
    # All that must live as long as the memory is used.
    kept = (source, managed, sizes, strides)
    managed.version[:] = _dlpack.NEWEST
    managed.context, managed.deleter = id(kept), _release
    managed.flags = _READ_ONLY if read_only else 0
    managed.view = _View(
        int(address),
        _dlpack.DEVICES["cuda"],
        device.index,
        len(shape),
        _CODES[array.kind],
        8 * size,
        1,
        ctypes.addressof(sizes),
        None if strides is None else ctypes.addressof(strides),
    )
    _sharing.hold(kept)
    handle = lib.py_from_dlpack(
        ffi.cast("struct DLManagedTensorVersioned *", ctypes.addressof(managed)), _dlpack.COPY[copy]
    )
    if not handle:
        error = take_error()
        _sharing.let_go(kept)
        raise error
    return wrap(handle)
