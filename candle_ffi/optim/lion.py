"""Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Lion"]


class Lion(NativeOptimizer):
    """Steps of one size, in the direction of the average gradient.

    With the gradient ``g``, ``p -= lr · (sign(β₁ · m + (1 - β₁) g) + weight_decay · p)`` and then
    ``m = β₂ · m + (1 - β₂) g``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-4
        The learning rate.
    betas : tuple of float, default (0.9, 0.99)
        How much of the average enters the step, and how much of it remains.
    weight_decay : float, default 0.0
        How fast the weights decay.
    maximize : bool, default False
        Whether the step goes up.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    Source: Chen and others, "Symbolic Discovery of Optimization Algorithms", 2023.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Lion([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_lion_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, learning_rate)
