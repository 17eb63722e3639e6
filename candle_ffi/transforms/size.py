"""Images of another size, and parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from candle_ffi.creation import tensor
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.tensor import Tensor
from candle_ffi.transforms.compose import as_batch, pair

__all__ = ["CenterCrop", "Resize"]


class Resize:
    """Images in another size: linear between pixels, and averaged where they become smaller.

    Parameters
    ----------
    size : int or sequence of int
        Height and width; one number is the length of the shorter edge, and the image keeps its
        proportions.

    Raises
    ------
    InvalidArgumentError
        The size is not positive.

    Notes
    -----
    `torchvision.transforms.Resize` with bilinear interpolation and antialiasing. A picture of
    Pillow stays one, and Pillow resizes it; tensors give the same numbers, but that bytes are
    rounded once and not twice.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import Resize
    >>> Resize(32)(cf.zeros(3, 100, 50)).shape
    (3, 64, 32)
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size
        self._height, self._width = pair(size, "Resize")
        self._short = isinstance(size, int) or len(size) == 1

    def __call__(self, img: Any) -> Any:
        """Resize a picture of Pillow, an image or a batch."""
        if hasattr(img, "resize") and hasattr(img, "mode"):
            from PIL.Image import Resampling

            width, height = img.size
            height, width = self._target(height, width)
            return img.resize((width, height), Resampling.BILINEAR)
        as_batch(img, "Resize")
        height, width = img.shape[-2:]
        new_height, new_width = self._target(height, width)
        numbers = img if img.dtype.is_floating_point else img.float()
        down = _weights(height, new_height, numbers)
        across = _weights(width, new_width, numbers)
        if across is not None:
            numbers = numbers @ across.mT
        if down is not None:
            numbers = down @ numbers
        return numbers if img.dtype.is_floating_point else numbers.round().to(img.dtype)

    def _target(self, height: int, width: int) -> tuple[int, int]:
        """Return the new height and width."""
        if not self._short:
            return self._height, self._width
        if height <= width:
            return self._height, max(1, int(self._height * width / height))
        return max(1, int(self._height * height / width)), self._height

    def __repr__(self) -> str:
        return f"Resize(size={self.size})"


def _weights(size: int, new_size: int, like: Tensor) -> Tensor | None:
    """Return ``[new_size, size]``: the share of each old pixel in each new one; None where equal.

    A triangle around the place of the new pixel, as wide as the old or the new pixels, whichever
    are larger.
    """
    if size == new_size:
        return None
    scale = size / new_size
    places = (np.arange(new_size)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(size) + 0.5 - places) / max(scale, 1.0)
    triangle = np.maximum(0.0, 1.0 - distance)
    triangle /= triangle.sum(1, keepdims=True)
    return tensor(triangle.astype(np.float32), dtype=like.dtype, device=like.device)


class CenterCrop:
    """The middle of an image; an image that is smaller is padded with 0.

    Parameters
    ----------
    size : int or sequence of int
        Height and width, or one number for both.

    Raises
    ------
    InvalidArgumentError
        The size is not positive.

    Notes
    -----
    `torchvision.transforms.CenterCrop`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import CenterCrop
    >>> CenterCrop(2)(cf.arange(16.0).reshape(1, 4, 4))
    tensor([[[ 5.,  6.],
             [ 9., 10.]]])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair(size, "CenterCrop")

    def __call__(self, img: Any) -> Any:
        """Crop a picture of Pillow, an image or a batch."""
        height, width = self.size
        if hasattr(img, "crop") and hasattr(img, "mode"):
            left, top = self._start(img.size[0], width), self._start(img.size[1], height)
            return img.crop((left, top, left + width, top + height))
        as_batch(img, "CenterCrop")
        missing = [max(0, s - old) for s, old in zip(self.size, img.shape[-2:], strict=True)]
        if any(missing):
            down, across = missing
            sides = (across // 2, (across + 1) // 2, down // 2, (down + 1) // 2)
            img = F.pad(img, sides)
        top, left = (self._start(*s) for s in zip(img.shape[-2:], self.size, strict=True))
        return img[..., top : top + height, left : left + width]

    @staticmethod
    def _start(old: int, new: int) -> int:
        """Return where the middle begins, as torchvision rounds it; negative where it is padded."""
        return round((old - new) / 2) if old >= new else -((new - old) // 2)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"
