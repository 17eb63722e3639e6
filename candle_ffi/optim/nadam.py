"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["NAdam"]


class NAdam(NativeOptimizer):
    """Adam with Nesterov's momentum.

    With ``μₜ = β₁ (1 - 0.96^(t · momentum_decay) / 2)`` and the averages of `Adam`, the step is
    ``p -= lr · ((1 - μₜ) g / (1 - ∏μ) + μₜ₊₁ m / (1 - ∏μ · μₜ₊₁)) / (√v̂ + eps)``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 2e-3
        The learning rate.
    betas : tuple of float, default (0.9, 0.999)
        How much of the averages of gradients and of squared gradients remains.
    eps : float, default 1e-8
        What is added to the denominator.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    momentum_decay : float, default 4e-3
        How fast the momentum rises to the first of `betas`.
    decoupled_weight_decay : bool, default False
        Whether the weights decay on their own, as in `AdamW`.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    maximize : bool, default False
        Whether the step goes up.
    capturable : bool, default False
        True is not supported.
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
    `torch.optim.NAdam`. Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.NAdam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8944], requires_grad=True)
    """

    _make = "py_nadam_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults, learning_rate)
