"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["RMSprop"]


class RMSprop(NativeOptimizer):
    """Steps by the gradient over the root of the average squared one.

    With the gradient ``g`` (plus ``weight_decay · p``), ``v = alpha · v + (1 - alpha) g²``; the
    step is ``p -= lr · g / (√v + eps)``. Centered, the square of the average gradient is taken off
    ``v`` first; with momentum, ``b = momentum · b + g / (√v + eps)`` and ``p -= lr · b``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-2
        The learning rate.
    alpha : float, default 0.99
        How much of the average of squared gradients remains.
    eps : float, default 1e-8
        What is added to the denominator.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    momentum : float, default 0
        The part of the buffer that stays.
    centered : bool, default False
        Whether the deviation of the gradients from their average is divided by.
    capturable : bool, default False
        True is not supported.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    maximize : bool, default False
        Whether the step goes up.
    differentiable : bool, default False
        True is not supported.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    `torch.optim.RMSprop`. Source: Hinton, lectures, 2012; centered: Graves, "Generating sequences
    with recurrent neural networks", 2013.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.RMSprop([x], lr=0.01)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_rmsprop_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults, learning_rate)
