"""Indices in groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from candle_ffi.data.sampler import Sampler, check_count

__all__ = ["BatchSampler"]


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler in lists of one size.

    Parameters
    ----------
    sampler : Sampler or iterable of int
        Where the indices come from.
    batch_size : int
        How many go into a list.
    drop_last : bool
        Whether a last list that is shorter is left out.

    Raises
    ------
    ValueError
        `batch_size` is not positive, or `drop_last` is no bool.

    Notes
    -----
    `torch.utils.data.BatchSampler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> list(cf.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    sampler: Iterable[int]
    batch_size: int
    drop_last: bool

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        check_count("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        sampler: Any = self.sampler
        count = len(sampler)
        return int(count // self.batch_size if self.drop_last else -(-count // self.batch_size))
