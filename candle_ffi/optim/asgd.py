"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["ASGD"]


class ASGD(NativeOptimizer):
    """Stochastic gradient descent that averages its parameters.

    The step is ``p = (1 - lambd · η) p - η g`` with ``η = lr / (1 + lambd · lr · t)^alpha``; the
    average is in the state as ``ax``, and is ``ax += μ (p - ax)`` with ``μ = 1 / max(1, t - t0)``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-2
        The learning rate.
    lambd : float, default 1e-4
        How fast the weights decay and the rate falls.
    alpha : float, default 0.75
        The power of the fall of the rate.
    t0 : float, default 1e6
        The step from which on the parameters are averaged.
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
    `torch.optim.ASGD`. Source: Polyak and Juditsky, "Acceleration of stochastic approximation by
    averaging", 1992.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.ASGD([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8000], requires_grad=True)
    """

    _make = "py_asgd_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        *,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults, learning_rate)
