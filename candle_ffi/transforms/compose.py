"""Transforms one after the other, and what all of them ask of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any

from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor

__all__ = ["Compose", "as_batch", "pair"]


class Compose:
    """Several transforms, each given what the one before it returned.

    Parameters
    ----------
    transforms : sequence of callable
        Transforms, or functions of one image.

    Raises
    ------
    TypeError
        One of them cannot be called.

    Notes
    -----
    `torchvision.transforms.Compose`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import CenterCrop, Compose, Normalize
    >>> Compose([CenterCrop(2), Normalize([0.5], [0.5])])(cf.ones(1, 4, 4))
    tensor([[[1., 1.],
             [1., 1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)
        for transform in self.transforms:
            if not callable(transform):
                raise TypeError(f"Compose: {transform!r} cannot be called with an image")

    def __call__(self, img: Any) -> Any:
        """Apply them in order."""
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {t!r}" for t in self.transforms), ")"])


def as_batch(image: Any, transform: str) -> Tensor:
    """Return an image ``[c, h, w]`` as a batch of one, and a batch ``[n, c, h, w]`` as it is.

    Parameters
    ----------
    image : Tensor
        The image or images.
    transform : str
        Who asks, for the message.

    Returns
    -------
    Tensor
        ``[n, c, h, w]``.

    Raises
    ------
    TypeError
        It is no tensor.
    ShapeError
        It has another number of dimensions.
    """
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{transform}: expected a tensor, not {type(image).__name__}; ToTensor makes one"
        )
    if image.ndim not in (3, 4):
        raise ShapeError(
            f"{transform}: expected an image [c, h, w] or images [n, c, h, w], "
            f"not shape {list(image.shape)}",
            operation=transform,
            shapes=[tuple(image.shape)],
        )
    return image if image.ndim == 4 else image.unsqueeze(0)


def pair(size: int | Sequence[int], transform: str) -> tuple[int, int]:
    """Return a height and a width from one number for both, or from two.

    Parameters
    ----------
    size : int or sequence of int
        The numbers.
    transform : str
        Who asks, for the message.

    Returns
    -------
    tuple of int
        Height and width.

    Raises
    ------
    InvalidArgumentError
        There are more than two numbers, or one is no whole number above 0.
    """
    sizes: list[Any] = list(size) if isinstance(size, Iterable) else [size]
    whole = all(isinstance(number, Integral) and int(number) > 0 for number in sizes)
    if len(sizes) not in (1, 2) or not whole:
        raise InvalidArgumentError(
            f"{transform}: a size is a positive number, or height and width, not {size!r}"
        )
    return sizes[0], sizes[-1]
