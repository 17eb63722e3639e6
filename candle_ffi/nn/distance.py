"""Similarities and distances of two inputs."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class CosineSimilarity(Module):
    """The cosine of the angle between vectors: ``x1 · x2 / (|x1| |x2|)``.

    Parameters
    ----------
    dim : int, default 1
        The dimension of the vectors.
    eps : float, default 1e-8
        The least norm.

    Notes
    -----
    `torch.nn.CosineSimilarity`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CosineSimilarity()(cf.tensor([[1.0, 0.0]]), cf.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the cosines, without the dimension."""
        return _ops.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The distance of vectors: ``|x1 - x2 + eps|`` along the last dimension.

    Parameters
    ----------
    p : float, default 2.0
        The order of the norm.
    eps : float, default 1e-6
        What is added to differences.
    keepdim : bool, default False
        Whether the last dimension stays, with size 1.

    Notes
    -----
    `torch.nn.PairwiseDistance`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.PairwiseDistance()(cf.zeros(1, 2), cf.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the distances."""
        return _ops.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
