"""Parts of a dataset."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from candle_ffi.data.dataset import Dataset
from candle_ffi.data.fetch import as_indices, batched
from candle_ffi.device import CPU
from candle_ffi.errors import CandleIndexError
from candle_ffi.random import Generator
from candle_ffi.sampling import randperm

__all__ = ["Subset", "random_split"]


class Subset(Dataset[Any]):
    """The items of a dataset that have certain indices, in that order.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    indices : sequence of int
        Which items.

    Attributes
    ----------
    dataset : Dataset
        The whole.
    indices : sequence of int
        Which items.

    Notes
    -----
    `torch.utils.data.Subset`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> part = cf.data.Subset("abcd", [3, 0])
    >>> len(part), part[0]
    (2, 'd')
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[place] for place in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the items of these indices."""
        chosen = [self.indices[place] for place in indices]
        whole = batched(self.dataset, "__getitems__")
        return [self.dataset[place] for place in chosen] if whole is None else list(whole(chosen))

    @property
    def gather(self) -> Callable[[Any], Any] | None:
        """The function that returns a whole batch, where the dataset has one."""
        whole = batched(self.dataset, "gather")
        if whole is None:
            return None

        places = as_indices(self.indices)

        def gather(indices: Any) -> Any:
            try:
                return whole(places[as_indices(indices)])
            except IndexError as error:
                raise CandleIndexError(f"Subset: {error}") from None

        return gather


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Split a dataset at random into parts that have nothing in common.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    lengths : sequence of int or float
        The sizes of the parts; or fractions whose sum is 1: each is rounded down, and the items
        that remain go to the first parts, one each.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Returns
    -------
    list of Subset
        The parts.

    Raises
    ------
    ValueError
        The sum of the lengths is not that of the dataset, or a fraction is not from 0 to 1.

    Notes
    -----
    `torch.utils.data.random_split`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> train, test = cf.data.random_split(range(10), [0.8, 0.2])
    >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
    (8, 2, True)
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for number, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {number} is not between 0 and 1")
        sizes = [math.floor(total * fraction) for fraction in lengths]
        for number in range(total - sum(sizes)):
            sizes[number % len(sizes)] += 1
        for number, size in enumerate(sizes):
            if size == 0:
                warnings.warn(
                    f"Length of split at index {number} is 0. "
                    "This might result in an empty dataset.",
                    stacklevel=2,
                )
    else:
        if sum(lengths) != total:
            raise ValueError(
                "Sum of input lengths does not equal the length of the input dataset! "
                f"{' + '.join(map(str, lengths))} is not {total}"
            )
        sizes = [int(length) for length in lengths]
        if min(sizes, default=0) < 0:
            raise ValueError(f"random_split: a length is negative: {min(sizes)}")
    order = randperm(total, generator=generator, device=CPU).tolist()
    return [
        Subset(dataset, order[end - size : end])
        for end, size in zip(accumulate(sizes), sizes, strict=True)
    ]
