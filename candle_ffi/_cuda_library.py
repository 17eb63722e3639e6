"""Loading the library with CUDA: what it needs, in which order, and why it may not be possible.

Nothing here starts CUDA (`cuInit`) while the package is imported: that takes up to seconds where
there are many GPUs, and a process that is forked after it can never use CUDA.
"""

from __future__ import annotations

import ctypes
import glob
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from typing import Any

from candle_ffi._backend import UnusableError

__all__ = [
    "DESCRIPTION",
    "cudnn_error",
    "driver_version",
    "expect_devices",
    "has_started",
    "header_digest",
    "load",
    "spelled",
]

#: The file beside the library that says what it needs; tools/cuda.py writes it.
DESCRIPTION = "library.json"
DRIVER = "libcuda.so.1"
_NOT_INITIALIZED = 3  # CUDA_ERROR_NOT_INITIALIZED
# The library with CUDA looks for it by itself, by this name, and works without it.
CUDNN = "libcudnn.so.9"
INCLUDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")

# What has been loaded stays so: closing it would leave the library without its functions.
_loaded: list[ctypes.CDLL] = []
# Why cuDNN was not found here; None while it was not looked for, or when it was.
_cudnn_error: str | None = None


def spelled(version: int) -> str:
    """Return a version of CUDA as people write it: 13000 is 13.0."""
    return f"{version // 1000}.{version % 1000 // 10}"


def header_digest(path: str = os.path.join(INCLUDE, "candle_ffi.h")) -> str:
    """Return what tells the interface of one build from that of another."""
    with open(path, "rb") as header:
        return hashlib.sha256(header.read()).hexdigest()


def load(path: str, other: str) -> None:
    """Load the library with CUDA, and before it the libraries that it needs.

    Parameters
    ----------
    path : str
        The library.
    other : str
        That of the CPU, which must not be loaded yet.

    Raises
    ------
    UnusableError
        It cannot be used; the message says why, and what to do.
    """
    needs = _description(path)
    if _is_loaded(os.path.basename(other)):
        raise UnusableError("this process has loaded another libcandle_ffi before the package")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and (not hidden.strip() or hidden.lstrip().startswith("-")):
        raise UnusableError(f"CUDA_VISIBLE_DEVICES={hidden!r} hides every device")
    version, needed = driver_version(), int(needs["cuda"])
    if version < needed:
        raise UnusableError(
            f"the NVIDIA driver is for CUDA {spelled(version)}, and candle_ffi is built for "
            f"{spelled(needed)}: install a newer driver, or build with an older toolkit (CUDA_HOME)"
        )
    global _cudnn_error
    _load_needed(needs)
    # A small file; its large parts are loaded by it when something is computed first.
    _cudnn_error = _load(CUDNN, needs.get("toolkit"))
    try:
        _loaded.append(ctypes.CDLL(path))
    except OSError as error:
        raise UnusableError(
            f"the CUDA library of candle_ffi cannot be loaded ({error}): build it again, "
            "for the driver and the libraries that are there"
        ) from None


def cudnn_error() -> str | None:
    """Return why cuDNN could not be loaded; None where it could."""
    return _cudnn_error


def driver_version() -> int:
    """Return the version of CUDA that the driver is for, such as 13000.

    Raises
    ------
    UnusableError
        There is no driver, or it does not answer.
    """
    driver = _driver()
    version = ctypes.c_int(0)
    status = driver.cuDriverGetVersion(ctypes.byref(version))
    if status:
        told = _error(driver, status)
        raise UnusableError(f"the NVIDIA driver does not tell its version: {told}")
    return version.value


def expect_devices() -> None:
    """Start CUDA and expect a device.

    Raises
    ------
    UnusableError
        CUDA does not start, or there is no device.
    """
    driver = _driver()
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status or not count.value:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hint = "" if visible is None else f" with CUDA_VISIBLE_DEVICES={visible!r}"
        why = f": {_error(driver, status)}" if status else ""
        raise UnusableError(f"the NVIDIA driver finds no GPU{hint}{why}")


def has_started() -> bool:
    """Return whether CUDA has been started in this process, by whomever; this does not start it."""
    count = ctypes.c_int(0)
    return int(_driver().cuDeviceGetCount(ctypes.byref(count))) != _NOT_INITIALIZED


def _description(path: str) -> dict[str, Any]:
    """Return what is written beside the library, which must be of the same build as the package."""
    described = os.path.join(os.path.dirname(path), DESCRIPTION)
    try:
        with open(described, encoding="utf-8") as file:
            needs: dict[str, Any] = json.load(file)
        same = needs["header"] == header_digest()
    except (OSError, ValueError, KeyError) as error:
        raise UnusableError(f"{described} cannot be read ({error}): build it again") from None
    if not same:
        raise UnusableError(
            "the CUDA library of candle_ffi was built from other sources than the package: "
            "build it again (make cuda)"
        )
    return needs


def _is_loaded(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    return True


def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(DRIVER)
    except OSError as error:
        raise UnusableError(
            f"there is no NVIDIA driver ({error}); a container gets one with --gpus all"
        ) from None


def _error(driver: ctypes.CDLL, status: int) -> str:
    """Return what the driver calls an error."""
    words = ctypes.c_char_p()
    try:
        driver.cuGetErrorString(status, ctypes.byref(words))
    except AttributeError:
        words.value = None
    return f"{words.value.decode()} (error {status})" if words.value else f"error {status}"


def _load_needed(needs: dict[str, Any]) -> None:
    """Load the libraries of CUDA, those first that others need."""
    missing = {}
    for name in needs["libraries"]:
        error = _load(name, needs.get("toolkit"))
        if error is not None:
            missing[name] = error
    if missing:
        names, why = " and ".join(missing), "; ".join(missing.values())
        raise UnusableError(
            f"{names} of CUDA {spelled(int(needs['cuda']))} cannot be loaded ({why}): "
            "pip install 'candle-ffi[cuda]' brings them, "
            "or name the folder of a toolkit in LD_LIBRARY_PATH"
        )


def _load(name: str, toolkit: str | None) -> str | None:
    """Load a library of CUDA: one that is there, the system's, a wheel's; return why it failed."""
    try:
        _loaded.append(ctypes.CDLL(name))
    except OSError as error:
        message = str(error)
    else:
        return None
    for path in _places(name, toolkit):
        try:
            _loaded.append(ctypes.CDLL(path))
        except OSError as error:
            message = str(error)
        else:
            return None
    return message


def _places(name: str, toolkit: str | None) -> Iterator[str]:
    """Yield the files of a name: in the wheels `nvidia-*`, and in toolkits that are named."""
    try:
        found = importlib.util.find_spec("nvidia")
    except (ImportError, ValueError):
        found = None
    for folder in (found and found.submodule_search_locations) or ():
        yield from glob.glob(os.path.join(glob.escape(folder), "*", "lib", name))
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    folders = [os.path.join(home, part) for home in homes if home for part in ("lib64", "lib")]
    for folder in (*folders, *([toolkit] if toolkit else [])):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            yield path
