"""The native library: this module alone imports it, and makes exceptions of failed calls."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import Any

if sys.platform == "win32":
    # There the extension cannot say where its library is; on other systems it does.
    os.add_dll_directory(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from candle_ffi import _backend

_backend.choose()

from candle_ffi._cffi import ffi, lib  # noqa: E402  # binds to the library that was chosen
from candle_ffi.errors import BY_CODE, BY_ERRNO, CandleError, DeviceError, FileError  # noqa: E402

__all__ = ["check", "ffi", "keep_raised", "lib", "take_error", "text"]

_raised = threading.local()


def text(pointer: Any) -> str:
    """Return the string that a `const char *` of the library points to."""
    return str(ffi.string(pointer), "utf-8", "replace")


def check(status: int) -> None:
    """Raise the exception of a failed shim."""
    if status:
        raise take_error()


def keep_raised(error: BaseException) -> int:
    """Keep what a Python callback has raised, and return the status with which it fails."""
    _raised.error = error
    return int(lib.CANDLE_ERROR_CALLBACK)


def take_error() -> BaseException:
    """Return the exception of the shim that has just failed on this thread.

    What a Python callback has raised comes back as it is.
    """
    handle = lib.py_take_error()
    status = lib.candle_error_code(handle)
    if status == lib.CANDLE_ERROR_CALLBACK and "error" in vars(_raised):
        lib.candle_error_free(handle)
        return vars(_raised).pop("error")  # type: ignore[no-any-return]
    kind = BY_CODE.get(status, CandleError)
    message = text(lib.candle_error_message(handle)) or text(lib.candle_status_name(status))
    number = _system_error(message) if kind is FileError else None
    if number is not None:
        kind = BY_ERRNO.get(number, FileError)
    devices = [_device(handle, n) for n in range(lib.candle_error_num_devices(handle))]
    missing = [name for name in devices if name.startswith("cuda")]
    if kind is DeviceError and missing:
        message = _backend.explain(message, missing[0])
    error = kind(
        message,
        code=status,
        operation=text(lib.candle_error_operation(handle)) or None,
        shapes=[_shape(handle, n) for n in range(lib.candle_error_num_shapes(handle))],
        dtypes=[
            text(lib.candle_dtype_name(lib.candle_error_dtype(handle, n)))
            for n in range(lib.candle_error_num_dtypes(handle))
        ],
        devices=devices,
    )
    lib.candle_error_free(handle)
    if isinstance(error, FileError):
        error.errno = number
    return error


def _system_error(message: str) -> int | None:
    """Return the number of the system's error, which Rust writes into its text."""
    found = re.search(r"\(os error (\d+)\)", message)
    return int(found[1]) if found else None


def _shape(handle: Any, number: int) -> tuple[int, ...]:
    rank = lib.candle_error_shape(handle, number, ffi.NULL, 0)
    sizes = ffi.new("int64_t[]", rank)
    lib.candle_error_shape(handle, number, sizes, rank)
    return tuple(sizes)


def _device(handle: Any, number: int) -> str:
    name = text(lib.candle_device_kind_name(lib.candle_error_device_kind(handle, number)))
    index = lib.candle_error_device_index(handle, number)
    return name if name == "cpu" else f"{name}:{index}"
