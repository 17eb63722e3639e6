"""Random changes that leave what an image shows as it is: the network sees more than there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from candle_ffi._ops import where
from candle_ffi.creation import tensor
from candle_ffi.device import CPU
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.random import Generator
from candle_ffi.sampling import rand, randn
from candle_ffi.tensor import Tensor
from candle_ffi.transforms.compose import as_batch, pair

__all__ = ["RandomCrop", "RandomErasing", "RandomHorizontalFlip"]

Numbers = np.ndarray[Any, np.dtype[np.float32]]
Integers = np.ndarray[Any, np.dtype[np.int64]]


class _Random:
    """What the random transforms share: the source of their numbers, and batches.

    Parameters
    ----------
    generator : Generator, optional
        The source; the default one when not given.
    """

    def __init__(self, generator: Generator | None) -> None:
        self.generator = generator

    def __call__(self, img: Tensor) -> Tensor:
        """Change an image, or each image of a batch by itself."""
        changed = self._change(as_batch(img, type(self).__name__))
        return changed if img.ndim == 4 else changed[0]

    def _change(self, batch: Tensor) -> Tensor:
        """Return ``[n, c, h, w]`` for images of this shape."""
        raise NotImplementedError

    def _draw(self, *size: int) -> Numbers:
        """Return random numbers from 0 to below 1."""
        return rand(*size, generator=self.generator, device=CPU).numpy()

    def _below(self, bound: Any, count: int) -> Integers:
        """Return random whole numbers from 0 to below a bound."""
        drawn = (self._draw(count) * bound).astype(np.int64)
        below: Integers = np.minimum(drawn, np.asarray(bound) - 1)  # rounding can reach the bound
        return below


def _probability(p: float, transform: str) -> float:
    if not 0 <= p <= 1:
        raise InvalidArgumentError(f"{transform}: a probability is between 0 and 1, not {p}")
    return float(p)


class RandomHorizontalFlip(_Random):
    """Images turned left to right with a probability.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        The probability is not between 0 and 1.

    Notes
    -----
    `torchvision.transforms.RandomHorizontalFlip`; here each image of a batch is decided by itself.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import RandomHorizontalFlip
    >>> RandomHorizontalFlip(p=1)(cf.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 2., 1.]]])
    """

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(generator)
        self.p = _probability(p, "RandomHorizontalFlip")

    def _change(self, batch: Tensor) -> Tensor:
        turned = tensor(self._draw(len(batch)) < self.p, device=batch.device)
        return where(turned.reshape(-1, 1, 1, 1), batch.flip(-1), batch)

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomCrop(_Random):
    """A part of each image, at a random place.

    Parameters
    ----------
    size : int or sequence of int
        Height and width of the part, or one number for both.
    padding : int, default 0
        How many pixels are added at each side before.
    fill : float, default 0
        The value of these pixels.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        The size is not positive, or the padding is negative.
    ShapeError
        The padded images are smaller than the part.

    Notes
    -----
    `torchvision.transforms.RandomCrop`; here each image of a batch has a place of its own.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import RandomCrop
    >>> RandomCrop(28, padding=2)(cf.ones(64, 1, 28, 28)).shape
    (64, 1, 28, 28)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int = 0,
        fill: float = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.size = pair(size, "RandomCrop")
        if not isinstance(padding, int) or padding < 0:
            raise InvalidArgumentError(f"RandomCrop: padding is a number of pixels, not {padding}")
        self.padding = padding
        self.fill = fill

    def _change(self, batch: Tensor) -> Tensor:
        count, channels, *_ = batch.shape
        height, width = self.size
        if self.padding:
            batch = F.pad(batch, (self.padding,) * 4, value=self.fill)
        down, across = (
            int(old) - new + 1 for old, new in zip(batch.shape[2:], self.size, strict=True)
        )
        if down < 1 or across < 1:
            raise ShapeError(
                f"RandomCrop: no part of {height} x {width} in images of "
                f"{batch.shape[2]} x {batch.shape[3]}, padding included",
                operation="RandomCrop",
                shapes=[tuple(batch.shape)],
            )
        rows = self._below(down, count)[:, None] + np.arange(height)
        columns = self._below(across, count)[:, None] + np.arange(width)
        pixels = (rows * batch.shape[3])[:, :, None] + columns[:, None, :]
        index = tensor(pixels.reshape(count, 1, height * width), device=batch.device)
        found = batch.flatten(2).gather(2, index.expand(count, channels, -1))
        return found.reshape(count, channels, height, width)

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomErasing(_Random):
    """A random rectangle of each image painted over, with a probability.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    scale : sequence of float, default (0.02, 0.33)
        The least and the largest share of the image.
    ratio : sequence of float, default (0.3, 3.3)
        The least and the largest proportion of height to width.
    value : float or "random", default 0
        What is painted: a number, or normally distributed noise.
    generator : Generator, optional
        The source of random numbers; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        A probability, share or proportion is out of range.

    Notes
    -----
    `torchvision.transforms.RandomErasing` (Zhong, 2017); here each image of a batch has a rectangle
    of its own.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import RandomErasing
    >>> 0 < RandomErasing(p=1)(cf.ones(1, 28, 28)).mean().item() < 1
    True
    """

    #: How often a rectangle is looked for that fits into the image.
    tries = 10

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Literal["random"] = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.p = _probability(p, "RandomErasing")
        if len(scale) != 2 or not 0 <= scale[0] <= scale[1] <= 1:
            raise InvalidArgumentError(f"RandomErasing: shares between 0 and 1, not {scale}")
        if len(ratio) != 2 or not 0 < ratio[0] <= ratio[1]:
            raise InvalidArgumentError(f"RandomErasing: positive proportions, not {ratio}")
        if isinstance(value, str) and value != "random":
            raise InvalidArgumentError(f"RandomErasing: a number or 'random', not {value!r}")
        self.scale, self.ratio, self.value = tuple(scale), tuple(ratio), value

    def _change(self, batch: Tensor) -> Tensor:
        count, _, height, width = batch.shape
        shares = self.scale[0] + self._draw(self.tries, count) * (self.scale[1] - self.scale[0])
        low, high = (math.log(bound) for bound in self.ratio)
        proportions = np.exp(low + self._draw(self.tries, count) * (high - low))
        tall = np.rint(np.sqrt(shares * height * width * proportions)).astype(np.int64)
        wide = np.rint(np.sqrt(shares * height * width / proportions)).astype(np.int64)
        fits = (tall < height) & (wide < width)
        first = fits.argmax(0), np.arange(count)  # the first try that fits
        tall, wide = tall[first], wide[first]
        erased = (self._draw(count) < self.p) & fits[first]
        top, left = self._below(height - tall + 1, count), self._below(width - wide + 1, count)
        rows = np.arange(height) - top[:, None]
        columns = np.arange(width) - left[:, None]
        inside = ((rows >= 0) & (rows < tall[:, None]))[:, :, None]
        inside = inside & ((columns >= 0) & (columns < wide[:, None]))[:, None, :]
        inside &= erased[:, None, None]
        if self.value == "random":
            paint = randn(*batch.shape, generator=self.generator, device=batch.device).to(batch)
        else:
            paint = tensor(self.value, dtype=batch.dtype, device=batch.device)
        return where(tensor(inside[:, None], device=batch.device), paint, batch)

    def __repr__(self) -> str:
        return f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio})"
