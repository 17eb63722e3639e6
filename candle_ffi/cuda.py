"""CUDA devices, under PyTorch's names."""

from __future__ import annotations

from candle_ffi import device as devices

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """Return whether there is a CUDA device that this build can use.

    Notes
    -----
    `torch.cuda.is_available`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.is_available() == (cf.cuda.device_count() > 0)
    True
    """
    return devices.is_available("cuda")


def device_count() -> int:
    """Return how many CUDA devices this build can use.

    Notes
    -----
    `torch.cuda.device_count`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.device_count() >= 0
    True
    """
    return devices.device_count("cuda")
