"""Where the tensors of a batch lie: in pinned memory, or on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from candle_ffi import cuda
from candle_ffi.data.collate import map_tensors
from candle_ffi.device import Device
from candle_ffi.tensor import Tensor

__all__ = ["placement"]


def placement(pin_memory: bool, device: Device | None) -> Callable[[Any], Any] | None:
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
    pinned = (pin_memory or (device is not None and device.type == "cuda")) and cuda.is_available()
    if not pinned and device is None:
        return None

    def place(tensor: Tensor) -> Tensor:
        if pinned and tensor.device.type == "cpu" and not tensor.is_pinned():
            tensor = tensor.pin_memory()
        return tensor if device is None else tensor.to(device=device, non_blocking=True)

    return lambda batch: map_tensors(batch, place)
