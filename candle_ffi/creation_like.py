"""New tensors of the shape, dtype and device of others."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.creation import Place, _leaf
from candle_ffi.dtype import DType
from candle_ffi.tensor import Tensor

__all__ = ["empty_like", "full_like", "ones_like", "zeros_like"]


def _like(made: Tensor, device: Place, requires_grad: bool, pin_memory: bool = False) -> Tensor:
    there = made if device is None else made.to(device=device)
    return _leaf(there, requires_grad, pin_memory)


def zeros_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return zeros of the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.zeros_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.zeros_like(cf.tensor([1, 2]))
    tensor([0, 0])
    """
    return _like(_ops.zeros_like(input, dtype), device, requires_grad, pin_memory)


def ones_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return ones of the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.ones_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.ones_like(cf.tensor([1, 2]))
    tensor([1, 1])
    """
    return _like(_ops.ones_like(input, dtype), device, requires_grad, pin_memory)


def full_like(
    input: Tensor,
    fill_value: float,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return one value in the shape, dtype and device of another tensor.

    Parameters
    ----------
    input : Tensor
        The other one.
    fill_value : float, int or bool
        The value.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.full_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.full_like(cf.tensor([1, 2]), 7)
    tensor([7, 7])
    """
    return _like(_ops.full_like(input, fill_value, dtype), device, requires_grad, pin_memory)


def empty_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor for values to come, of the shape, dtype and device of another.

    Parameters
    ----------
    input : Tensor
        The other one.
    dtype : DType, optional
        The dtype, where it differs.
    device : Device or str, optional
        The device, where it differs.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.empty_like`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.empty_like(cf.tensor([1, 2])).shape
    (2,)
    """
    return _like(_ops.empty_like(input, dtype), device, requires_grad, pin_memory)
