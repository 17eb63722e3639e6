"""Looking up tables: PyTorch's functions, where they have more options than the operations."""

from __future__ import annotations

from typing import Literal

from candle_ffi import _ops
from candle_ffi.autograd import no_grad
from candle_ffi.errors import InvalidArgumentError, UnsupportedError
from candle_ffi.tensor import Tensor

__all__ = ["embedding", "embedding_bag"]

BagMode = Literal["sum", "mean", "max"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return rows of a table, by their numbers.

    Parameters
    ----------
    input : Tensor
        The numbers, ``[…]``, of any integer dtype.
    weight : Tensor
        The table, ``[n, d]``.
    padding_idx : int, optional
        A row that gets no gradient.
    max_norm : float, optional
        The rows that are named are first scaled, in place, to have no larger norm.
    norm_type : float, default 2.0
        The p of that norm.
    scale_grad_by_freq : bool, default False
        Whether the gradient of a row is divided by how often it is named.
    sparse : bool, default False
        Sparse gradients are not available.

    Returns
    -------
    Tensor
        ``[…, d]``

    Raises
    ------
    CandleIndexError
        A number is negative or too large.
    UnsupportedError
        `sparse` is set.

    Notes
    -----
    `torch.nn.functional.embedding`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.embedding(cf.tensor([1, 0]), cf.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    refuse_sparse("embedding", sparse)
    if max_norm is not None:
        with no_grad():
            _ops.embedding_renorm_(weight, input, max_norm, norm_type)
    return _ops.embedding(input, weight, padding_idx, scale_grad_by_freq)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: BagMode = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return sums, means or maxima of rows of a table, by bags of numbers.

    Parameters
    ----------
    input : Tensor
        The numbers, of any integer dtype: ``[b, n]`` is ``b`` bags; `offsets` divide a
        vector.
    weight : Tensor
        The table, ``[n, d]``.
    offsets : Tensor, optional
        Where each bag of a vector begins, ascending from 0.
    max_norm : float, optional
        The rows that are named are first scaled, in place, to have no larger norm.
    norm_type : float, default 2.0
        The p of that norm.
    scale_grad_by_freq : bool, default False
        Whether the gradient of a row is divided by how often it is named.
    mode : {"sum", "mean", "max"}, default "mean"
        What becomes of a bag.
    sparse : bool, default False
        Sparse gradients are not available.
    per_sample_weights : Tensor, optional
        Factors of the rows of a sum, in the shape of `input`.
    include_last_offset : bool, default False
        Whether the last offset is the end of the last bag.
    padding_idx : int, optional
        A number that is left out.

    Returns
    -------
    Tensor
        ``[b, d]``; zeros for an empty bag.

    Raises
    ------
    CandleIndexError
        A number is negative or too large.
    ShapeError
        The shapes do not fit.
    UnsupportedError
        `sparse` is set, or there are weights in another mode than "sum".

    Notes
    -----
    `torch.nn.functional.embedding_bag`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> weight = cf.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> cf.nn.functional.embedding_bag(cf.tensor([[0, 1]]), weight)
    tensor([[2., 3.]])
    """
    refuse_sparse("embedding_bag", sparse)
    if mode not in ("sum", "mean", "max"):
        raise InvalidArgumentError(
            f"mode has to be one of sum, mean or max, and is {mode!r}", operation="embedding_bag"
        )
    if max_norm is not None:
        with no_grad():
            _ops.embedding_renorm_(weight, input, max_norm, norm_type)
    return _ops.embedding_bag(
        input,
        weight,
        offsets,
        scale_grad_by_freq,
        mode,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )


def refuse_sparse(operation: str, sparse: bool) -> None:
    """Fail when sparse gradients are asked for.

    Parameters
    ----------
    operation : str
        What the message is to name.
    sparse : bool
        Whether they are asked for.

    Raises
    ------
    UnsupportedError
        They are.
    """
    if sparse:
        raise UnsupportedError(
            "sparse gradients are not available; leave sparse=False", operation=operation
        )
