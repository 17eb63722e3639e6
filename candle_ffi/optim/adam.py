"""Adam, and with weights that decay on their own AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Adam", "AdamW"]


class Adam(NativeOptimizer):
    """Adam: steps by the average gradient over the root of the average squared one.

    With the gradient ``g`` (plus ``weight_decay · p``), ``m += (1 - β₁)(g - m)`` and
    ``v = β₂ · v + (1 - β₂) g²``; the step is ``p -= lr · m̂ / (√v̂ + eps)`` with
    ``m̂ = m / (1 - β₁ᵗ)`` and ``v̂ = v / (1 - β₂ᵗ)`` in step ``t``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-3
        The learning rate.
    betas : tuple of float, default (0.9, 0.999)
        How much of the averages of gradients and of squared gradients remains.
    eps : float, default 1e-8
        What is added to the denominator.
    weight_decay : float, default 0
        The factor of the parameter that is added to its gradient.
    amsgrad : bool, default False
        Whether the largest average of squares so far is divided by.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    maximize : bool, default False
        Whether the step goes up.
    capturable : bool, default False
        True is not supported.
    differentiable : bool, default False
        True is not supported.
    fused : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    decoupled_weight_decay : bool, default False
        Whether the weights decay on their own, as in `AdamW`.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    `torch.optim.Adam`. Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014;
    `amsgrad`: Reddi and others, "On the convergence of Adam and beyond", 2018.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Adam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_adam_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults, learning_rate)


class AdamW(NativeOptimizer):
    """Adam with weights that decay on their own.

    As `Adam`, but the decay is ``p -= lr · weight_decay · p`` and has no part in the averages.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-3
        The learning rate.
    betas : tuple of float, default (0.9, 0.999)
        How much of the averages of gradients and of squared gradients remains.
    eps : float, default 1e-8
        What is added to the denominator.
    weight_decay : float, default 1e-2
        How fast the weights decay.
    amsgrad : bool, default False
        Whether the largest average of squares so far is divided by.
    maximize : bool, default False
        Whether the step goes up.
    foreach : bool, optional
        Accepted as in PyTorch; every step is one pass over a parameter.
    capturable : bool, default False
        True is not supported.
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
    `torch.optim.AdamW`. Source: Loshchilov and Hutter, "Decoupled weight decay regularization",
    2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.AdamW([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8990], requires_grad=True)
    """

    _make = "py_adamw_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": True,
        }
        super().__init__(params, defaults, learning_rate)
