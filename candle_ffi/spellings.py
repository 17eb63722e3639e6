"""PyTorch's further spellings of operations, and small functions made of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from candle_ffi import _handles, _ops, shape
from candle_ffi.errors import CandleIndexError, ShapeError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = [
    "Spellings",
    "broadcast_to",
    "clip",
    "concat",
    "concatenate",
    "dot",
    "hstack",
    "is_tensor",
    "meshgrid",
    "mm",
    "movedim",
    "mv",
    "numel",
    "outer",
    "swapaxes",
    "unbind",
    "vstack",
]

clip = _ops.clamp
concat = concatenate = _ops.cat
swapaxes = _ops.transpose


def is_tensor(value: object) -> bool:
    """Return whether something is a tensor.

    Parameters
    ----------
    value : object
        Anything.

    Notes
    -----
    `torch.is_tensor`
    """
    return isinstance(value, _handles.TensorBase)


def numel(input: Tensor) -> int:
    """Return the number of elements.

    Parameters
    ----------
    input : Tensor
        The tensor.

    Notes
    -----
    `torch.numel`
    """
    return input.numel()


def _product(name: str, ranks: tuple[int, int]) -> Callable[[Any, Any], Any]:
    wanted = " and ".join(f"{rank}D" for rank in ranks)

    def product(input: Tensor, other: Tensor) -> Tensor:
        if (input.ndim, other.ndim) != ranks:
            raise ShapeError(
                f"{name}: expected {wanted} tensors, and got shapes {tuple(input.shape)} and "
                f"{tuple(other.shape)}",
                operation=name,
                shapes=[tuple(input.shape), tuple(other.shape)],
            )
        return _ops.matmul(input, other)

    product.__name__ = product.__qualname__ = name
    product.__doc__ = f"""Multiply {wanted} tensors, without broadcasting.

    Parameters
    ----------
    input, other : Tensor
        The factors.

    Raises
    ------
    ShapeError
        They have other numbers of dimensions, or sizes that do not fit.

    Notes
    -----
    `torch.{name}`
    """
    return product


mm = _product("mm", (2, 2))
mv = _product("mv", (2, 1))
dot = _product("dot", (1, 1))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Multiply each element of a vector with each of another.

    Parameters
    ----------
    input, vec2 : Tensor
        Vectors of `n` and `m` elements.

    Returns
    -------
    Tensor
        `[n, m]`.

    Notes
    -----
    `torch.outer`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.outer(cf.tensor([1.0, 2.0]), cf.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(
            f"outer: expected 1D tensors, and got shapes {tuple(input.shape)} and "
            f"{tuple(vec2.shape)}",
            operation="outer",
            shapes=[tuple(input.shape), tuple(vec2.shape)],
        )
    return _ops.mul(_ops.unsqueeze(input, 1), vec2)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along a dimension, which they lose.

    Parameters
    ----------
    input : Tensor
        The tensor.
    dim : int, default 0
        The dimension.

    Notes
    -----
    `torch.unbind`
    """
    return tuple(_ops.select(input, dim, place) for place in range(input.size(dim)))


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return a view of a shape that the tensor broadcasts to.

    Parameters
    ----------
    input : Tensor
        The tensor.
    size : sequence of int
        The shape.

    Notes
    -----
    `torch.broadcast_to`
    """
    return shape.expand(input, size)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions to other places; the others keep their order.

    Parameters
    ----------
    input : Tensor
        The tensor.
    source, destination : int or sequence of int
        Where dimensions are, and where they go.

    Notes
    -----
    `torch.movedim`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.movedim(cf.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    rank = input.ndim
    sources = [_dim(d, rank) for d in _handles.int_tuple(source)]
    places = [_dim(d, rank) for d in _handles.int_tuple(destination)]
    if (
        len(sources) != len(places)
        or len({*sources}) != len(sources)
        or len({*places}) != len(places)
    ):
        raise ShapeError(
            f"movedim: source {source} and destination {destination} must name as many "
            "dimensions, each once",
            operation="movedim",
        )
    order = [d for d in range(rank) if d not in sources]
    for place, moved in sorted(zip(places, sources, strict=True)):
        order.insert(place, moved)
    return _ops.permute(input, order)


def _dim(dim: int, rank: int) -> int:
    number = operator.index(dim)
    if not -rank <= number < rank:
        raise CandleIndexError(
            f"movedim: dimension {dim} is out of range for a tensor of {rank} dimensions"
        )
    return number % rank


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors side by side: vectors end to end, others along the second dimension.

    Parameters
    ----------
    tensors : sequence of Tensor
        The tensors.

    Notes
    -----
    `torch.hstack`
    """
    found = [tensor if tensor.ndim else tensor.reshape(1) for tensor in tensors]
    return _ops.cat(found, 0 if found and found[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors one below the other; vectors become rows.

    Parameters
    ----------
    tensors : sequence of Tensor
        The tensors.

    Notes
    -----
    `torch.vstack`
    """
    found = [tensor.reshape(1, -1) if tensor.ndim < 2 else tensor for tensor in tensors]
    return _ops.cat(found, 0)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return the coordinates of a grid.

    Parameters
    ----------
    *tensors : Tensor or sequence of Tensor
        The coordinates along each dimension, as vectors.
    indexing : {"ij", "xy"}
        Whether the first vector goes along the first dimension, or along the second.

    Notes
    -----
    `torch.meshgrid`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> rows, columns = cf.meshgrid(cf.arange(2), cf.arange(3), indexing="ij")
    >>> columns
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', not {indexing!r}")
    given = tensors[0] if len(tensors) == 1 and not is_tensor(tensors[0]) else tensors
    vectors = list(given)
    swapped = indexing == "xy" and len(vectors) > 1
    if swapped:
        vectors[:2] = vectors[1::-1]
    sizes = [vector.numel() for vector in vectors]
    grids = [
        shape.expand(
            _ops.reshape(vector, [-1 if d == place else 1 for d in range(len(sizes))]), sizes
        )
        for place, vector in enumerate(vectors)
    ]
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


class Spellings(_ops.TensorOps):
    """The further spellings as methods; `Tensor` inherits it."""

    __slots__ = ()

    clip = clip
    mm, mv, dot, outer = mm, mv, dot, outer
    unbind, movedim, swapaxes, broadcast_to = unbind, movedim, swapaxes, broadcast_to

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """Return this tensor where a condition is true, and another elsewhere.

        Parameters
        ----------
        condition : Tensor
            A bool tensor.
        other : Tensor or number
            The other one.
        """
        return _ops.where(condition, self, other)  # type: ignore[arg-type]
