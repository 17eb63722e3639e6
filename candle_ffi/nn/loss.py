"""Losses of numbers as modules; the formulas are in `candle_ffi.nn.functional`."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["GaussianNLLLoss", "HuberLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss"]


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class MSELoss(_Loss):
    """Squared difference: ``(input - target)²``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.MSELoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MSELoss()(cf.tensor([1.0, 2.0]), cf.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """Absolute difference: ``|input - target|``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.L1Loss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.L1Loss()(cf.tensor([1.0, 2.0]), cf.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Absolute difference, squared near zero: ``d² / (2 beta)`` within `beta`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.
    beta : float, default 1.0
        Where the parabola ends.

    Notes
    -----
    `torch.nn.SmoothL1Loss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.SmoothL1Loss()(cf.tensor([1.0, 2.0]), cf.tensor([0.5, 4.0]))
    tensor(0.8125)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Squared difference ``d² / 2``, absolute beyond `delta`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.
    delta : float, default 1.0
        Where the parabola ends.

    Notes
    -----
    `torch.nn.HuberLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.HuberLoss(delta=2.0)(cf.tensor([1.0, 2.0]), cf.tensor([0.5, 4.0]))
    tensor(1.0625)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of counts: ``exp(input) - target · input``.

    Parameters
    ----------
    log_input : bool, default True
        Whether the input is the logarithm of the rate; else ``input - target · log(input + eps)``.
    full : bool, default False
        Whether Stirling's approximation of ``log(target!)`` is added.
    eps : float, default 1e-8
        What keeps the logarithm finite without `log_input`.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.PoissonNLLLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.PoissonNLLLoss()(cf.tensor([0.0, 1.0]), cf.tensor([1.0, 2.0]))
    tensor(0.8591)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.poisson_nll_loss(
            input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """Negative log likelihood of normals: ``(log(var) + (input - target)² / var) / 2``.

    Parameters
    ----------
    full : bool, default False
        Whether the constant ``log(2π) / 2`` is added.
    eps : float, default 1e-6
        The least variance.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Raises
    ------
    InvalidArgumentError
        A variance is negative.

    Notes
    -----
    `torch.nn.GaussianNLLLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> loss = cf.nn.GaussianNLLLoss()
    >>> loss(cf.tensor([0.0, 1.0]), cf.tensor([1.0, 2.0]), cf.ones(2))
    tensor(0.5000)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss of means and variances against `target`."""
        return _ops.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
