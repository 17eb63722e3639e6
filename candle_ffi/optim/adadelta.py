"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Adadelta"]


class Adadelta(NativeOptimizer):
    """Steps as large as past steps were for gradients as large.

    With the gradient ``g`` (plus ``weight_decay · p``), ``v = rho · v + (1 - rho) g²`` and
    ``d = g · √(u + eps) / √(v + eps)``; then ``u = rho · u + (1 - rho) d²`` and ``p -= lr · d``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1.0
        The factor of the step.
    rho : float, default 0.9
        How much of the averages of squares remains.
    eps : float, default 1e-6
        What is added to the averages.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    capturable : bool, default False
        True is not supported.
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
    `torch.optim.Adadelta`. Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Adadelta([x], lr=1.0)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9968], requires_grad=True)
    """

    _make = "py_adadelta_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults, learning_rate)
