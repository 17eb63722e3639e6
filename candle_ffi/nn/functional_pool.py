"""Pooling in the forms that PyTorch takes: with indices, and with sizes of the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

Sizes: TypeAlias = int | Sequence[int]


def _full(input: Tensor, output_size: Any, dims: int) -> Any:
    """Return the size of a result, in which None stands for that of the input."""
    if output_size is None:
        output_size = (None,) * dims
    if isinstance(output_size, Sequence):
        if None not in output_size:
            if len(output_size) == dims:
                return output_size
            raise InvalidArgumentError(
                f"output_size takes one number, or {dims} for as many spatial dimensions, and is "
                f"{tuple(output_size)}"
            )
        if len(output_size) != dims or input.ndim < dims:
            raise ShapeError(
                f"output_size takes one entry or {dims} for an input of {dims + 1} or {dims + 2} "
                f"dimensions; it is {tuple(output_size)}, and the shape {tuple(input.shape)}"
            )
        own = tuple(input.shape)[-dims:]
        return [
            size if wanted is None else wanted
            for wanted, size in zip(output_size, own, strict=True)
        ]
    return output_size


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of one dimension.

    Parameters
    ----------
    input : Tensor
        ``[N, C, L]`` or ``[C, L]``.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.functional.max_pool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.max_pool1d(cf.zeros(1, 3, 8), 2).shape
    (1, 3, 4)
    """
    pool = _ops.max_pool1d_with_indices if return_indices else _ops.max_pool1d
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that share one dimension evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, L]`` or ``[C, L]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.

    Returns
    -------
    Tensor
        The averages.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_avg_pool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_avg_pool1d(cf.zeros(1, 3, 8), 3).shape
    (1, 3, 3)
    """
    return _ops.adaptive_avg_pool1d(input, _full(input, output_size, 1))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of windows that share one dimension evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, L]`` or ``[C, L]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_max_pool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_max_pool1d(cf.zeros(1, 3, 8), 3).shape
    (1, 3, 3)
    """
    size = _full(input, output_size, 1)
    if return_indices:
        return _ops.adaptive_max_pool1d_with_indices(input, size)
    return _ops.adaptive_max_pool1d(input, size)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of 2 dimensions.

    Parameters
    ----------
    input : Tensor
        ``[N, C, H, W]`` or ``[C, H, W]``.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.functional.max_pool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.max_pool2d(cf.zeros(1, 3, 8, 8), 2).shape
    (1, 3, 4, 4)
    """
    pool = _ops.max_pool2d_with_indices if return_indices else _ops.max_pool2d
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that share 2 dimensions evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, H, W]`` or ``[C, H, W]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.

    Returns
    -------
    Tensor
        The averages.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_avg_pool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_avg_pool2d(cf.zeros(1, 3, 8, 8), 3).shape
    (1, 3, 3, 3)
    """
    return _ops.adaptive_avg_pool2d(input, _full(input, output_size, 2))


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of windows that share 2 dimensions evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, H, W]`` or ``[C, H, W]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_max_pool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_max_pool2d(cf.zeros(1, 3, 8, 8), 3).shape
    (1, 3, 3, 3)
    """
    size = _full(input, output_size, 2)
    if return_indices:
        return _ops.adaptive_max_pool2d_with_indices(input, size)
    return _ops.adaptive_max_pool2d(input, size)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of 3 dimensions.

    Parameters
    ----------
    input : Tensor
        ``[N, C, D, H, W]`` or ``[C, D, H, W]``.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.functional.max_pool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.max_pool3d(cf.zeros(1, 3, 8, 8, 8), 2).shape
    (1, 3, 4, 4, 4)
    """
    pool = _ops.max_pool3d_with_indices if return_indices else _ops.max_pool3d
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that share 3 dimensions evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, D, H, W]`` or ``[C, D, H, W]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.

    Returns
    -------
    Tensor
        The averages.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_avg_pool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_avg_pool3d(cf.zeros(1, 3, 8, 8, 8), 3).shape
    (1, 3, 3, 3, 3)
    """
    return _ops.adaptive_avg_pool3d(input, _full(input, output_size, 3))


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of windows that share 3 dimensions evenly.

    Parameters
    ----------
    input : Tensor
        ``[N, C, D, H, W]`` or ``[C, D, H, W]``.
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Returns
    -------
    Tensor or OutputAndIndices
        The largest elements, and with `return_indices` their positions.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.functional.adaptive_max_pool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.adaptive_max_pool3d(cf.zeros(1, 3, 8, 8, 8), 3).shape
    (1, 3, 3, 3, 3)
    """
    size = _full(input, output_size, 3)
    if return_indices:
        return _ops.adaptive_max_pool3d_with_indices(input, size)
    return _ops.adaptive_max_pool3d(input, size)
