"""Losses as modules; the formulas are in `candle_ffi.nn.functional`."""

from __future__ import annotations

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "L1Loss", "MSELoss", "NLLLoss"]


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

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


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

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """Cross entropy of scores against classes: ``-log softmax(input)[target]``.

    Parameters
    ----------
    weight : Tensor, optional
        ``[classes]`` weights.
    ignore_index : int, default -100
        The target that does not count.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.
    label_smoothing : float, default 0.0
        The part of each target that is spread over all classes.

    Notes
    -----
    `torch.nn.CrossEntropyLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CrossEntropyLoss()(cf.zeros(3, 4), cf.tensor([0, 1, 3]))
    tensor(1.3863)
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``[n, classes, …]`` scores against classes or probabilities."""
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """Negative log likelihood: ``-input[target]`` of log probabilities.

    Parameters
    ----------
    weight : Tensor, optional
        ``[classes]`` weights.
    ignore_index : int, default -100
        The target that does not count.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Notes
    -----
    `torch.nn.NLLLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.NLLLoss()(cf.tensor([[-0.5, -1.0]]), cf.tensor([1]))
    tensor(1.)
    """

    weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``[n, classes, …]`` log probabilities against ``[n, …]`` classes."""
        return F.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of scores: ``-(y·log σ(x) + (1-y)·log(1-σ(x)))``.

    Parameters
    ----------
    weight : Tensor, optional
        Weights that broadcast with the input.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.
    pos_weight : Tensor, optional
        Weights of the positive targets.

    Notes
    -----
    `torch.nn.BCEWithLogitsLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.BCEWithLogitsLoss()(cf.zeros(2), cf.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            weight=self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )
