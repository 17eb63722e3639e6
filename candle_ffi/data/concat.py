"""Datasets one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import index as as_index
from typing import Any

from candle_ffi.data.dataset import Dataset, IterableDataset, is_stream
from candle_ffi.errors import CandleIndexError, InvalidArgumentError

__all__ = ["ChainDataset", "ConcatDataset"]


class ConcatDataset(Dataset[Any]):
    """The items of several datasets, one dataset after the other.

    Parameters
    ----------
    datasets : iterable of Dataset
        At least one, each with a length.

    Attributes
    ----------
    datasets : list of Dataset
        The datasets.
    cumulative_sizes : list of int
        Where each dataset ends.

    Raises
    ------
    InvalidArgumentError
        There is no dataset, or one is an `IterableDataset`.

    Notes
    -----
    `torch.utils.data.ConcatDataset`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> both = cf.data.ConcatDataset([[1, 2], [3]])
    >>> len(both), both[2]
    (3, 3)
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise InvalidArgumentError("ConcatDataset: datasets must not be empty")
        if any(is_stream(dataset) for dataset in self.datasets):
            raise InvalidArgumentError(
                "ConcatDataset: an IterableDataset has no indices; use ChainDataset"
            )
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> Any:
        length, place = len(self), as_index(index)
        if not -length <= place < length:
            raise CandleIndexError(
                f"ConcatDataset: index {place} is out of range for {length} items"
            )
        place %= length
        number = bisect_right(self.cumulative_sizes, place)
        start = self.cumulative_sizes[number - 1] if number else 0
        return self.datasets[number][place - start]


class ChainDataset(IterableDataset[Any]):
    """Several streams, one after the other.

    Parameters
    ----------
    datasets : iterable of IterableDataset
        The streams.

    Raises
    ------
    InvalidArgumentError
        While iterating: a dataset is no `IterableDataset`.

    Notes
    -----
    `torch.utils.data.ChainDataset`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Letters(cf.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter("ab")
    >>> list(Letters() + Letters())
    ['a', 'b', 'a', 'b']
    """

    datasets: Iterable[Any]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not is_stream(dataset):
                raise InvalidArgumentError(
                    f"ChainDataset: {type(dataset).__name__} is no IterableDataset"
                )
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._streams():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._streams())
