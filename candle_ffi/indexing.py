"""Reading and writing of parts: `x[1:, None, ..., ::2]`, `x[mask]`, `x[[0, 2]]`.

Integers, slices, None and the ellipsis are the library's own and give views. Arrays of indices and
masks are turned into one `index_select` over the dimensions they stand for, so their gradient is
that of `index_select`.
"""

from __future__ import annotations

import operator
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from candle_ffi import _ops, interop
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib
from candle_ffi.errors import CandleIndexError, InvalidArgumentError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["get_item", "set_item"]

Positions = np.ndarray[Any, np.dtype[np.int64]]


def get_item(tensor: Tensor, index: Any) -> Tensor:
    """Return the part of a tensor that an index names.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    index : object
        What stands between the brackets.

    Returns
    -------
    Tensor
        A view where the index has neither arrays nor masks.

    Raises
    ------
    CandleIndexError
        An index is out of range, or there are too many.
    InvalidArgumentError
        A step that is not positive.
    """
    items = _items(tensor, index)
    if not any(isinstance(item, np.ndarray) for item in items):
        picked: Tensor = _basic(tensor, items)
        return picked
    flat, at, positions, shape = _flattened(*_split(tensor, items))
    picked = _ops.index_select(flat, at, interop.from_array(positions, tensor.device))
    sizes = tuple(flat.shape)
    return _ops.reshape(picked, [*sizes[:at], *shape, *sizes[at + 1 :]])


def set_item(tensor: Tensor, index: Any, value: Any) -> None:
    """Write into the part of a tensor that an index names.

    Parameters
    ----------
    tensor : Tensor
        The tensor; it is changed in place.
    index : object
        What stands between the brackets.
    value : Tensor or float
        What is written; its shape broadcasts.

    Raises
    ------
    CandleIndexError
        An index is out of range, or there are too many.
    InvalidArgumentError
        A step that is not positive.
    ShapeError
        The value does not fit.
    """
    from candle_ffi.tensor import Tensor

    items = _items(tensor, index)
    source = value if isinstance(value, Tensor) else Tensor(value, device=tensor.device)
    if source.dtype is not tensor.dtype:
        source = source.to(tensor.dtype)
    if not any(isinstance(item, np.ndarray) for item in items):
        _basic(tensor, items, source)
        return
    view, arrays = _split(tensor, items)
    # Each element of the part, numbered as in the part's own order: where the new values go.
    numbers = interop.from_array(np.arange(view.numel()).reshape(view.shape))
    flat, at, positions, shape = _flattened(numbers, arrays)
    chosen = _ops.index_select(flat, at, interop.from_array(positions)).numpy().reshape(-1)
    sizes = tuple(flat.shape)
    written = _ops.expand(source, [*sizes[:at], *shape, *sizes[at + 1 :]])
    pool = _ops.cat([_ops.reshape(view, [-1]), _ops.reshape(written, [-1])], 0)
    order = np.arange(view.numel())
    order[chosen] = view.numel() + np.arange(chosen.size)
    mixed = _ops.index_select(pool, 0, interop.from_array(order, tensor.device))
    _basic(tensor, _without_arrays(items), _ops.reshape(mixed, list(view.shape)))


def _items(tensor: Tensor, index: Any) -> list[Any]:
    """Return the parts of an index: int, slice, None, Ellipsis, or an array for a dimension."""
    items: list[Any] = []
    given = index if isinstance(index, tuple) else (index,)
    for place, item in enumerate(given):
        if item is None or (isinstance(item, (int, slice, EllipsisType)) and not _is_bool(item)):
            items.append(item)
            continue
        array = _as_array(item)
        if array.dtype == np.bool_:
            items += _mask_positions(tensor, array, items, given[place + 1 :])
        elif array.dtype == np.uint8 and array.ndim:
            raise TypeError(
                "a tensor is not indexed by uint8: as a mask it is written x[mask.bool()], "
                "as positions x[positions.long()]"
            )
        elif array.dtype.kind in "iu":
            items.append(int(array) if array.ndim == 0 else array.astype(np.int64))
        elif array.size == 0:
            items.append(array.astype(np.int64))
        else:
            raise TypeError(
                "a tensor is indexed by integers, slices, None, ..., and arrays of integers or "
                f"bools, not by {type(item).__name__} of dtype {array.dtype.name}"
            )
    return items


def _is_bool(item: Any) -> bool:
    return isinstance(item, (bool, np.bool_))


def _as_array(item: Any) -> np.ndarray[Any, Any]:
    from candle_ffi.tensor import Tensor

    if isinstance(item, Tensor):
        return interop.to_array(item.detach())
    if isinstance(item, (np.ndarray, np.generic, list, range, bool)):
        return np.asarray(item)
    try:
        return np.asarray(operator.index(item))
    except TypeError:
        raise TypeError(
            "a tensor is indexed by integers, slices, None, ..., and arrays of integers or bools, "
            f"not by {type(item).__name__}"
        ) from None


