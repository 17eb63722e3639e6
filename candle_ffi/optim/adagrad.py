"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Adagrad"]


class Adagrad(NativeOptimizer):
    """Steps by the gradient over the root of the sum of all squared ones.

    With the gradient ``g`` (plus ``weight_decay · p``), ``s += g²``; the step is
    ``p -= lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)`` in step ``t``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-2
        The learning rate.
    lr_decay : float, default 0
        How fast the learning rate falls.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    initial_accumulator_value : float, default 0
        What the sum of squared gradients starts with.
    eps : float, default 1e-10
        What is added to the denominator.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    maximize : bool, default False
        Whether the step goes up.
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
    `torch.optim.Adagrad`. Source: Duchi and others, "Adaptive subgradient methods for online
    learning and stochastic optimization", 2011.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Adagrad([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_adagrad_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults, learning_rate)
