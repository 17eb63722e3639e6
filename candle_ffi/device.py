"""Devices: `cf.device("cuda:1")`, and what is there."""

from __future__ import annotations

from typing import Final

from candle_ffi._lib import check, ffi, lib

__all__ = ["Device", "device", "device_count", "is_available"]

KINDS: Final = {"cpu": 1, "cuda": 2, "metal": 3}
NAMES: Final = {number: name for name, number in KINDS.items()}


class Device:
    """A processor that holds tensors and computes with them.

    Attributes
    ----------
    type : str
        ``"cpu"``, ``"cuda"`` or ``"metal"``.
    index : int
        Which one of its type.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "kind", "type")

    def __init__(self, kind: int, index: int) -> None:
        self.kind = kind
        self.index = index
        self.type = NAMES[kind]

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

    def __reduce__(self) -> tuple[type[Device], tuple[int, int]]:
        return (Device, (self.kind, self.index))


CPU: Final = Device(1, 0)
_KNOWN: dict[str, Device] = {"cpu": CPU}


def device(name: str | Device, index: int | None = None) -> Device:
    """Return the device of a name such as ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Parameters
    ----------
    name : str or Device
        The type, with its index after a colon where there are several.
    index : int, optional
        The index, where the name has none.

    Returns
    -------
    Device
        A device that is there.

    Raises
    ------
    DeviceError
        The name is unknown, or this device is not there; the message says which are.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> str(cf.device("cpu"))
    'cpu'
    """
    if isinstance(name, Device):
        return name
    if not isinstance(name, str):
        raise TypeError(f'device: a name such as "cpu" or "cuda:1" is needed, not {name!r}')
    text = name if index is None else f"{name}:{index}"
    known = _KNOWN.get(text)
    if known is None:
        kind = ffi.new("CandleDeviceKind *")
        number = ffi.new("int32_t *")
        check(lib.py_device_from_name(text.encode(), kind, number))
        known = _KNOWN[text] = Device(kind[0], number[0])
    return known


def as_device(name: str | Device | None) -> Device:
    """Return the device that `name` means; None is the CPU."""
    if name is None:
        return CPU
    if isinstance(name, Device):
        return name
    return device(name)


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
