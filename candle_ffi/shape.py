"""Rearrangement in the forms that PyTorch takes: `x.reshape(2, 3)` and `x.reshape((2, 3))`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from candle_ffi import _ops
from candle_ffi.errors import ShapeError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = [
    "Shapes",
    "chunk",
    "expand",
    "flip",
    "permute",
    "repeat",
    "reshape",
    "split",
    "tile",
    "view",
]


def numbers(values: tuple[Any, ...]) -> list[int]:
    """Return the integers of ``f(2, 3)`` or ``f((2, 3))``.

    Parameters
    ----------
    values : tuple
        Integers, or one sequence of them.

    Returns
    -------
    list of int
        The integers.
    """
    if len(values) == 1 and isinstance(values[0], Sequence):
        values = tuple(values[0])
    found = [operator.index(value) for value in values]
    if any(not -(2**63) <= number < 2**63 for number in found):
        raise ShapeError(f"a size or dimension is outside the range of int64: {found}")
    return found


def _variadic(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the operation so that its integers may also be given one by one."""

    @functools.wraps(function)
    def flexible(input: Any, *values: Any, **named: Any) -> Tensor:
        # Generated functions know their parameters by name too: `x.permute(dims=(1, 0))`.
        return function(input, **named) if named else function(input, numbers(values))

    return flexible


reshape = _variadic(_ops.reshape)
view = _variadic(_ops.view)
permute = _variadic(_ops.permute)
expand = _variadic(_ops.expand)
flip = _variadic(_ops.flip)
repeat = _variadic(_ops.repeat)
tile = _variadic(_ops.tile)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along a dimension into at most so many parts of one size.

    Differentiable.

    Parameters
    ----------
    input : Tensor
        The tensor.
    chunks : int
        How many parts at most; the last one may be smaller.
    dim : int, default 0
        The dimension.

    Returns
    -------
    tuple of Tensor
        Views.

    Raises
    ------
    InvalidArgumentError
        `chunks` is not positive.

    Notes
    -----
    `torch.chunk`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.chunk(cf.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    return tuple(_ops.chunk(input, chunks, dim))


def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> Any:
    """Cut a tensor along a dimension, into parts of one size or of the sizes that are given.

    Differentiable.

    Parameters
    ----------
    input : Tensor
        The tensor.
    split_size_or_sections : int or sequence of int
        The size of each part but the last, which may be smaller; or the sizes of all parts.
    dim : int, default 0
        The dimension.

    Returns
    -------
    tuple of Tensor
        Views.

    Raises
    ------
    ShapeError
        The sizes do not add up to that of the dimension.

    Notes
    -----
    `torch.split`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.split(cf.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if isinstance(split_size_or_sections, Sequence):
        return tuple(_ops.split_with_sizes(input, split_size_or_sections, dim))
    return tuple(_ops.split(input, split_size_or_sections, dim))


class Shapes(_ops.TensorOps):
    """The part of `Tensor` that rearranges."""

    __slots__ = ()

    reshape = reshape
    view = view
    permute = permute
    expand = expand
    flip = flip
    repeat = repeat
    tile = tile
    chunk = chunk  # type: ignore[assignment]  # PyTorch gives a tuple
    split = split  # type: ignore[assignment]  # takes the sizes of all parts too

    def expand_as(self, other: Tensor) -> Tensor:
        """Return the tensor broadcast to the shape of another.

        Parameters
        ----------
        other : Tensor
            The other one.
        """
        return expand(self, other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """Return the tensor with the shape of another.

        Parameters
        ----------
        other : Tensor
            The other one.
        """
        return reshape(self, other.shape)

    def view_as(self, other: Tensor) -> Tensor:
        """Return a view with the shape of another.

        Parameters
        ----------
        other : Tensor
            The other one.
        """
        return view(self, other.shape)

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:  # type: ignore[override]
        """Return the windows of a dimension, as a new last dimension.

        Unlike `torch.Tensor.unfold` a copy. The patches of images are
        `candle_ffi.nn.functional.unfold`.

        Parameters
        ----------
        dimension : int
            The dimension.
        size : int
            Elements of a window.
        step : int
            Distance between windows.

        Raises
        ------
        ShapeError
            The dimension is smaller than a window, or a number is no size.
        """
        tensor: Any = self
        whole = tensor.shape[dimension] if tensor.ndim else 1
        if not 0 <= size <= whole or step < 1:
            raise ShapeError(
                f"windows of {size} elements in steps of {step} do not fit into dimension "
                f"{dimension} of shape {tuple(tensor.shape)}"
            )
        from candle_ffi.creation import arange

        starts = arange(0, whole - size + 1, step, device=tensor.device)
        places = starts.unsqueeze(1) + arange(size, device=tensor.device)
        picked = _ops.index_select(tensor, dimension, places.flatten())
        if not tensor.ndim:
            return picked
        dim = dimension % tensor.ndim
        split: Any = _ops.unflatten(picked, dim, tuple(places.shape))
        order = [*range(dim + 1), *range(dim + 2, tensor.ndim + 1), dim + 1]
        return permute(split, order)

    def t(self) -> Tensor:
        """Return the matrix transposed; a vector or number stays as it is."""
        tensor: Any = self
        return _ops.transpose(tensor, 0, 1) if tensor.ndim > 1 else tensor
