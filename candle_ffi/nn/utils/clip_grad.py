"""Clipping of gradients, in place."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable

from candle_ffi._handles import handles, wrap
from candle_ffi._lib import check, lib
from candle_ffi.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of parameters so that their norm as one vector is at most `max_norm`.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        The parameters.
    max_norm : float
        The largest norm.
    norm_type : float, default 2.0
        The order of the norm; ``float("inf")`` for the largest magnitude.
    error_if_nonfinite : bool, default False
        Whether a norm that is infinite or not a number is an error.
    foreach : bool, optional
        Accepted as in PyTorch.

    Returns
    -------
    Tensor
        What the norm was.

    Raises
    ------
    RuntimeError
        The norm is not finite, and `error_if_nonfinite` is true.

    Notes
    -----
    `torch.nn.utils.clip_grad_norm_`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> cf.nn.utils.clip_grad_norm_([x], max_norm=1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    is_generator = isinstance(parameters, types.GeneratorType)
    given = _as_list(parameters)
    if is_generator and not given:
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
        )
    if error_if_nonfinite:
        gradients = [param.grad for param in given if param.grad is not None]
        get_total_norm(gradients, norm_type, error_if_nonfinite=True)
    return wrap(
        lib.py_clip_grad_norm(handles(given), len(given), float(max_norm), float(norm_type), 0)
    )


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limit every element of the gradients of parameters to ``-clip_value … clip_value``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        The parameters.
    clip_value : float
        The largest magnitude.
    foreach : bool, optional
        Accepted as in PyTorch.

    Notes
    -----
    `torch.nn.utils.clip_grad_value_`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([3.0, -0.1], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> cf.nn.utils.clip_grad_value_([x], clip_value=1.0)
    >>> x.grad
    tensor([ 1.0000, -0.1000])
    """
    given = _as_list(parameters)
    check(lib.py_clip_grad_value(handles(given), len(given), float(clip_value)))


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of tensors as one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
        The tensors, such as gradients.
    norm_type : float, default 2.0
        The order of the norm; ``float("inf")`` for the largest magnitude.
    error_if_nonfinite : bool, default False
        Whether a norm that is infinite or not a number is an error.
    foreach : bool, optional
        Accepted as in PyTorch.

    Returns
    -------
    Tensor
        The norm.

    Raises
    ------
    RuntimeError
        The norm is not finite, and `error_if_nonfinite` is true.

    Notes
    -----
    `torch.nn.utils.get_total_norm`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.get_total_norm([cf.tensor([3.0]), cf.tensor([4.0])])
    tensor(5.)
    """
    given = _as_list(tensors)
    total = wrap(lib.py_total_norm(handles(given), len(given), float(norm_type), 0))
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is "
            "non-finite, so it cannot be clipped. To disable this error and scale the gradients by "
            "the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
