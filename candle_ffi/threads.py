"""How many threads an operation may use."""

from __future__ import annotations

from candle_ffi._lib import check, lib

__all__ = ["get_num_threads", "set_num_threads"]


def get_num_threads() -> int:
    """Return how many threads an operation may use.

    At the start that is CANDLE_FFI_NUM_THREADS, else RAYON_NUM_THREADS, else the number of
    processors.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.get_num_threads() >= 1
    True
    """
    return int(lib.candle_get_num_threads())


def set_num_threads(count: int) -> None:
    """Set how many threads an operation may use, for the whole process.

    Parameters
    ----------
    count : int
        At least 1.

    Raises
    ------
    InvalidArgumentError
        `count` is not positive.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.set_num_threads(cf.get_num_threads())
    """
    check(lib.py_set_num_threads(max(count, 0)))
