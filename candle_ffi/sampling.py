"""Random tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from candle_ffi import _ops
from candle_ffi import dtype as dtypes
from candle_ffi.creation import Place, _float, _leaf
from candle_ffi.creation_like import _like
from candle_ffi.device import as_device
from candle_ffi.dtype import DType
from candle_ffi.random import Generator
from candle_ffi.shape import numbers
from candle_ffi.tensor import Tensor

__all__ = ["rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return random numbers that are uniform in ``[0, 1)``.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.rand`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.rand(2, 3).shape
    (2, 3)
    """
    made = _ops.rand(numbers(size), _float(dtype), as_device(device), generator)
    return _leaf(made, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return random numbers of the normal distribution with mean 0 and variance 1.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.randn`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.randn(2, 3).shape
    (2, 3)
    """
    made = _ops.randn(numbers(size), _float(dtype), as_device(device), generator)
    return _leaf(made, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: int | Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
) -> Tensor:
    """Return random integers that are uniform in ``[low, high)``.

    Parameters
    ----------
    low : int, optional
        The lowest; 0 when only one bound is given.
    high : int
        What they stay below.
    size : int or sequence of int
        The shape.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype; `int64` when not given.
    device : Device or str, optional
        The device; the default one when not given.

    Returns
    -------
    Tensor
        Of that shape.

    Raises
    ------
    InvalidArgumentError
        There is no integer in the range.

    Notes
    -----
    `torch.randint`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.randint(10, (2, 3)).shape
    (2, 3)
    """
    if size is None:
        low, high, size = 0, low, high
    if size is None or high is None:
        raise TypeError("randint: a bound and a shape are needed: randint(10, (2, 3))")
    wanted = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    return _ops.randint(low, high, numbers((size,)), wanted, as_device(device), generator)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
) -> Tensor:
    """Return the integers from 0 to ``n - 1`` in random order.

    Parameters
    ----------
    n : int
        How many.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype; `int64` when not given.
    device : Device or str, optional
        The device; the default one when not given.

    Returns
    -------
    Tensor
        ``[n]`` integers.

    Notes
    -----
    `torch.randperm`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> sorted(cf.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    wanted = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    return _ops.randperm(n, wanted, as_device(device), generator)


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return uniform random numbers in the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.rand_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.rand_like(cf.zeros(2, 3)).shape
    (2, 3)
    """
    return _like(_ops.rand_like(input, dtype, generator), device, requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
) -> Tensor:
    """Return uniform random integers in the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    low : int, optional
        The lowest; 0 when only one bound is given.
    high : int
        What they stay below.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.randint_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.randint_like(cf.zeros(2, 3), 10).shape
    (2, 3)
    """
    if high is None:
        low, high = 0, low
    return randint(
        low,
        high,
        input.shape,
        generator=generator,
        dtype=input.dtype if dtype is None else dtype,
        device=input.device if device is None else device,
    )


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return normal random numbers in the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    generator : Generator, optional
        The source; the default one when not given.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.randn_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.randn_like(cf.zeros(2, 3)).shape
    (2, 3)
    """
    return _like(_ops.randn_like(input, dtype, generator), device, requires_grad)
