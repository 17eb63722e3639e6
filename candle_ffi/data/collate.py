"""Items into batches: tensors of one dimension more, in the containers that the items have."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from candle_ffi import _ops, interop
from candle_ffi.errors import ShapeError
from candle_ffi.tensor import Tensor

__all__ = ["default_collate", "default_convert", "is_array", "map_leaves"]

Make = Callable[[np.ndarray[Any, Any]], Any]


def default_collate(batch: Any) -> Any:
    """Stack the items of a batch along a new first dimension.

    Parameters
    ----------
    batch : sequence
        At least one item: tensors, arrays, numbers (a Python float becomes float64), and what has
        ``__array__`` or ``__dlpack__`` become tensors; strings and bytes stay as they are;
        mappings, named tuples, tuples and lists become the same of batches (a tuple: a list).

    Returns
    -------
    object
        In the containers of the first item.

    Raises
    ------
    ShapeError
        Items differ in shape, or sequences in length.
    KeyError
        An item lacks a key that the first has.
    TypeError
        An item is something else.

    Notes
    -----
    `torch.utils.data.default_collate`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.data.default_collate([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    {'a': tensor([1, 2]), 'b': ['x', 'y']}
    """
    return collate(batch, interop.from_array)


def default_convert(item: Any) -> Any:
    """Make tensors of the arrays in one item; the rest stays as it is.

    It is what a loader without batches (``batch_size=None``) does.

    Parameters
    ----------
    item : object
        An array, or containers of arrays.

    Returns
    -------
    object
        In the same containers.

    Notes
    -----
    `torch.utils.data.default_convert`

    Examples
    --------
    >>> import candle_ffi as cf, numpy as np
    >>> cf.data.default_convert((np.array([1, 2]), "x"))
    [tensor([1, 2]), 'x']
    """
    return convert(item, interop.from_array)


def collate(batch: Any, make: Make) -> Any:
    """Collate as `default_collate` does, where `make` makes what an array becomes."""
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack_tensors(batch)
    if isinstance(first, (bool, int, float)) and not isinstance(first, np.generic):
        return make(_numbers(batch, float if isinstance(first, float) else object))
    if isinstance(first, (str, bytes)):
        return batch
    if is_array(first):
        return _stack([_array(item) for item in batch], make)
    if isinstance(first, Mapping):
        made = {key: collate([item[key] for item in batch], make) for key in first}
        return _like_mapping(first, made)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(collate(column, make) for column in _columns(batch)))
    if isinstance(first, Sequence):
        columns = [collate(column, make) for column in _columns(batch)]
        return columns if isinstance(first, tuple) else _like_sequence(first, columns)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def convert(item: Any, make: Make) -> Any:
    """Convert as `default_convert` does, where `make` makes what an array becomes."""

    def leaf(value: Any) -> Any:
        if isinstance(value, Tensor) or not is_array(value):
            return value
        array = _array(value)
        return value if array.dtype.kind in "OSU" else make(array)

    return _map(item, leaf, list)


def map_leaves(batch: Any, function: Callable[[Any], Any], is_leaf: Callable[[Any], bool]) -> Any:
    """Return a batch with a function's results in place of its leaves, in the same containers.

    Parameters
    ----------
    batch : object
        The batch.
    function : callable
        Called with each leaf: a tensor, an array, a text, and whatever is no container.
    is_leaf : callable
        Says which containers are leaves as well.
    """
    return _map(batch, function, tuple, is_leaf)


def _map(
    item: Any,
    leaf: Callable[[Any], Any],
    tuples: type,
    is_leaf: Callable[[Any], bool] = lambda item: False,
) -> Any:
    """Map what is not a container; plain tuples become `tuples`."""
    if isinstance(item, (Tensor, str, bytes)) or is_array(item) or is_leaf(item):
        return leaf(item)

    def inner(value: Any) -> Any:
        return _map(value, leaf, tuples, is_leaf)

    if isinstance(item, Mapping):
        return _like_mapping(item, {key: inner(value) for key, value in item.items()})
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return type(item)(*map(inner, item))
    if isinstance(item, Sequence):
        values = list(map(inner, item))
        return tuples(values) if isinstance(item, tuple) else _like_sequence(item, values)
    return leaf(item)


def is_array(value: Any) -> bool:
    """Return whether something is an array of any library, as it says by its attributes."""
    return hasattr(value, "__array__") or hasattr(value, "__dlpack__")


def _array(value: Any) -> np.ndarray[Any, Any]:
    """Return what an array of any library holds as NumPy's; the memory is shared where it can."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (bool, int, float)):  # among NumPy's numbers
        return np.asarray(value)
    if not is_array(value):
        raise TypeError(f"default_collate: found {type(value)} in a batch of arrays")
    detach = getattr(value, "detach", None)  # PyTorch's, which may have a history
    value = value if detach is None else detach()
    return np.asarray(value) if hasattr(value, "__array__") else np.from_dlpack(value)


def _numbers(batch: Any, kind: type) -> np.ndarray[Any, Any]:
    _check_kinds(batch, (bool, int, float), "numbers")
    return np.array(batch, np.float64) if kind is float else interop.array_of(list(batch))


def _stack(arrays: list[np.ndarray[Any, Any]], make: Make) -> Any:
    first = arrays[0]
    if first.dtype.kind in "OSU":
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            f"found an array of {first.dtype}"
        )
    _check_shapes(arrays)
    if any(array.dtype != first.dtype for array in arrays):
        # Tensors have rules of their own for dtypes that meet.
        return _ops.stack([interop.from_array(array) for array in arrays], 0)
    return make(np.stack(arrays))


def _stack_tensors(batch: Any) -> Tensor:
    _check_kinds(batch, (Tensor,), "tensors")
    _check_shapes(batch)
    return _ops.stack(list(batch), 0)


def _check_kinds(batch: Any, kinds: tuple[type, ...], name: str) -> None:
    for item in batch:
        if not isinstance(item, kinds):
            raise TypeError(f"default_collate: found {type(item)} in a batch of {name}")


def _check_shapes(items: Any) -> None:
    first = tuple(items[0].shape)
    for number, item in enumerate(items):
        if tuple(item.shape) != first:
            shape = tuple(item.shape)
            raise ShapeError(
                f"default_collate: all items of a batch must have one shape, but item 0 is "
                f"{list(first)} and item {number} is {list(shape)}; "
                "give collate_fn to pad or to choose",
                operation="default_collate",
                shapes=[first, shape],
            )


def _columns(batch: Any) -> list[tuple[Any, ...]]:
    length = len(batch[0])
    for number, item in enumerate(batch):
        if len(item) != length:
            raise ShapeError(
                f"default_collate: each element in list of batch should be of equal size, but "
                f"item 0 has {length} and item {number} has {len(item)}",
                operation="default_collate",
                shapes=[(length,), (len(item),)],
            )
    return list(zip(*batch, strict=True))


def _like_mapping(first: Mapping[Any, Any], made: dict[Any, Any]) -> Any:
    """Return a mapping of the first's kind, with what else it may carry."""
    if type(first) is dict:
        return made
    try:
        if isinstance(first, MutableMapping):
            twin = copy.copy(first)
            twin.update(made)
            return twin
        return type(first)(made)  # type: ignore[call-arg]
    except TypeError:
        return made


def _like_sequence(first: Sequence[Any], made: list[Any]) -> Any:
    if type(first) is list:
        return made
    try:
        if isinstance(first, MutableSequence):
            twin = copy.copy(first)
            for place, value in enumerate(made):
                twin[place] = value
            return twin
        return type(first)(made)  # type: ignore[call-arg]
    except TypeError:
        return made
