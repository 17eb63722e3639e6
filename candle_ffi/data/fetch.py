"""From indices to a batch: what a loader does, in its own process or in a worker's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

__all__ = ["MapFetcher", "StreamFetcher", "as_indices", "batched"]

Collate = Callable[[Any], Any]


def batched(dataset: Any, name: str) -> Callable[[Any], Any] | None:
    """Return the method of a dataset that fetches many items at once, where it is to be used.

    Parameters
    ----------
    dataset : Dataset
        Any dataset.
    name : str
        ``"gather"`` or ``"__getitems__"``.

    Returns
    -------
    callable or None
        None also where a subclass has changed `__getitem__` alone: its items would be lost.
    """
    for kind in type(dataset).__mro__:
        if name in vars(kind):
            break
        if "__getitem__" in vars(kind):
            return None
    method = getattr(dataset, name, None)
    return method if callable(method) else None


def as_indices(values: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return indices as an array, and refuse what would be rounded or read as a mask.

    Parameters
    ----------
    values : sequence or array of int
        ``[batch]``

    Raises
    ------
    TypeError
        They are no integers, or not in one dimension.
    """
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            "indices of a batch must be integers in one dimension, not "
            f"{array.dtype} of shape {list(array.shape)}"
        )
    return array.astype(np.int64, copy=False)


class MapFetcher:
    """Batches of a dataset with indices.

    Parameters
    ----------
    dataset : Dataset
        Where the items come from.
    batching : bool
        Whether `fetch` is given lists of indices; else each item is a batch of its own.
    collate : callable
        What makes a batch of items.
    whole : bool
        Whether the dataset's `gather` may be used in place of `collate`.
    """

    def __init__(self, dataset: Any, batching: bool, collate: Collate, whole: bool) -> None:
        self._dataset = dataset
        self._batching = batching
        self._collate = collate
        self.gather = batched(dataset, "gather") if batching and whole else None
        self._items = batched(dataset, "__getitems__") if batching else None

    def fetch(self, indices: Any) -> Any:
        """Return the batch of these indices."""
        try:
            return self._fetch(indices)
        except StopIteration as error:
            raise RuntimeError("the dataset or collate_fn has raised StopIteration") from error

    def _fetch(self, indices: Any) -> Any:
        if not self._batching:
            return self._collate(self._dataset[indices])
        if self.gather is not None:
            return self.gather(as_indices(indices))
        if self._items is not None:
            items = self._items(list(indices))
        else:
            dataset = self._dataset
            items = [dataset[index] for index in indices]
        return self._collate(items)


class StreamFetcher:
    """Batches of an `IterableDataset`.

    Parameters
    ----------
    dataset : IterableDataset
        Where the items come from.
    batch_size : int or None
        How many items make a batch; None for each item by itself.
    collate : callable
        What makes a batch of items.
    drop_last : bool
        Whether a last batch that is shorter is left out.
    """

    gather = None

    def __init__(
        self, dataset: Iterable[Any], batch_size: int | None, collate: Collate, drop_last: bool
    ) -> None:
        self._stream = iter(dataset)
        self._batch_size = batch_size
        self._collate = collate
        self._drop_last = drop_last
        self._ended = False

    def fetch(self, indices: Any = None) -> Any:
        """Return the next batch; `StopIteration` is raised at the end of the stream."""
        if self._ended:
            raise StopIteration
        count = 1 if self._batch_size is None else self._batch_size
        items = list(islice(self._stream, count))
        self._ended = len(items) < count
        if not items or (self._ended and self._drop_last):
            self._ended = True
            raise StopIteration
        try:
            return self._collate(items[0] if self._batch_size is None else items)
        except StopIteration as error:
            raise RuntimeError("collate_fn has raised StopIteration") from error
