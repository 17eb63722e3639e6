"""Comparisons of whole tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from candle_ffi import _ops
from candle_ffi._handles import tensor_of

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["allclose", "equal", "isclose"]


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and the same elements.

    Parameters
    ----------
    input, other : Tensor
        The tensors.

    Returns
    -------
    bool
        NaN equals nothing.

    Notes
    -----
    `torch.equal`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.equal(cf.ones(2), cf.ones(2)), cf.equal(cf.ones(2), cf.ones(3))
    (True, False)
    """
    tensor_of(input, "equal", "input"), tensor_of(other, "equal", "other")
    return input.shape == other.shape and bool(_ops.all(_ops.eq(input, other)).item())


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Return where ``|input - other| ≤ atol + rtol · |other|``.

    Parameters
    ----------
    input, other : Tensor
        The tensors; their shapes broadcast.
    rtol : float, default 1e-5
        The relative tolerance.
    atol : float, default 1e-8
        The absolute tolerance.
    equal_nan : bool, default False
        Whether NaN is close to NaN.

    Returns
    -------
    Tensor
        Of bools.

    Notes
    -----
    `torch.isclose`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.isclose(cf.tensor([1.0, 1.0]), cf.tensor([1.0 + 1e-7, 1.1]))
    tensor([ True, False])
    """
    same = _ops.eq(input, other)
    distance = _ops.abs(_ops.sub(input, other))
    allowed = _ops.add(_ops.mul(_ops.abs(other), rtol), atol)
    # An infinite allowance would let in every number beside infinity.
    finite = _ops.lt(_ops.abs(other), float("inf"))
    near = _ops.logical_and(_ops.le(distance, allowed), finite)
    close = _ops.logical_or(same, near)
    if equal_nan:
        both = _ops.logical_and(_ops.isnan(input), _ops.isnan(other))
        close = _ops.logical_or(close, both)
    return close


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Return whether ``|input - other| ≤ atol + rtol · |other|`` everywhere.

    Parameters
    ----------
    input, other : Tensor
        The tensors; their shapes broadcast.
    rtol : float, default 1e-5
        The relative tolerance.
    atol : float, default 1e-8
        The absolute tolerance.
    equal_nan : bool, default False
        Whether NaN is close to NaN.

    Returns
    -------
    bool
        Whether all elements are close.

    Notes
    -----
    `torch.allclose`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.allclose(cf.ones(2), cf.ones(2) + 1e-7)
    True
    """
    return bool(_ops.all(isclose(input, other, rtol, atol, equal_nan)).item())
