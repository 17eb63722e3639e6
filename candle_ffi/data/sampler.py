"""In which order a loader takes the items of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from candle_ffi.device import CPU
from candle_ffi.random import Generator
from candle_ffi.sampling import randint, randperm

__all__ = ["RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler"]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base of the samplers; a subclass defines `__iter__`, and `__len__` where it can.

    It yields indices of items, or lists of them where it serves as a loader's `batch_sampler`.

    Notes
    -----
    `torch.utils.data.Sampler`

    Samplers of this package draw all the random numbers of an epoch in its beginning, so that the
    order depends on the generator's state alone.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Backwards(cf.data.Sampler):
    ...     def __iter__(self):
    ...         return iter([2, 1, 0])
    >>> next(iter(cf.data.DataLoader([5, 6, 7], batch_size=3, sampler=Backwards())))
    tensor([7, 6, 5])
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")


class SequentialSampler(Sampler[int]):
    """All indices from the first to the last.

    Parameters
    ----------
    data_source : sized
        The dataset.

    Notes
    -----
    `torch.utils.data.SequentialSampler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> list(cf.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The indices in random order.

    Parameters
    ----------
    data_source : sized
        The dataset.
    replacement : bool, default False
        Whether an index may come again before all have come.
    num_samples : int, optional
        How many are drawn; as many as there are items when not given. Without replacement, more
        than that begin a new order.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Raises
    ------
    TypeError
        `replacement` is no bool.
    ValueError
        `num_samples` is not positive, or the dataset is empty.

    Notes
    -----
    `torch.utils.data.RandomSampler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> sorted(cf.data.RandomSampler("abc"))
    [0, 1, 2]
    """

    data_source: Sized
    replacement: bool
    generator: Generator | None

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        check_count("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, count = len(self.data_source), self.num_samples
        if self.replacement:
            drawn = randint(0, size, (count,), generator=self.generator, device=CPU).to_numpy()
        else:
            orders = [
                randperm(size, generator=self.generator, device=CPU).to_numpy()
                for _ in range(-(-count // size))
            ]
            drawn = np.concatenate(orders)[:count]
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Given indices in random order.

    Parameters
    ----------
    indices : sequence of int
        The indices.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Notes
    -----
    `torch.utils.data.SubsetRandomSampler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> sorted(cf.data.SubsetRandomSampler([4, 2]))
    [2, 4]
    """

    indices: Sequence[int]
    generator: Generator | None

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = randperm(len(self.indices), generator=self.generator, device=CPU).tolist()
        return iter([self.indices[place] for place in order])

    def __len__(self) -> int:
        return len(self.indices)


def check_count(name: str, value: Any) -> None:
    """Refuse what is no positive integer, in PyTorch's words."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
