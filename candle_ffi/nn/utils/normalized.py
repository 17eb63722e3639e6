"""What weight normalization and spectral normalization compute, in both of their forms."""

from __future__ import annotations

from candle_ffi._ops import matmul, permute, reshape, sqrt, square
from candle_ffi.arithmetic import div
from candle_ffi.autograd import no_grad
from candle_ffi.reduce import sum
from candle_ffi.sampling import randn
from candle_ffi.tensor import Tensor

__all__ = ["as_matrix", "iterate", "largest", "norm_except", "start", "unit"]


def norm_except(weight: Tensor, dim: int | None) -> Tensor:
    """Return the Euclidean norm over all dimensions but one, which all stay with size 1.

    Parameters
    ----------
    weight : Tensor
        The tensor.
    dim : int or None
        The dimension that is kept; none of them for None.
    """
    if dim is None or dim == -1:
        return sqrt(sum(square(weight)))
    others = [other for other in range(weight.ndim) if other != dim % weight.ndim]
    return sqrt(sum(square(weight), others, keepdim=True)) if others else weight.abs()


def unit(vector: Tensor, eps: float) -> Tensor:
    """Return a vector divided by its norm, or by `eps` where that is larger."""
    length: Tensor = sqrt(sum(square(vector))).clamp(min=eps)
    return div(vector, length)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return a weight as a matrix whose rows are along one of its dimensions."""
    if dim != 0:
        weight = permute(weight, [dim, *(d for d in range(weight.ndim) if d != dim)])
    return reshape(weight, [weight.shape[0], -1])


def start(matrix: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return random unit vectors for the rows and the columns of a matrix, after 15 iterations."""
    rows, columns = matrix.shape
    u = unit(randn(rows, dtype=matrix.dtype, device=matrix.device), eps)
    v = unit(randn(columns, dtype=matrix.dtype, device=matrix.device), eps)
    iterate(matrix, u, v, 15, eps)
    return u, v


@no_grad
def iterate(matrix: Tensor, u: Tensor, v: Tensor, times: int, eps: float) -> None:
    """Bring two vectors, in place, nearer to the singular vectors of the largest value."""
    for _ in range(times):
        u.copy_(unit(matmul(matrix, v), eps))
        v.copy_(unit(matmul(matrix.T, u), eps))


def largest(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return the largest singular value, as its vectors tell it."""
    return sum(u.clone() * matmul(matrix, v.clone()))
