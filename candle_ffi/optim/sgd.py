"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["SGD"]


class SGD(NativeOptimizer):
    """Stochastic gradient descent with momentum.

    With the gradient ``g`` (plus ``weight_decay · p``), the buffer ``b`` starts as ``g`` and then
    is ``momentum · b + (1 - dampening) · g``; the step is ``p -= lr · b``, with Nesterov's momentum
    ``p -= lr · (g + momentum · b)``, and without momentum ``p -= lr · g``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-3
        The learning rate.
    momentum : float, default 0
        The part of the buffer that stays.
    dampening : float, default 0
        The part of the gradient that does not enter the buffer.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    nesterov : bool, default False
        Whether Nesterov's momentum is used.
    maximize : bool, default False
        Whether the step goes up.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    differentiable : bool, default False
        True is not supported.
    fused : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    `torch.optim.SGD`. Source: Sutskever and others, "On the importance of initialization and
    momentum in deep learning", 2013.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.SGD([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8000], requires_grad=True)
    """

    _make = "py_sgd_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults, learning_rate)
