"""Reductions in the forms that PyTorch takes: `keep_dim`, `unbiased`, `max` of three kinds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from candle_ffi import _ops
from candle_ffi._handles import TensorBase

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = [
    "Reductions",
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "norm",
    "prod",
    "std",
    "sum",
    "var",
]


def _numpys(dim: Any, keepdim: bool, names: dict[str, Any]) -> tuple[Any, bool]:
    """Return `dim` and `keepdim`, which NumPy and others call by other names."""
    if (axis := names.pop("axis", None)) is not None:
        dim = axis
    for name in ("keepdims", "keep_dim"):
        if (keep := names.pop(name, None)) is not None:
            keepdim = keep
    # `np.sum(tensor)` and its kin pass these on; there is nothing to write into.
    if names.pop("out", None) is not None:
        raise TypeError("a reduction has no out=")
    if "dtype" in names and names["dtype"] is None:
        del names["dtype"]
    return dim, keepdim


def _flexible(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """Return the reduction so that it also takes ``keep_dim``, ``axis`` and ``keepdims``."""

    @functools.wraps(function)
    def reduced(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        **options: Any,
    ) -> Any:
        if options:
            dim, keepdim = _numpys(dim, keepdim, options)
        return function(input, dim=dim, keepdim=keepdim, **options)

    return reduced


def _moment(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """Return `var` or `std` so that it also takes the older ``unbiased`` for ``correction``."""

    @functools.wraps(function)
    def reduced(
        input: Any,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float = 1.0,
        **options: Any,
    ) -> Any:
        if options:
            # NumPy passes its own default, 0, where PyTorch has 1: `np.var(t)` is NumPy's.
            if (ddof := options.pop("ddof", None)) is not None:
                correction = float(ddof)
            dim, keepdim = _numpys(dim, keepdim, options)
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        return function(
            input,
            dim=dim,
            correction=correction if unbiased is None else float(unbiased),
            keepdim=keepdim,
            **options,
        )

    return reduced


def _extreme(
    of_all: Callable[..., Any], along: Callable[..., Any], of_two: Callable[..., Any]
) -> Callable[..., Any]:
    """Return `max` or `min`: of all elements, along a dimension, or of two tensors."""

    @functools.wraps(of_all)
    def extreme(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        **options: Any,
    ) -> Any:
        by_axis = options.get("axis") is not None
        if options:
            dim, keepdim = _numpys(dim, keepdim, options)
            if options:
                raise TypeError(f"{of_all.__name__} has no option {next(iter(options))!r}")
        if other is None and isinstance(dim, TensorBase):
            dim, other = None, dim
        if other is not None:
            return of_two(input, other)
        if dim is None:
            return of_all(input)
        found = along(input, dim, keepdim)
        return found.values if by_axis else found  # NumPy gives no indices

    return extreme


@functools.wraps(_ops.median)
def median(input: Any, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
    """Return the median of all elements, or along a dimension with its position."""
    if options:
        dim, keepdim = _numpys(dim, keepdim, options)
    return _ops.median(input) if dim is None else _ops.median_dim(input, dim, keepdim)


@functools.wraps(_ops.norm)
def norm(
    input: Any,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    **options: Any,
) -> Any:
    """Return the norm; Frobenius' is that of all elements as one vector."""
    if options:
        dim, keepdim = _numpys(dim, keepdim, options)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: p must be a number or 'fro', not {p!r}")
    exponent = 2.0 if p is None or p == "fro" else float(p)
    return _ops.norm(input if dtype is None else input.to(dtype), exponent, dim, keepdim)


sum = _flexible(_ops.sum)
mean = _flexible(_ops.mean)
prod = _flexible(_ops.prod)
amax = _flexible(_ops.amax)
amin = _flexible(_ops.amin)
argmax = _flexible(_ops.argmax)
argmin = _flexible(_ops.argmin)
all = _flexible(_ops.all)
any = _flexible(_ops.any)
logsumexp = _flexible(_ops.logsumexp)
var = _moment(_ops.var)
std = _moment(_ops.std)
max = _extreme(_ops.max, _ops.max_dim, _ops.maximum)
min = _extreme(_ops.min, _ops.min_dim, _ops.minimum)


class Reductions(_ops.TensorOps):
    """The part of `Tensor` that reduces."""

    __slots__ = ()

    sum = sum
    mean = mean
    prod = prod
    amax = amax
    amin = amin
    argmax = argmax
    argmin = argmin
    all = all
    any = any
    logsumexp = logsumexp
    var = var
    std = std
    max = max
    min = min
    median = median  # type: ignore[assignment]  # of all elements, or along a dimension
    norm = norm  # type: ignore[assignment]  # takes "fro" and a dtype too
