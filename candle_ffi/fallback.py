"""The warning that the host computes an operation for which a device has no kernel."""

from __future__ import annotations

import sys
import warnings

from candle_ffi import _callbacks
from candle_ffi import dtype as dtypes
from candle_ffi._lib import check, lib
from candle_ffi.device import of

__all__ = ["DeviceFallbackWarning"]


class DeviceFallbackWarning(UserWarning):
    """An operation has no kernel on a device, and the host computes it: right, but slow.

    It comes once for each operation, dtype and device. With ``CANDLE_FFI_DEVICE_FALLBACK=error``
    the operation raises `UnsupportedError` instead, and with ``silent`` nothing is said.
    """


def _warn(operation: str, dtype: int, kind: int, index: int) -> None:
    name = next(known.name for known in dtypes.BY_NAME.values() if known.code == dtype)
    warnings.warn(
        f"{operation} has no kernel for {name} on {of(kind, index)}: the host computes it, and the "
        "elements travel both ways",
        DeviceFallbackWarning,
        stacklevel=_outside(),
    )


def _outside() -> int:
    """Return the level of the caller that is not of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    return level


def _inside(module: str) -> bool:
    return module.partition(".")[0] == "candle_ffi"


check(
    lib.py_set_fallback_callback(
        lib.py_tell_fallback, _callbacks.user_data(_warn), lib.py_free_user_data
    )
)
