"""Which native library is loaded: the one with CUDA where it can be used, else that of the CPU.

Both export the same functions under the same name (SONAME). The extension takes the one that is
loaded already when it is imported, so that the choice is made by loading the one with CUDA first.
"""

from __future__ import annotations

import os
import sys

__all__ = [
    "LIBRARY",
    "NOT_BUILT",
    "UnusableError",
    "choose",
    "cuda_library",
    "explain",
    "in_use",
    "not_built",
    "why_not",
]

VARIABLE = "CANDLE_FFI_BACKEND"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
LIBRARIES = {"darwin": "libcandle_ffi.0.dylib", "win32": "candle_ffi.dll"}
LIBRARY = LIBRARIES.get(sys.platform, "libcandle_ffi.so.0")


def not_built(platform: str) -> str:
    """Return what is told on a `sys.platform` where the package has no library with CUDA."""
    if platform != "linux":
        return f"candle_ffi has CUDA on Linux alone, and this is {platform}"
    return (
        "candle_ffi is installed without its CUDA library; CANDLE_FFI_CUDA=1 pip install '.[cuda]' "
        "in its sources builds it, or make cuda for development"
    )


NOT_BUILT = not_built(sys.platform)

# The library that was chosen, and why it is not the one with CUDA.
_chosen = "cpu"
_reason: str | None = NOT_BUILT


class UnusableError(Exception):
    """Why CUDA cannot be used, and what to do about it."""


def cuda_library() -> str:
    """Return where the library with CUDA is, if the package has one."""
    return os.path.join(FOLDER, "cuda", LIBRARY)


def in_use() -> tuple[str, str]:
    """Return the backend that was chosen, ``"cpu"`` or ``"cuda"``, and the path of its library."""
    return _chosen, cuda_library() if _chosen == "cuda" else os.path.join(FOLDER, LIBRARY)


def why_not() -> str | None:
    """Return why the library with CUDA is not the one in use; None when it is."""
    return _reason


def choose() -> None:
    """Load the library with CUDA where it can be used; before the extension is imported.

    Raises
    ------
    ImportError
        ``CANDLE_FFI_BACKEND`` asks for CUDA, which cannot be used, or for what does not exist.
    """
    global _chosen, _reason
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "cpu", "cuda"):
        raise ImportError(f'{VARIABLE} is "cpu", "cuda" or not set, not {wanted!r}')
    try:
        if wanted == "cpu":
            raise UnusableError(f"{VARIABLE}=cpu keeps CUDA away")
        # All that an installation without CUDA pays.
        if not os.path.exists(cuda_library()):
            raise UnusableError(NOT_BUILT)
        from candle_ffi import _cuda_library

        _cuda_library.load(cuda_library(), os.path.join(FOLDER, LIBRARY))
        if wanted:
            _cuda_library.expect_devices()
        _chosen, _reason = "cuda", None
    except UnusableError as why:
        if wanted == "cuda":
            raise ImportError(f"{VARIABLE}=cuda, but {why}") from None
        _chosen, _reason = "cpu", str(why)


def explain(message: str, device: str) -> str:
    """Return the message of a `DeviceError`, with why CUDA is not used where that is the cause.

    Parameters
    ----------
    message : str
        What the native library says.
    device : str
        The device, such as ``"cuda:0"``.
    """
    return message if _reason is None else f"there is no device {device}: {_reason}"
