"""Writing by indices in the forms that PyTorch takes: `scatter` of a tensor or of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from candle_ffi import _ops

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["Scattering", "scatter"]


def _source(src: Any, value: Any) -> Any:
    if (src is None) == (value is None):
        raise TypeError("scatter takes a tensor src or a number value, one of the two")
    return value if src is None else src


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: float | None = None
) -> Tensor:
    """Put elements into a tensor along a dimension, each at an index of its own.

    ``out = input`` with ``out[index[i][j]][j] = src[i][j]`` for ``dim = 0``. Where an index
    repeats, the last one counts. Differentiable with respect to `input` and `src`.

    Parameters
    ----------
    input : Tensor
        What the elements are put into.
    dim : int
        The dimension.
    index : Tensor
        Integers, not more than `src` has in any dimension, nor than `input` in the others.
    src : Tensor or number
        The elements.
    value : number, optional
        Another name for a number.

    Returns
    -------
    Tensor
        A copy of `input` with the elements.

    Raises
    ------
    CandleIndexError
        An index is negative or too large.
    ShapeError
        The shapes do not fit.

    Notes
    -----
    `torch.scatter`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.scatter(cf.zeros(3), 0, cf.tensor([2, 0]), cf.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    return _ops.scatter(input, dim, index, _source(src, value))


class Scattering(_ops.TensorOps):
    """The part of `Tensor` that is written to by indices."""

    __slots__ = ()

    scatter = scatter  # type: ignore[assignment]  # also takes `value`

    def scatter_(  # type: ignore[override]  # also takes `value`
        self, dim: int, index: Tensor, src: Any = None, *, value: float | None = None
    ) -> Tensor:
        """Put elements into this tensor along a dimension, each at an index of its own.

        Parameters
        ----------
        dim : int
            The dimension.
        index : Tensor
            Integers.
        src : Tensor or number
            The elements.
        value : number, optional
            Another name for a number.
        """
        tensor: Any = self
        return _ops.scatter_(tensor, dim, index, _source(src, value))
