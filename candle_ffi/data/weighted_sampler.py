"""Indices drawn with given probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from candle_ffi.data.sampler import Sampler, check_count
from candle_ffi.device import CPU
from candle_ffi.dtype import float64
from candle_ffi.random import Generator
from candle_ffi.sampling import rand

__all__ = ["WeightedRandomSampler"]


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with given probabilities.

    Parameters
    ----------
    weights : sequence of float
        ``[n]``, how probable each index is; the sum need not be 1.
    num_samples : int
        How many are drawn.
    replacement : bool, default True
        Whether an index may come again.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Raises
    ------
    ValueError
        `num_samples` is not positive, `replacement` is no bool; the weights have not one dimension,
        are negative, not finite or all zero; or without replacement fewer than `num_samples` are
        above zero.

    Notes
    -----
    `torch.utils.data.WeightedRandomSampler`. Without replacement the numbers are drawn as by
    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).

    Examples
    --------
    >>> import candle_ffi as cf
    >>> list(cf.data.WeightedRandomSampler([0.0, 0.0, 3.0], 4))
    [2, 2, 2, 2]
    """

    weights: np.ndarray[Any, np.dtype[np.float64]]
    num_samples: int
    replacement: bool
    generator: Generator | None

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        check_count("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {self.weights.shape}"
            )
        if not np.isfinite(self.weights).all() or (self.weights < 0).any():
            raise ValueError("weights should be finite and not negative")
        possible = int(np.count_nonzero(self.weights))
        if possible < (1 if replacement else num_samples):
            raise ValueError(
                f"weights has {possible} entries above zero, too few to draw {num_samples} samples "
                f"with{'' if replacement else 'out'} replacement"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        if self.replacement:
            ends = np.cumsum(self.weights)
            places = self._uniform(self.num_samples) * ends[-1]
            drawn = np.searchsorted(ends, places, side="right")
            # Rounding may reach the end of the last interval.
            drawn = np.minimum(drawn, np.flatnonzero(self.weights)[-1])
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                waiting = -np.log1p(-self._uniform(self.weights.size)) / self.weights
            waiting[self.weights == 0] = np.inf
            drawn = np.argsort(waiting, kind="stable")[: self.num_samples]
        return iter(drawn.tolist())

    def _uniform(self, count: int) -> Any:
        return rand(count, generator=self.generator, dtype=float64, device=CPU).to_numpy()

    def __len__(self) -> int:
        return self.num_samples
