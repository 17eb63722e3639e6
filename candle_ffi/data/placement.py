"""Where the tensors of a batch lie: in pinned memory, or on a device."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from candle_ffi import cuda
from candle_ffi.data.collate import is_array, map_leaves
from candle_ffi.device import Device, current_cuda
from candle_ffi.tensor import Tensor

__all__ = ["Placement", "is_movable", "moved", "placement"]


def placement(pin_memory: bool, device: Device | None) -> Placement | None:
    """Return what brings a batch to where it is wanted; None where it may stay.

    A batch for a CUDA device goes through pinned memory, so that the device copies it by itself
    while the host goes on.

    Parameters
    ----------
    pin_memory : bool
        Whether tensors of the CPU go into pinned memory; without a CUDA device they stay.
    device : Device, optional
        Where the tensors go.
    """
    there = device is not None and device.type == "cuda"
    pinned = (pin_memory or there) and cuda.is_available()
    return Placement(pinned, device) if pinned or device is not None else None


class Placement:
    """Brings batches to where they are wanted, in any thread.

    Tensors move, in containers of any kind, in dataclasses, and in what moves itself: objects with
    `to`, as PyTorch's do it, and before that with `pin_memory`.

    Parameters
    ----------
    pinned : bool
        Whether what is on the CPU goes into pinned memory first.
    device : Device, optional
        Where it goes.
    """

    def __init__(self, pinned: bool, device: Device | None) -> None:
        self._pinned = pinned
        self._device = device
        # Which device pins, and what "cuda" means to classes of others: a thread has its own.
        self._current = device.index if device and device.type == "cuda" else current_cuda()

    def __call__(self, batch: Any) -> Any:
        """Return a batch where it is wanted.

        Parameters
        ----------
        batch : object
            What a loader has made; a warning tells where there is nothing in it to be moved.
        """
        if not self._pinned:
            return self._placed(batch)
        with cuda.device(self._current):
            return self._placed(batch)

    def _placed(self, batch: Any) -> Any:
        count = 0

        def place(value: Any) -> Any:
            nonlocal count
            if isinstance(value, Tensor) or is_movable(value):
                count += 1
                return self._moved(value)
            pins = self._pinned and not is_array(value) and _method(value, "pin_memory")
            pinned = value.pin_memory() if pins else None
            value = value if pinned is None else pinned
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                return _replaced(value, lambda part: map_leaves(part, place, is_movable))
            return value

        placed = map_leaves(batch, place, is_movable)
        if not count and self._device is not None:
            warnings.warn(
                f"DataLoader: nothing of a batch is put on {self._device}: it is a "
                f"{type(batch).__name__} without tensors, and without what has a method `to`; "
                "give a collate_fn that makes tensors, or leave device= out",
                stacklevel=2,
            )
        return placed

    def _moved(self, value: Any) -> Any:
        if self._pinned and _can_be_pinned(value):
            pinned = value.pin_memory()
            value = value if pinned is None else pinned
        return value if self._device is None else moved(value, self._device)


def is_movable(value: Any) -> bool:
    """Return whether something that is no tensor of ours can bring itself to a device.

    Parameters
    ----------
    value : object
        Anything. A class counts as movable that has a method `to`; arrays of other libraries do
        not, since theirs knows their devices alone, and neither do mappings, for the same reason
        (Hugging Face's move what PyTorch made): they are gone through.
    """
    ours = isinstance(value, (Tensor, Mapping)) or is_array(value)
    return not ours and _method(value, "to")


def moved(value: Any, device: Device) -> Any:
    """Return a tensor, or what is movable, on a device; it is not waited for.

    Parameters
    ----------
    value : object
        The tensor, or something of which `is_movable` is true.
    device : Device
        The device.
    """
    if isinstance(value, Tensor):
        return value.to(device=device, non_blocking=True)
    options = {"non_blocking": True} if _takes_non_blocking(value.to) else {}
    there = value.to(device, **options)
    return value if there is None else there  # one that changes in place may return nothing


def _method(value: Any, name: str) -> bool:
    return not isinstance(value, type) and callable(getattr(type(value), name, None))


def _can_be_pinned(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.device.type == "cpu" and not value.is_pinned()
    return _method(value, "pin_memory") and not getattr(value, "is_cuda", False)


def _takes_non_blocking(function: Callable[..., Any]) -> bool:
    """Return whether a method of somebody's class knows the word."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    named = known.get("non_blocking")
    return named is not None or any(one.kind is one.VAR_KEYWORD for one in known.values())


def _replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a dataclass with the fields that a change makes of its own."""
    before = {
        each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.init
    }
    after = {name: change(part) for name, part in before.items()}
    changed = {name: part for name, part in after.items() if part is not before[name]}
    return dataclasses.replace(value, **changed) if changed else value
