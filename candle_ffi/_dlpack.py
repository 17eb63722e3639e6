"""Capsules of DLPack, by which Python's array libraries hand tensors to each other."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.device import Device
from candle_ffi.errors import DeviceError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = [
    "COPY",
    "CPU",
    "DEVICES",
    "NEWEST",
    "address_of",
    "capsule_of",
    "from_capsule",
    "from_exporter",
    "order_behind",
    "stream_of",
]

#: The version that is written, and whose major number is read.
NEWEST: Final = (1, 1)
#: DLPack's name of the host.
CPU: Final = (1, 0)
#: DLPack's numbers of our kinds of devices.
DEVICES: Final = {"cpu": 1, "cuda": 2, "metal": 8}

_KINDS: Final = {8: "Metal", 10: "ROCm", 14: "oneAPI"}
#: The host's memory, also where it is pinned; a CUDA device's, also where it is managed.
_ON_HOST: Final = (1, 3)
_ON_CUDA: Final = (2, 13)
#: `copy` of the protocol as the library takes it.
COPY: Final = {
    None: lib.CANDLE_COPY_IF_NEEDED,
    False: lib.CANDLE_COPY_NEVER,
    True: lib.CANDLE_COPY_ALWAYS,
}


def address_of(pointer: Any) -> int:
    """Return the number of a pointer."""
    return int(ffi.cast("uintptr_t", pointer))


_pointer, _object = ctypes.c_void_p, ctypes.py_object
# A prototype of our own: attributes of `ctypes.pythonapi` are everybody's.
_new = ctypes.PYFUNCTYPE(_object, _pointer, _pointer, _pointer)(("PyCapsule_New", ctypes.pythonapi))

# By whether the structure is the versioned one. The names are C's, which outlive all capsules.
_NAME: Final = {kind: address_of(lib.py_capsule_name(kind, False)) for kind in (True, False)}
_free: Final = address_of(ffi.addressof(lib, "py_free_capsule"))


def capsule_of(tensor: Tensor, versioned: bool, copy: bool | None) -> Any:
    """Return a capsule with a tensor, which frees what nobody takes out of it."""
    export = lib.py_to_dlpack if versioned else lib.py_to_dlpack_unversioned
    managed = export(tensor._handle, COPY[copy])
    if not managed:
        raise take_error()
    return _new(address_of(managed), _NAME[versioned], _free)


def from_capsule(capsule: Any, copy: bool | None) -> Tensor:
    """Take the tensor out of a capsule."""
    object_ = ffi.cast("void *", id(capsule))
    for versioned in (True, False):
        managed = lib.py_take_from_capsule(object_, versioned)
        if not managed:
            continue
        if versioned:
            kind, take = "struct DLManagedTensorVersioned *", lib.py_from_dlpack
        else:
            kind, take = "struct DLManagedTensor *", lib.py_from_dlpack_unversioned
        handle = take(ffi.cast(kind, managed), COPY[copy])
        if not handle:
            error = take_error()
            lib.py_leave_to_capsule(object_, versioned)
            raise error
        return wrap(handle)
    raise TypeError(
        f"from_dlpack: {capsule!r} is no capsule of DLPack, or its tensor has been taken out before"
    )


def stream_of(device: Device) -> int:
    """Return the number of the stream on which a CUDA device works."""
    stream = ffi.new("uint64_t *")
    check(lib.py_device_stream(device.kind, device.index, stream))
    return int(stream[0])


def order_behind(device: Device, stream: Any) -> None:
    """Let a consumer's stream wait for what a device computes.

    Parameters
    ----------
    device : Device
        Where the tensor is.
    stream : int or None
        As `__dlpack__` takes it: on CUDA -1 for no order, None and 1 for the default stream, 2 for
        that of the thread, else a stream's number. On the CPU there is none.
    """
    if device.type != "cuda":
        if stream is not None:
            raise BufferError(f"there are no streams on {device}, but stream is {stream!r}")
        return
    number = 1 if stream is None else int(stream)
    if number == 0 or number < -1:
        raise BufferError(f"{stream!r} is no stream of CUDA in DLPack; 1 is the default stream")
    if number != -1:
        check(lib.py_device_let_stream_wait(device.kind, device.index, number))


def _stream_for(kind: int, index: int) -> int | None:
    """Return the stream on which we use the memory of a device; None where there are none."""
    if kind in _ON_HOST:
        return None
    if kind not in _ON_CUDA:
        name = _KINDS.get(kind, f"a device of DLPack's type {kind}")
        raise DeviceError(
            f"from_dlpack: the elements are on {name}, device {index}, and only those on the CPU "
            "or CUDA can be taken; move them there first",
            operation="from_dlpack",
        )
    return stream_of(Device("cuda", index))


def from_exporter(source: Any, copy: bool | None) -> Tensor:
    """Take over what an object of another library exports."""
    if type(source).__name__ == "PyCapsule":
        return from_capsule(source, copy)
    if not hasattr(source, "__dlpack__") or not hasattr(source, "__dlpack_device__"):
        raise TypeError(
            "from_dlpack: an object with __dlpack__ and __dlpack_device__, or a capsule, is "
            f"needed, not {type(source).__name__}"
        )
    kind, index = map(int, source.__dlpack_device__())
    stream = _stream_for(kind, index)
    wanted = {} if stream is None else {"stream": stream}
    try:
        capsule = source.__dlpack__(max_version=NEWEST, **wanted)
    except TypeError:
        # Libraries from before versions know no such argument.
        capsule = source.__dlpack__(**wanted)
    return from_capsule(capsule, copy)
