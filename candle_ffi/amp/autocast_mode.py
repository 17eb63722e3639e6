"""The scope within which operations choose their dtypes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, TypeVar

from candle_ffi import dtype as dtypes
from candle_ffi._lib import check, lib
from candle_ffi.device import KINDS
from candle_ffi.dtype import DType
from candle_ffi.errors import DeviceError

__all__ = [
    "autocast",
    "clear_autocast_cache",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_cache_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])

#: PyTorch's choices.
LOWER: Final = {"cpu": dtypes.bfloat16, "cuda": dtypes.float16, "metal": dtypes.float16}


def _kind(device_type: str) -> int:
    kind = KINDS.get(device_type.partition(":")[0])
    if kind is None:
        raise DeviceError(
            f"autocast: unknown device type {device_type!r}; there are {', '.join(KINDS)}",
            operation="autocast",
        )
    return kind


class autocast:  # noqa: N801 (PyTorch's name)
    """A scope in which products run in half precision, and what needs range in `float32`.

    Matrix products, convolutions, attention and recurrent layers take their inputs in the lower
    dtype; losses, and on a GPU also norms, exponentials and sums, in `float32`. Everything else
    runs in the dtypes that it is given. The lists are PyTorch's; `float64` and integers stay. The
    scope is that of the thread; a backward pass has the dtypes of its forward pass, in the scope
    or outside of it.

    Parameters
    ----------
    device_type : str
        Of which tensors: ``"cuda"`` or ``"cpu"``.
    dtype : DType, optional
        The lower dtype, `float16` or `bfloat16`; `float16` on a GPU and `bfloat16` on the CPU when
        not given.
    enabled : bool, default True
        False makes a scope without casts, also within another.
    cache_enabled : bool, optional
        Whether a weight (a leaf of `float32` that requires gradients) is cast once, for all its
        uses until the outermost scope ends, and not anew for each of them. As on this thread when
        not given: yes at first. A weight that is changed in place is cast anew.

    Raises
    ------
    DTypeError
        Another dtype.
    DeviceError
        There is no such type of device.

    Notes
    -----
    `torch.autocast`. Also a decorator.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.ones(2, 2)
    >>> with cf.autocast("cpu"):
    ...     (x @ x).dtype
    candle_ffi.bfloat16
    """

    def __init__(
        self,
        device_type: str,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        self._kind = _kind(device_type)
        self.device = device_type.partition(":")[0]
        self.fast_dtype = LOWER[self.device] if dtype is None else dtypes.as_dtype(dtype)
        self._enabled = bool(enabled)
        self._cache = is_autocast_cache_enabled() if cache_enabled is None else bool(cache_enabled)
        #: What held before each scope that is open.
        self._before: list[bool] = []

    def __enter__(self) -> autocast:
        code = self.fast_dtype.code if self._enabled else lib.CANDLE_DTYPE_NONE
        check(lib.py_autocast_push(self._kind, code))
        self._before.append(set_autocast_cache_enabled(self._cache))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lib.candle_autocast_cache(self._before.pop())
        check(lib.py_autocast_pop())

    def __call__(self, function: F) -> F:
        """Return `function` so that each call of it runs in the scope."""

        @functools.wraps(function)
        def scoped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return scoped  # type: ignore[return-value]


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Return whether tensors on a type of device are cast on this thread.

    Parameters
    ----------
    device_type : str, default "cuda"
        The type.

    Notes
    -----
    `torch.is_autocast_enabled`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.is_autocast_enabled("cpu")
    False
    """
    return bool(lib.candle_autocast_dtype(_kind(device_type)))


def get_autocast_dtype(device_type: str) -> DType:
    """Return the lower dtype on this thread, or what it would be where nothing is cast.

    Parameters
    ----------
    device_type : str
        The type of device.

    Notes
    -----
    `torch.get_autocast_dtype`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.get_autocast_dtype("cpu")
    candle_ffi.bfloat16
    """
    code = lib.candle_autocast_dtype(_kind(device_type))
    known = {dtype.code: dtype for dtype in (dtypes.float16, dtypes.bfloat16)}
    return known.get(code, LOWER[device_type.partition(":")[0]])


def is_autocast_cache_enabled() -> bool:
    """Return whether casts of weights are kept on this thread.

    Notes
    -----
    `torch.is_autocast_cache_enabled`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.is_autocast_cache_enabled()
    True
    """
    return bool(lib.candle_autocast_cache(-1))


def set_autocast_cache_enabled(enabled: bool) -> bool:
    """Set whether casts of weights are kept on this thread, and return whether they were.

    Parameters
    ----------
    enabled : bool
        False also drops those that are kept.

    Notes
    -----
    `torch.set_autocast_cache_enabled`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.set_autocast_cache_enabled(True)
    True
    """
    return bool(lib.candle_autocast_cache(1 if enabled else 0))


def clear_autocast_cache() -> None:
    """Drop the casts of weights that this thread has kept.

    Notes
    -----
    `torch.clear_autocast_cache`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.clear_autocast_cache()
    """
    set_autocast_cache_enabled(set_autocast_cache_enabled(False))


def is_autocast_available(device_type: str) -> bool:
    """Return whether there is automatic mixed precision for a type of device.

    Parameters
    ----------
    device_type : str
        The type.

    Notes
    -----
    `torch.amp.is_autocast_available`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.amp.is_autocast_available("cpu")
    True
    """
    return device_type.partition(":")[0] in LOWER
