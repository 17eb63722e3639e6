"""Activations as functions under PyTorch's signatures, where they differ from the operation's."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from candle_ffi import _ops
from candle_ffi.dtype import DType
from candle_ffi.random import Generator
from candle_ffi.tensor import Tensor

__all__ = [
    "celu",
    "elu",
    "gumbel_softmax",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "silu",
    "softmax",
    "softmin",
    "threshold",
]


def applied(input: Tensor, inplace: bool, operation: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the operation of `input`, which holds the result where `inplace`.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool
        Whether the input is changed.
    operation : callable
        The operation.

    Returns
    -------
    Tensor
        The result, which is `input` where `inplace`.
    """
    if not inplace:
        return operation(input)
    # The gradient may need the elements as they were.
    input.copy_(operation(input.clone()))
    return input


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return ``x`` where positive, else ``alpha · (exp(x / alpha) - 1)``.

    Parameters
    ----------
    input : Tensor
        The input.
    alpha : float, default 1.0
        Minus the limit far below zero.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.celu`
    """
    return applied(input, inplace, lambda x: _ops.celu(x, alpha))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return ``x`` where positive, else ``alpha · (exp(x) - 1)``.

    Parameters
    ----------
    input : Tensor
        The input.
    alpha : float, default 1.0
        Minus the limit far below zero.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.elu`
    """
    return applied(input, inplace, lambda x: _ops.elu(x, alpha))


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(x + 3, 0), 6) / 6``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.hardsigmoid`
    """
    return applied(input, inplace, _ops.hardsigmoid) if inplace else _ops.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``x · min(max(x + 3, 0), 6) / 6``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.hardswish`
    """
    return applied(input, inplace, _ops.hardswish) if inplace else _ops.hardswish(input)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Return ``min(max(x, min_val), max_val)``.

    Parameters
    ----------
    input : Tensor
        The input.
    min_val : float, default -1.0
        The lower bound.
    max_val : float, default 1.0
        The upper bound.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.hardtanh`
    """
    return applied(input, inplace, lambda x: _ops.hardtanh(x, min_val, max_val))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return ``x`` where positive, else ``negative_slope · x``.

    Parameters
    ----------
    input : Tensor
        The input.
    negative_slope : float, default 0.01
        The slope below zero.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.leaky_relu`
    """
    return applied(input, inplace, lambda x: _ops.leaky_relu(x, negative_slope))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``x · tanh(softplus(x))``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.mish`
    """
    return applied(input, inplace, _ops.mish) if inplace else _ops.mish(input)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``max(x, 0)``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.relu`
    """
    return applied(input, inplace, _ops.relu) if inplace else _ops.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(x, 0), 6)``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.relu6`
    """
    return applied(input, inplace, _ops.relu6) if inplace else _ops.relu6(input)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the exponential linear unit that keeps mean 0 and variance 1.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.selu`
    """
    return applied(input, inplace, _ops.selu) if inplace else _ops.selu(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``x · σ(x)``.

    Parameters
    ----------
    input : Tensor
        The input.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.silu`
    """
    return applied(input, inplace, _ops.silu) if inplace else _ops.silu(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return elements above a threshold, and a value in the place of others.

    Parameters
    ----------
    input : Tensor
        The input.
    threshold : float
        The threshold.
    value : float
        What stands in the place of elements that are not above it.
    inplace : bool, default False
        Whether the input is changed.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.threshold`
    """
    return applied(input, inplace, lambda x: _ops.threshold(x, threshold, value))


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return ``x`` where positive, else ``a · x`` with a random slope.

    Parameters
    ----------
    input : Tensor
        The input.
    lower, upper : float
        Between them ``a`` is drawn in training; else it is their mean.
    training : bool, default False
        Whether slopes are random.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.rrelu`
    """
    return applied(input, inplace, lambda x: _ops.rrelu(x, lower, upper, training, generator))


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    generator: Generator | None = None,
) -> Tensor:
    """Return a sample from the Gumbel-softmax distribution.

    Parameters
    ----------
    logits : Tensor
        Logarithms of probabilities, up to a constant.
    tau : float, default 1.0
        The temperature: the smaller, the nearer to one-hot.
    hard : bool, default False
        Whether the result is one-hot, with the gradient of the soft sample.
    eps : float, default 1e-10
        Without effect, as in PyTorch.
    dim : int, default -1
        The dimension of the classes.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The sample.

    Notes
    -----
    `torch.nn.functional.gumbel_softmax`. Source: Jang, Gu and Poole, 2016.
    """
    return _ops.gumbel_softmax(logits, tau, hard, dim, generator)


def _chosen(name: str, input: Tensor, dim: int | None) -> int:
    """Return a dimension, PyTorch's choice where none is given."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=4,
    )
    return 0 if input.dim() in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return ``exp(x) / Σ exp(x)`` along a dimension.

    Parameters
    ----------
    input : Tensor
        The input.
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.
    dtype : DType, optional
        What the elements are converted to first.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.softmax`
    """
    return _ops.softmax(input, _chosen("softmax", input, dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return ``x - log Σ exp(x)`` along a dimension.

    Parameters
    ----------
    input : Tensor
        The input.
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.
    dtype : DType, optional
        What the elements are converted to first.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.log_softmax`
    """
    return _ops.log_softmax(input, _chosen("log_softmax", input, dim), dtype)


def softmin(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return ``exp(-x) / Σ exp(-x)`` along a dimension.

    Parameters
    ----------
    input : Tensor
        The input.
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.
    dtype : DType, optional
        What the elements are converted to first.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.softmin`
    """
    return _ops.softmin(input, _chosen("softmin", input, dim), dtype)
