"""Losses as functions under PyTorch's signatures, where they differ from the operation's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from candle_ffi import _ops
from candle_ffi import dtype as dtypes
from candle_ffi.errors import DTypeError, InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor

__all__ = ["ctc_loss", "triplet_margin_with_distance_loss"]


def _lengths(lengths: Tensor | Sequence[int], name: str) -> list[int]:
    """Return lengths, given as a tensor or as numbers, as numbers."""
    if not isinstance(lengths, Tensor):
        return list(lengths)
    if lengths.dtype.is_floating_point or lengths.dtype == dtypes.bool:
        raise DTypeError(f"{name} must be integers, not {lengths.dtype}", operation="ctc_loss")
    return [int(length) for length in lengths.reshape(-1).tolist()]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return how badly sequences of distributions spell their targets, over all alignments.

    Parameters
    ----------
    log_probs : Tensor
        Logarithms of probabilities, ``[steps, batch, classes]`` or ``[steps, classes]``.
    targets : Tensor
        Labels, ``[batch, length]`` or all one after the other.
    input_lengths, target_lengths : Tensor or sequence of int
        The number of steps and of labels of each sequence.
    blank : int, default 0
        The class that is no label.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the sequences.
    zero_infinity : bool, default False
        Whether a target that cannot be spelled counts for nothing.

    Returns
    -------
    Tensor
        The loss.

    Notes
    -----
    `torch.nn.functional.ctc_loss`. Source: Graves and others, 2006.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> log_probs = cf.zeros(4, 1, 3).log_softmax(-1)
    >>> cf.nn.functional.ctc_loss(log_probs, cf.tensor([[1, 2]]), cf.tensor([4]), cf.tensor([2]))
    tensor(0.8432)
    """
    return _ops.ctc_loss(
        log_probs,
        targets,
        _lengths(input_lengths, "input_lengths"),
        _lengths(target_lengths, "target_lengths"),
        blank,
        reduction,
        zero_infinity,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, margin + distance(anchor, positive) - distance(anchor, negative))``.

    Parameters
    ----------
    anchor, positive, negative : Tensor
        The triplets.
    distance_function : callable, optional
        The distance of two tensors; `pairwise_distance` when not given.
    margin : float, default 1.0
        The margin; positive.
    swap : bool, default False
        Whether the negative's distance is the lesser of those to anchor and positive.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses.

    Returns
    -------
    Tensor
        The loss.

    Raises
    ------
    InvalidArgumentError
        `margin` is not positive, or there is no such reduction.
    ShapeError
        The numbers of dimensions differ.

    Notes
    -----
    `torch.nn.functional.triplet_margin_with_distance_loss`
    """
    operation = "triplet_margin_with_distance_loss"
    if reduction not in ("mean", "sum", "none"):
        raise InvalidArgumentError(
            f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}", operation=operation
        )
    if not margin > 0:
        raise InvalidArgumentError(f"margin must be positive, and is {margin}", operation=operation)
    shapes = [tuple(tensor.shape) for tensor in (anchor, positive, negative)]
    if len({len(shape) for shape in shapes}) > 1:
        raise ShapeError(
            "anchor, positive and negative must have the same number of dimensions, and have "
            f"the shapes {shapes[0]}, {shapes[1]} and {shapes[2]}",
            operation=operation,
            shapes=shapes,
        )
    distance = _ops.pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    losses = _ops.clamp(near - far + margin, min=0.0)
    if reduction == "none":
        return losses
    return _ops.mean(losses) if reduction == "mean" else _ops.sum(losses)
