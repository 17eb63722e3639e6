"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candle_ffi.optim.native import NativeOptimizer

__all__ = ["Rprop"]


class Rprop(NativeOptimizer):
    """Resilient backpropagation: steps in the direction of the gradient, until it turns.

    Each element has a step size of its own, which grows while its gradient keeps its sign, and
    shrinks where it has turned; there the parameter stays for one step.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-2
        The size of the first step.
    etas : tuple of float, default (0.5, 1.2)
        What a step is multiplied with where the gradient has turned, and where it has not.
    step_sizes : tuple of float, default (1e-6, 50)
        The smallest and the largest step.
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
    `torch.optim.Rprop`. Source: Riedmiller and Braun, "A direct adaptive method for faster
    backpropagation learning", 1993.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.Rprop([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    _make = "py_rprop_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults, learning_rate)
