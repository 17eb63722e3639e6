"""Losses of vectors as modules."""

from __future__ import annotations

from collections.abc import Callable

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional_loss as F  # noqa: N812
from candle_ffi.nn.distance import PairwiseDistance
from candle_ffi.nn.loss import _Loss
from candle_ffi.tensor import Tensor

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class HingeEmbeddingLoss(_Loss):
    """Loss of distances: ``x`` where the target is 1, ``max(0, margin - x)`` where it is -1.

    Parameters
    ----------
    margin : float, default 1.0
        The margin.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.HingeEmbeddingLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.HingeEmbeddingLoss()(cf.tensor([0.5, 0.2]), cf.tensor([1.0, -1.0]))
    tensor(0.6500)
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of distances against a `target` of 1 and -1."""
        return _ops.hinge_embedding_loss(
            input, target, margin=self.margin, reduction=self.reduction
        )


class MarginRankingLoss(_Loss):
    """Loss of an order: ``max(0, margin - target · (input1 - input2))``.

    Parameters
    ----------
    margin : float, default 0.0
        The margin.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.MarginRankingLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> a, b = cf.tensor([1.0, 2.0]), cf.tensor([2.0, 1.0])
    >>> cf.nn.MarginRankingLoss()(a, b, cf.ones(2))
    tensor(0.5000)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss; the target is 1 where `input1` should be larger, else -1."""
        return _ops.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class CosineEmbeddingLoss(_Loss):
    """Loss of angles: ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    Parameters
    ----------
    margin : float, default 0.0
        The margin.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Notes
    -----
    `torch.nn.CosineEmbeddingLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> a, b = cf.tensor([[1.0, 0.0]]), cf.tensor([[1.0, 1.0]])
    >>> cf.nn.CosineEmbeddingLoss()(a, b, cf.ones(1))
    tensor(0.2929)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``[n, size]`` vectors against ``[n]`` signs."""
        return _ops.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """Loss of triplets: ``max(0, margin + |anchor - positive| - |anchor - negative|)``.

    Parameters
    ----------
    margin : float, default 1.0
        The margin; positive.
    p : float, default 2.0
        The order of the norm.
    eps : float, default 1e-6
        What is added to differences.
    swap : bool, default False
        Whether the negative's distance is the lesser of those to anchor and positive.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Raises
    ------
    InvalidArgumentError
        `margin` is not positive.

    Notes
    -----
    `torch.nn.TripletMarginLoss`. Source: Balntas and others, 2016

    Examples
    --------
    >>> import candle_ffi as cf
    >>> near, far = cf.tensor([[0.0, 1.0]]), cf.tensor([[0.0, 1.5]])
    >>> cf.nn.TripletMarginLoss()(cf.zeros(1, 2), near, far)
    tensor(0.5000)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise InvalidArgumentError(
                f"margin must be positive, and is {margin}", operation="TripletMarginLoss"
            )
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss of ``[…, size]`` vectors."""
        return _ops.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """Loss of triplets with a distance of one's own.

    Parameters
    ----------
    distance_function : callable, optional
        The distance of two tensors, a function or module; by default `PairwiseDistance`.
    margin : float, default 1.0
        The margin; positive.
    swap : bool, default False
        Whether the negative's distance is the lesser of those to anchor and positive.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses.

    Raises
    ------
    InvalidArgumentError
        `margin` is not positive.

    Notes
    -----
    `torch.nn.TripletMarginWithDistanceLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> distance = lambda a, b: (a - b).abs().sum(-1)
    >>> loss = cf.nn.TripletMarginWithDistanceLoss(distance_function=distance)
    >>> loss(cf.zeros(1, 2), cf.tensor([[0.0, 1.0]]), cf.tensor([[0.0, 1.5]]))
    tensor(0.5000)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise InvalidArgumentError(
                f"margin must be positive, and is {margin}",
                operation="TripletMarginWithDistanceLoss",
            )
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss of ``[…, size]`` vectors."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
