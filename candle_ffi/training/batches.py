"""What a batch is made of, and whole data as batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from candle_ffi._ops import cat
from candle_ffi.creation import as_tensor
from candle_ffi.data.placement import is_movable, moved
from candle_ffi.data.subset import Subset
from candle_ffi.data.tensor_dataset import TensorDataset
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.nn.utils.rnn import PackedSequence
from candle_ffi.tensor import Tensor

__all__ = [
    "Whole",
    "as_dataset",
    "detached",
    "is_several",
    "joined",
    "rows_of",
    "split",
    "split_batch",
    "to_tensors",
]

#: Under which keys a batch that is a dictionary has its targets.
TARGETS: Final = ("targets", "target", "labels", "label", "y")


def split_batch(batch: Any) -> tuple[Any, Any]:
    """Return inputs and targets of a batch.

    Parameters
    ----------
    batch : object
        ``(inputs, targets)``; ``(first, second, …, targets)`` for a model of several inputs; a
        dictionary with a key such as ``"labels"``; or inputs alone: a tensor, or a tuple of one.

    Returns
    -------
    inputs : object
        A tensor, a tuple of several inputs, or a dictionary of those that have names.
    targets : object
        The targets; None where there are none.

    Examples
    --------
    >>> from candle_ffi.training.batches import split_batch
    >>> split_batch((1, 2, 3)), split_batch({"image": 1, "labels": 2})
    (((1, 2), 3), ({'image': 1}, 2))
    """
    if is_several(batch):
        count = len(batch)
        if count == 2:
            return batch[0], batch[1]
        if count == 1:
            return batch[0], None
        return tuple(batch[:-1]), batch[-1]
    if isinstance(batch, Mapping):
        for key in TARGETS:
            if key in batch:
                return {name: value for name, value in batch.items() if name != key}, batch[key]
    return batch, None


def to_tensors(value: Any, device: Device | None) -> Any:
    """Return inputs or targets with tensors in place of arrays.

    Parameters
    ----------
    value : object
        A tensor, an array, or tuples, lists and dictionaries of them. A `PackedSequence` and
        objects of a class with a method `to` go as a whole.
    device : Device, optional
        Where the tensors go; they stay where they are when not given. A copy from pinned memory
        is not waited for.

    Returns
    -------
    object
        The same with tensors.
    """
    if _is_whole(value):
        return value if device is None else moved(value, device)
    if isinstance(value, Mapping):
        return {name: to_tensors(each, device) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(to_tensors(each, device) for each in value)
    if hasattr(value, "__array__"):
        return to_tensors(as_tensor(value), device)
    return value


def is_several(value: Any) -> bool:
    """Return whether something is a tuple or a list of parts, and not one thing made of fields."""
    return isinstance(value, (tuple, list)) and not isinstance(value, PackedSequence)


def _is_whole(value: Any) -> bool:
    """Return whether something goes to a device as it is, and not part by part."""
    if isinstance(value, (Tensor, PackedSequence)):
        return True
    return is_movable(value) and not isinstance(value, (tuple, list))


def detached(value: Any) -> Any:
    """Return outputs without their history, which a metric that keeps them would keep as well.

    Parameters
    ----------
    value : object
        A tensor, or tuples, lists and dictionaries of them.

    Returns
    -------
    object
        The same without gradients.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Mapping):
        return {name: detached(each) for name, each in value.items()}
    if isinstance(value, PackedSequence):
        return value._replace(data=value.data.detach())
    if is_several(value):
        return tuple(detached(each) for each in value)
    return value


def rows_of(inputs: Any) -> int:
    """Return the number of rows of a batch: the first size of its first tensor.

    Parameters
    ----------
    inputs : object
        A tensor, or tuples and dictionaries of them.

    Returns
    -------
    int
        The number of rows; 1 where there is no tensor that has any.
    """
    if isinstance(inputs, Tensor):
        return len(inputs) if inputs.ndim else 1
    if isinstance(inputs, PackedSequence):
        return int(inputs.batch_sizes[0]) if len(inputs.batch_sizes) else 1
    if isinstance(inputs, Mapping):
        inputs = tuple(inputs.values())
    return rows_of(inputs[0]) if is_several(inputs) and inputs else 1


