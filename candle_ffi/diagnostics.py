"""What the native library is, and what it holds."""

from __future__ import annotations

from typing import Final

from candle_ffi._lib import lib, text

__all__ = ["build_info", "live_handles"]

KINDS: Final = {
    "tensor": lib.CANDLE_HANDLE_TENSOR,
    "generator": lib.CANDLE_HANDLE_GENERATOR,
    "error": lib.CANDLE_HANDLE_ERROR,
    "tensor_map": lib.CANDLE_HANDLE_TENSOR_MAP,
    "module": lib.CANDLE_HANDLE_MODULE,
    "optimizer": lib.CANDLE_HANDLE_OPTIMIZER,
    "profile": lib.CANDLE_HANDLE_PROFILE,
    "graph": lib.CANDLE_HANDLE_GRAPH,
}


def live_handles() -> dict[str, int]:
    """Return how many objects of each kind the native library keeps for somebody.

    Returns
    -------
    dict of str to int
        The counts, for tests that look for leaks.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> before = cf.live_handles()["tensor"]
    >>> x = cf.ones(3)
    >>> cf.live_handles()["tensor"] - before
    1
    """
    return {name: int(lib.candle_ffi_live_handles(kind)) for name, kind in KINDS.items()}


def build_info() -> str:
    """Return what the native library is made of: its version, Candle's, features, target.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.build_info().startswith(f"candle_ffi {cf.__version__}")
    True
    """
    return text(lib.candle_ffi_build_info())
