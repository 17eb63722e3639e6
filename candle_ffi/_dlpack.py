"""Capsules of DLPack, by which Python's array libraries hand tensors to each other."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

from candle_ffi._handles import wrap
from candle_ffi._lib import ffi, lib, take_error
from candle_ffi.errors import DeviceError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["CPU", "DEVICES", "NEWEST", "address_of", "capsule_of", "from_capsule", "from_exporter"]

#: The version that is written, and whose major number is read.
NEWEST: Final = (1, 1)
#: DLPack's name of the host.
CPU: Final = (1, 0)
#: DLPack's numbers of our kinds of devices.
DEVICES: Final = {"cpu": 1, "cuda": 2, "metal": 8}

_KINDS: Final = {2: "CUDA", 3: "pinned host memory of CUDA", 8: "Metal", 10: "ROCm", 14: "oneAPI"}
#: `copy` of the protocol as the library takes it.
_COPY: Final = {
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
    managed = export(tensor._handle, _COPY[copy])
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
        handle = take(ffi.cast(kind, managed), _COPY[copy])
        if not handle:
            error = take_error()
            lib.py_leave_to_capsule(object_, versioned)
            raise error
        return wrap(handle)
    raise TypeError(
        f"from_dlpack: {capsule!r} is no capsule of DLPack, or its tensor has been taken out before"
    )


def from_exporter(source: Any, copy: bool | None) -> Tensor:
    """Take over what an object of another library exports."""
    if type(source).__name__ == "PyCapsule":
        return from_capsule(source, copy)
    if not hasattr(source, "__dlpack__") or not hasattr(source, "__dlpack_device__"):
        raise TypeError(
            "from_dlpack: an object with __dlpack__ and __dlpack_device__, or a capsule, is "
            f"needed, not {type(source).__name__}"
        )
    kind, index = source.__dlpack_device__()
    if int(kind) != CPU[0]:
        name = _KINDS.get(int(kind), f"a device of DLPack's type {int(kind)}")
        raise DeviceError(
            f"from_dlpack: the elements are on {name}, device {index}, and only those on the CPU "
            "can be taken; move them there first",
            operation="from_dlpack",
        )
    try:
        capsule = source.__dlpack__(max_version=NEWEST)
    except TypeError:
        # Libraries from before versions know no such argument.
        capsule = source.__dlpack__()
    return from_capsule(capsule, copy)
