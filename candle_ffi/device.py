"""Devices: `cf.device("cuda:1")`, and what is there."""

from __future__ import annotations

import threading
from typing import Final

from candle_ffi._lib import check, ffi, lib

__all__ = [
    "Device",
    "device",
    "device_count",
    "get_default_device",
    "is_available",
    "set_default_device",
]

KINDS: Final = {"cpu": 1, "cuda": 2, "metal": 3}
NAMES: Final = {number: name for name, number in KINDS.items()}


class Device:
    """A processor that holds tensors and computes with them.

    Parameters
    ----------
    type : str, int or Device
        The type, with its index after a colon where there are several: ``"cpu"``, ``"cuda"``,
        ``"cuda:1"``, ``"metal"``. A number is the index of a CUDA device.
    index : int, optional
        The index, where the type comes without; without it ``"cuda"`` is the current device, see
        `cf.cuda.set_device`.

    Attributes
    ----------
    type : str
        ``"cpu"``, ``"cuda"`` or ``"metal"``.
    index : int
        Which one of its type.

    Raises
    ------
    DeviceError
        The name is unknown, or this device is not there; the message says which are.

    Notes
    -----
    `torch.device`. In a ``with`` block it is the default device of the thread.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.device("cpu")
    device(type='cpu')
    >>> with cf.device("cpu"):
    ...     cf.zeros(2).device
    device(type='cpu')
    """

    __slots__ = ("index", "kind", "type")

    index: int
    kind: int
    type: str

    def __new__(cls, type: str | int | Device, index: int | None = None) -> Device:
        """Return the device of a name, after looking whether it is there."""
        name = type
        if isinstance(name, Device):
            return name
        if isinstance(name, int) and not isinstance(name, bool):
            name = f"cuda:{name}"
        if not isinstance(name, str):
            raise TypeError(f'device: a name such as "cpu" or "cuda:1" is needed, not {name!r}')
        if index is None and name == "cuda":
            index = current_cuda()
        text = name if index is None else f"{name}:{index}"
        known = _KNOWN.get(text)
        if known is None:
            kind = ffi.new("CandleDeviceKind *")
            number = ffi.new("int32_t *")
            check(lib.py_device_from_name(text.encode(), kind, number))
            known = _KNOWN[text] = of(kind[0], number[0])
        return known

    def __str__(self) -> str:
        return self.type if self.kind == 1 else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.kind == 1 else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Device):
            return self.kind == other.kind and self.index == other.index
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.kind, self.index))

    def __reduce__(self) -> tuple[object, tuple[int, int]]:
        return (of, (self.kind, self.index))

    def __enter__(self) -> Device:
        _current.chosen = [*_chosen(), self]
        return self

    def __exit__(self, *exception: object) -> None:
        _current.chosen = _chosen()[:-1]


def of(kind: int, index: int) -> Device:
    """Return the device of the numbers of the C interface.

    Parameters
    ----------
    kind : int
        The kind (`CANDLE_DEVICE_*`).
    index : int
        Which one of its kind.
    """
    made = object.__new__(Device)
    made.kind, made.index, made.type = kind, index, NAMES[kind]
    return made


device = Device
CPU: Final = of(1, 0)
_KNOWN: dict[str, Device] = {"cpu": CPU}
#: A name without an index is the device that it means when a tensor is made.
_default: Device | str = CPU

#: Of each thread: which device ``"cuda"`` is, and the devices of the blocks that it is in.
_current = threading.local()


def _chosen() -> list[Device]:
    return getattr(_current, "chosen", [])


def current_cuda() -> int:
    """Return which CUDA device ``"cuda"`` means on this thread."""
    return getattr(_current, "index", 0)


def set_current_cuda(index: int) -> None:
    """Set which CUDA device ``"cuda"`` means on this thread."""
    _current.index = index


def cuda_in_use() -> list[int]:
    """Return the indices of the CUDA devices that this process has been told to use."""
    return sorted({known.index for known in list(_KNOWN.values()) if known.type == "cuda"})


def as_device(name: str | int | Device | None) -> Device:
    """Return the device that `name` means; None is the default one."""
    return get_default_device() if name is None else Device(name)


def get_default_device() -> Device:
    """Return the device where tensors and layers are made when none is named: at first the CPU.

    Notes
    -----
    `torch.get_default_device`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.get_default_device()
    device(type='cpu')
    """
    chosen = _chosen()
    if chosen:
        return chosen[-1]
    return _default if isinstance(_default, Device) else Device(_default)


def set_default_device(device: str | int | Device | None) -> None:
    """Set the device where tensors and layers are made when none is named, for the whole process.

    The name ``"cuda"`` goes on to mean the current device of each thread, which
    `cf.cuda.set_device` may change later; ``"cuda:0"`` and a `cf.device` are one device. In a
    ``with`` block of a device, that one is the default.

    What has memory already keeps it: `from_numpy`, `from_dlpack` and files give tensors on the CPU.

    Parameters
    ----------
    device : Device, str, int or None
        The device; None is the CPU.

    Raises
    ------
    DeviceError
        This device is not there.

    Notes
    -----
    `torch.set_default_device`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.set_default_device("cpu")
    """
    global _default
    there = CPU if device is None else Device(device)
    _default = device if isinstance(device, str) and ":" not in device else there


def device_count(type: str = "cuda") -> int:
    """Return how many devices of a type are there.

    Parameters
    ----------
    type : str, default "cuda"
        ``"cpu"``, ``"cuda"`` or ``"metal"``.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.device_count("cpu")
    1
    """
    kind = KINDS.get(type)
    return 0 if kind is None else int(lib.candle_device_count(kind))


def is_available(type: str = "cuda") -> bool:
    """Return whether a device of a type is there.

    Parameters
    ----------
    type : str, default "cuda"
        ``"cpu"``, ``"cuda"`` or ``"metal"``.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.is_available("cpu")
    True
    """
    return device_count(type) > 0