def _mask_positions(
    tensor: Tensor, mask: np.ndarray[Any, Any], before: list[Any], after: tuple[Any, ...]
) -> list[Positions]:
    """Return one array of positions for each dimension of a mask, after checking that it fits."""
    shape = tuple(tensor.shape)
    if any(item is ... for item in before):
        # What comes after the ellipsis is counted from the end.
        first = len(shape) - mask.ndim - sum(map(_consumed, after))
    else:
        first = sum(item is not None for item in before)
    covered = shape[max(first, 0) : max(first + mask.ndim, 0)]
    if covered != mask.shape:
        raise CandleIndexError(
            f"the shape of the mask {mask.shape} does not match the shape of the indexed "
            f"dimensions {covered} of a tensor of shape {shape}",
            operation="getitem",
            shapes=[mask.shape, shape],
        )
    if mask.ndim == 0:
        raise TypeError("a tensor cannot be indexed by a single bool; use x.unsqueeze(0)[[...]]")
    return list(np.nonzero(mask))


def _consumed(item: Any) -> int:
    """Return how many dimensions a part of an index stands for."""
    if item is None or item is ...:
        return 0
    if isinstance(item, (int, slice)) and not _is_bool(item):
        return 1
    array = _as_array(item)
    return array.ndim if array.dtype == np.bool_ else 1


def _without_arrays(items: list[Any]) -> list[Any]:
    return [slice(None) if isinstance(item, np.ndarray) else item for item in items]


def _split(tensor: Tensor, items: list[Any]) -> tuple[Tensor, dict[int, Positions]]:
    """Do what needs no arrays; return the view, and the arrays by its dimensions."""
    view = _basic(tensor, _without_arrays(items))
    consumed = sum(item is not None and item is not ... for item in items)
    arrays: dict[int, Positions] = {}
    dim = 0
    for item in items:
        if isinstance(item, np.ndarray):
            arrays[dim] = item
        if item is ...:
            dim += tensor.ndim - consumed
        elif not isinstance(item, int):
            dim += 1
    return view, arrays


def _flattened(
    view: Tensor, arrays: dict[int, Positions]
) -> tuple[Tensor, int, Positions, tuple[int, ...]]:
    """Join the indexed dimensions; return the tensor, that dimension, the positions, their shape.

    PyTorch's rule: it stands where they stand side by side, else first of all.
    """
    shape = tuple(view.shape)
    try:
        broadcast = np.broadcast_arrays(*arrays.values())
    except ValueError:
        raise CandleIndexError(
            f"the shapes of the indices do not broadcast: {[a.shape for a in arrays.values()]}",
            operation="getitem",
            shapes=[array.shape for array in arrays.values()],
        ) from None
    positions = np.zeros(broadcast[0].shape, np.int64)
    for dim, array in zip(arrays, broadcast, strict=True):
        positions = positions * shape[dim] + _checked(array, shape[dim], dim)
    joined = int(np.prod([shape[dim] for dim in arrays], dtype=object))
    first, count = min(arrays), len(arrays)
    if list(arrays) != list(range(first, first + count)):
        rest = [dim for dim in range(len(shape)) if dim not in arrays]
        view, first = _ops.permute(view, [*arrays, *rest]), 0
    sizes = tuple(view.shape)
    flat = _ops.reshape(view, [*sizes[:first], joined, *sizes[first + count :]])
    return flat, first, positions.reshape(-1), positions.shape


def _checked(array: Positions, size: int, dim: int) -> Positions:
    wrong = (array < -size) | (array >= size)
    if wrong.any():
        raise CandleIndexError(
            f"index {array[wrong][0]} is out of range for dimension {dim} of size {size}",
            operation="getitem",
        )
    return np.where(array < 0, array + size, array)


def _basic(tensor: Tensor, items: list[Any], source: Tensor | None = None) -> Any:
    """Read a view through the library, or write `source` into it."""
    cells = ffi.new("CandleIndex[]", len(items))
    for cell, item in zip(cells, items, strict=True):
        _fill(cell, item)
    if source is None:
        return wrap(lib.py_get_item(tensor._handle, cells, len(items)))
    check(lib.py_set_item(tensor._handle, cells, len(items), source._handle))
    return None


def _fill(cell: Any, item: Any) -> None:
    if item is None:
        cell.kind = lib.CANDLE_INDEX_NEW_AXIS
    elif item is ...:
        cell.kind = lib.CANDLE_INDEX_ELLIPSIS
    elif isinstance(item, slice):
        step = 1 if item.step is None else operator.index(item.step)
        if step <= 0:
            raise InvalidArgumentError(
                f"a slice step must be positive, and {step} is not",
                operation="getitem",
            )
        cell.kind = lib.CANDLE_INDEX_SLICE
        cell.step = step
        if item.start is not None:
            cell.has_start, cell.start = 1, operator.index(item.start)
        if item.stop is not None:
            cell.has_stop, cell.stop = 1, operator.index(item.stop)
    else:
        cell.kind = lib.CANDLE_INDEX_INTEGER
        cell.start = item