def joined(parts: list[Any]) -> Any:
    """Return the results of batches as those of one.

    Parameters
    ----------
    parts : list
        Tensors, or tuples and dictionaries of tensors.

    Returns
    -------
    object
        The same with all rows.
    """
    first = parts[0]
    if isinstance(first, Tensor):
        return first if len(parts) == 1 else cat(parts, 0)
    if isinstance(first, Mapping):
        return {name: joined([part[name] for part in parts]) for name in first}
    if is_several(first):
        return tuple(joined(list(column)) for column in zip(*parts, strict=True))
    raise TypeError(f"predict: results of {type(first).__name__} cannot be joined")


class Whole(TensorDataset):
    """Whole data as a dataset, whose batches are made of tensors as the data is of arrays.

    Parameters
    ----------
    data : object
        A tensor or an array, or tuples and dictionaries of them.
    dtype : DType, optional
        The dtype that arrays of floats get, batch by batch; tensors keep theirs.
    """

    def __init__(self, data: Any, dtype: DType | None = None) -> None:
        leaves = list(_leaves(data))
        super().__init__(*leaves)
        self._pattern = _pattern(data)
        self._dtypes = [
            None if isinstance(leaf, Tensor) or kept.dtype.kind != "f" else dtype
            for leaf, kept in zip(leaves, self.tensors, strict=True)
        ]

    def gather(self, indices: Any) -> Any:
        """Return the rows of these indices as one batch.

        Parameters
        ----------
        indices : array-like of int
            ``[batch]``.

        Returns
        -------
        object
            The batch.
        """
        rows = super().gather(indices)
        cast = (
            part if dtype is None or part.dtype is dtype else part.to(dtype)
            for part, dtype in zip(rows, self._dtypes, strict=True)
        )
        return _rebuilt(self._pattern, cast)


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, Mapping):
        data = tuple(data.values())
    if isinstance(data, tuple):
        for part in data:
            yield from _leaves(part)
    else:
        yield data


def _pattern(data: Any) -> Any:
    """Return the tuples and dictionaries that data is made of, without the arrays."""
    if isinstance(data, Mapping):
        return {name: _pattern(part) for name, part in data.items()}
    return tuple(map(_pattern, data)) if isinstance(data, tuple) else None


def _rebuilt(pattern: Any, leaves: Iterator[Tensor]) -> Any:
    if pattern is None:
        return next(leaves)
    if isinstance(pattern, dict):
        return {name: _rebuilt(part, leaves) for name, part in pattern.items()}
    return tuple(_rebuilt(part, leaves) for part in pattern)


def as_dataset(data: Any, dtype: DType | None) -> Any:
    """Return whole data as a dataset; None for what is no whole data, but an iterable of batches.

    Parameters
    ----------
    data : object
        A tensor, an array, a tuple or a dictionary of them; a dataset; or batches.
    dtype : DType, optional
        The dtype that arrays of floats get.

    Returns
    -------
    Dataset or None
        The dataset.

    Raises
    ------
    TypeError
        It is none of these.
    """
    is_frame = hasattr(data, "__array__") and hasattr(data, "shape")
    if isinstance(data, (tuple, Tensor, dict)) or is_frame:
        return Whole(data, dtype)
    if not isinstance(data, list) and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return data
    if isinstance(data, Iterable):
        return None
    raise TypeError(
        "data must be arrays as in (x, y), a dataset, or an iterable of batches, "
        f"not {type(data).__name__}"
    )


def split(dataset: Any, fraction: float) -> tuple[Any, Any]:
    """Return two parts of a dataset, whose rows are chosen at random, always the same ones.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    fraction : float
        The size of the second part, between 0 and 1.

    Returns
    -------
    tuple of Subset
        Both parts.

    Raises
    ------
    TypeError
        There is no dataset.
    ValueError
        A part would be empty.
    """
    if dataset is None:
        raise TypeError(
            "validation as a fraction needs arrays or a dataset; give the validation itself: "
            "fit(loader, validation=loader)"
        )
    count = len(dataset)
    size = round(count * fraction) if 0 < fraction < 1 else 0
    if not 0 < size < count:
        raise ValueError(f"validation={fraction} of {count} rows leaves nothing to one part")
    # Numbers of their own: neither a seed nor a checkpoint changes which rows these are.
    order = np.random.default_rng(0).permutation(count)
    first, second = np.sort(order[size:]), np.sort(order[:size])
    return Subset(dataset, first.tolist()), Subset(dataset, second.tolist())
