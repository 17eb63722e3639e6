"""Losses of scores and probabilities as modules."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional_loss as F  # noqa: N812
from candle_ffi.nn.loss import _Loss
from candle_ffi.tensor import Tensor

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "SoftMarginLoss",
]


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
        return _ops.cross_entropy(
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
        return _ops.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCELoss(_Loss):
    """Binary cross entropy of probabilities: ``-(y·log x + (1-y)·log(1-x))``.

    Parameters
    ----------
    weight : Tensor, optional
        Weights that broadcast with the input.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Raises
    ------
    InvalidArgumentError
        An input is no probability.

    Notes
    -----
    `torch.nn.BCELoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.BCELoss()(cf.tensor([0.5, 0.9]), cf.tensor([0.0, 1.0]))
    tensor(0.3993)
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction
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
        return _ops.binary_cross_entropy_with_logits(
            input, target, weight=self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence: ``target · (log(target) - input)`` of log probabilities.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}, default "mean"
        What becomes of the divergences of the elements; `batchmean` is the definition.
    log_target : bool, default False
        Whether the target holds logarithms too.

    Notes
    -----
    `torch.nn.KLDivLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> input, target = cf.tensor([[0.5, 0.5]]).log(), cf.tensor([[0.9, 0.1]])
    >>> cf.nn.KLDivLoss(reduction="batchmean")(input, target)
    tensor(0.3681)
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against `target`, two tensors of one shape."""
        return _ops.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class SoftMarginLoss(_Loss):
    """Logistic loss of scores against signs: ``log(1 + exp(-target · input))``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements.

    Notes
    -----
    `torch.nn.SoftMarginLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.SoftMarginLoss()(cf.tensor([0.0, 2.0]), cf.tensor([1.0, -1.0]))
    tensor(1.4100)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input` against a `target` of 1 and -1."""
        return _ops.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """Binary cross entropy of scores, averaged over the classes.

    Parameters
    ----------
    weight : Tensor, optional
        ``[classes]`` weights.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Notes
    -----
    `torch.nn.MultiLabelSoftMarginLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MultiLabelSoftMarginLoss()(cf.tensor([[0.0, 2.0]]), cf.tensor([[0.0, 1.0]]))
    tensor(0.4100)
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``[…, classes]`` scores against zeros and ones."""
        return _ops.multilabel_soft_margin_loss(
            input, target, weight=self.weight, reduction=self.reduction
        )


class MultiMarginLoss(_Loss):
    """Loss of scores by a margin: the mean over classes of ``max(0, margin - x[y] + x[i])^p``.

    Parameters
    ----------
    p : int, default 1
        1 or 2.
    margin : float, default 1.0
        The margin.
    weight : Tensor, optional
        ``[classes]`` weights.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Raises
    ------
    InvalidArgumentError
        `p` is neither 1 nor 2.

    Notes
    -----
    `torch.nn.MultiMarginLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MultiMarginLoss()(cf.tensor([[0.1, 0.2, 0.9]]), cf.tensor([2]))
    tensor(0.1667)
    """

    weight: Tensor | None

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if p not in (1, 2):
            raise InvalidArgumentError(f"p must be 1 or 2, and is {p}", operation="MultiMarginLoss")
        self.p = p
        self.margin = margin
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``[n, classes]`` scores against ``[n]`` classes."""
        return _ops.multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self.weight,
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(_Loss):
    """Loss of scores for several labels by a margin of 1.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the rows.

    Notes
    -----
    `torch.nn.MultiLabelMarginLoss`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> loss = cf.nn.MultiLabelMarginLoss()
    >>> loss(cf.tensor([[0.1, 0.2, 0.4, 0.8]]), cf.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores against rows of labels that end with -1."""
        return _ops.multilabel_margin_loss(input, target, reduction=self.reduction)


class CTCLoss(_Loss):
    """Connectionist temporal classification: how badly distributions over time spell a target.

    Parameters
    ----------
    blank : int, default 0
        The class that is no label.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the sequences; for the mean, each is divided by its
        target's length.
    zero_infinity : bool, default False
        Whether a target that cannot be spelled counts for nothing.

    Notes
    -----
    `torch.nn.CTCLoss`. Source: Graves and others, "Connectionist temporal
    classification", 2006.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> log_probs = cf.zeros(4, 1, 3).log_softmax(-1)
    >>> cf.nn.CTCLoss()(log_probs, cf.tensor([[1, 2]]), [4], [2])
    tensor(0.8432)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        """Return the loss of ``[steps, n, classes]`` log probabilities against labels."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
