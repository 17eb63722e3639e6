"""Arithmetic with the options that PyTorch has beside two operands: `alpha`, `rounding_mode`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from candle_ffi import _ops
from candle_ffi._handles import Number, operand
from candle_ffi.errors import InvalidArgumentError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["Arithmetic", "add", "div", "pow", "sub"]


def add(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Add two tensors element by element: ``input + alpha * other``.

    Shapes broadcast and dtypes promote. Differentiable.

    Parameters
    ----------
    input : Tensor
        The first summand.
    other : Tensor or float
        The second summand.
    alpha : float, default 1
        The factor of the second.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ShapeError
        The shapes do not broadcast.

    Notes
    -----
    `torch.add`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.add(cf.tensor([1.0, 2.0]), 1.0, alpha=10)
    tensor([11., 12.])
    """
    return _ops.add(input, other if alpha == 1 else _scaled(input, other, alpha, "add"))


def sub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Subtract two tensors element by element: ``input - alpha * other``.

    Shapes broadcast and dtypes promote. Differentiable.

    Parameters
    ----------
    input : Tensor
        What is subtracted from.
    other : Tensor or float
        What is subtracted.
    alpha : float, default 1
        The factor of `other`.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ShapeError
        The shapes do not broadcast.

    Notes
    -----
    `torch.sub`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.sub(cf.tensor([1.0, 2.0]), 1.0, alpha=10)
    tensor([-9., -8.])
    """
    return _ops.sub(input, other if alpha == 1 else _scaled(input, other, alpha, "sub"))


def _scaled(input: Tensor, other: Tensor | Number, alpha: Number, name: str) -> Tensor:
    factor = operand(other)
    whole = not (input.dtype.is_floating_point or factor.dtype.is_floating_point)
    if whole and isinstance(alpha, float):
        raise InvalidArgumentError(
            f"{name}: alpha must be an integer for integer tensors, and is {alpha}", operation=name
        )
    return _ops.mul(factor, alpha)


def div(input: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """Divide two tensors element by element.

    Shapes broadcast; integers are divided as floats unless a rounding is given. Differentiable
    without rounding.

    Parameters
    ----------
    input : Tensor
        The dividend.
    other : Tensor or float
        The divisor.
    rounding_mode : {"floor", "trunc"}, optional
        How quotients are rounded: down, or toward zero.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ShapeError
        The shapes do not broadcast.

    Notes
    -----
    `torch.div`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.div(cf.tensor([7.0, -7.0]), 2)
    tensor([ 3.5000, -3.5000])
    """
    if rounding_mode is None:
        return _ops.div(input, other)
    if rounding_mode == "floor":
        return _ops.floor_divide(input, other)
    if rounding_mode == "trunc":
        down = _ops.floor_divide(input, other)
        # One more where the quotient is negative and was rounded away from zero.
        inexact = _ops.ne(_ops.mul(down, other), input)
        up = _ops.logical_and(_ops.lt(down, 0), inexact)
        return _ops.add(down, up)
    raise InvalidArgumentError(
        f'div: rounding_mode must be "floor", "trunc" or None, not {rounding_mode!r}',
        operation="div",
    )


def pow(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Raise the elements of a tensor to a power.

    Shapes broadcast and dtypes promote. Differentiable.

    Parameters
    ----------
    input : Tensor or float
        The base.
    exponent : Tensor or float
        The exponent; one of both is a tensor.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    InvalidArgumentError
        An integer is raised to a negative integer.

    Notes
    -----
    `torch.pow`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.pow(cf.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    return _ops.pow(operand(input), exponent)


def _add(input: Any, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """Add in place: ``input += alpha * other``."""
    return _ops.add_(input, other if alpha == 1 else _scaled(input, other, alpha, "add_"))


def _sub(input: Any, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """Subtract in place: ``input -= alpha * other``."""
    return _ops.sub_(input, other if alpha == 1 else _scaled(input, other, alpha, "sub_"))


class Arithmetic(_ops.TensorOps):
    """The part of `Tensor` that calculates."""

    __slots__ = ()

    add = add
    sub = sub
    div = div
    pow = pow  # type: ignore[assignment]  # PyTorch's name of the parameter
    add_ = _add
    sub_ = _sub
