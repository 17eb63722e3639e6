"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Adamax"]


class Adamax(NativeOptimizer):
    """Adam with the largest gradient in place of the average squared one.

    With the gradient ``g`` (plus ``weight_decay · p``), ``m += (1 - β₁)(g - m)`` and
    ``u = max(β₂ · u, |g| + eps)``; the step is ``p -= lr / (1 - β₁ᵗ) · m / u`` in step ``t``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 2e-3
        The learning rate.
    betas : tuple of float, default (0.9, 0.999)
        How much of the average of gradients and of the largest gradient remains.
    eps : float, default 1e-8
        What is added to the magnitude of the gradient.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    maximize : bool, default False
        Whether the step goes up.
    differentiable : bool, default False
        True is not supported.
    capturable : bool, default False
        True is not supported.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    `torch.optim.Adamax`. Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Adamax([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_adamax_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults, learning_rate)
