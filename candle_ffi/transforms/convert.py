"""From pictures to tensors, and from bytes to the numbers that a network wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi import interop
from candle_ffi._handles import float_tuple
from candle_ffi.creation import tensor
from candle_ffi.dtype import DType
from candle_ffi.errors import DTypeError, InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor
from candle_ffi.transforms.compose import as_batch

__all__ = ["ConvertImageDtype", "Normalize", "ToTensor"]

#: Modes of Pillow's images whose pixels are bytes.
MODES = ("L", "LA", "RGB", "RGBA")


class ToTensor:
    """A picture of Pillow or NumPy as a tensor ``[c, h, w]``, with bytes scaled to 0 … 1.

    Raises
    ------
    TypeError
        It is neither a picture nor an array.
    ShapeError
        An array that is neither ``[h, w]`` nor ``[h, w, c]``.
    InvalidArgumentError
        A picture whose pixels are not bytes, such as one with a palette.

    Notes
    -----
    `torchvision.transforms.ToTensor`. Arrays of other dtypes than uint8 keep their values.

    Examples
    --------
    >>> import numpy as np
    >>> from candle_ffi.transforms import ToTensor
    >>> ToTensor()(np.full((2, 3, 1), 255, np.uint8))
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """

    def __call__(self, pic: Any) -> Tensor:
        """Convert a picture."""
        if not isinstance(pic, np.ndarray):
            mode = getattr(pic, "mode", None)
            if mode is None or not hasattr(pic, "__array_interface__"):
                raise TypeError(
                    f"ToTensor: expected a picture of Pillow or an array, not {type(pic).__name__}"
                )
            if mode not in MODES:
                raise InvalidArgumentError(
                    f"ToTensor: a picture of mode {mode!r}; call convert('RGB') or convert('L')"
                )
            pic = np.asarray(pic)
        if pic.ndim not in (2, 3):
            raise ShapeError(
                f"ToTensor: expected an array [h, w] or [h, w, c], not shape {list(pic.shape)}",
                operation="ToTensor",
                shapes=[pic.shape],
            )
        channels = pic[None] if pic.ndim == 2 else pic.transpose(2, 0, 1)
        image = interop.from_array(np.ascontiguousarray(channels))
        return image.float() / 255 if image.dtype == dtypes.uint8 else image

    def __repr__(self) -> str:
        return "ToTensor()"


class ConvertImageDtype:
    """Images in another dtype: whole numbers span their range, floating-point numbers 0 … 1.

    Parameters
    ----------
    dtype : DType, default float32
        `uint8` or one of the floating-point dtypes.

    Raises
    ------
    DTypeError
        The images or the dtype are neither.

    Notes
    -----
    `torchvision.transforms.ConvertImageDtype`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import ConvertImageDtype
    >>> ConvertImageDtype(cf.float32)(cf.tensor([0, 51, 255], dtype=cf.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """

    def __init__(self, dtype: DType = dtypes.float32) -> None:
        self.dtype = dtype
        self._check(dtype)

    def __call__(self, image: Tensor) -> Tensor:
        """Convert images of any shape."""
        self._check(image.dtype)
        if image.dtype.is_floating_point == self.dtype.is_floating_point:
            return image.to(self.dtype)
        # torchvision's way back: 1.0 becomes 255, and each byte has an equal part of the range.
        result: Tensor = (
            image.to(self.dtype) / 255
            if self.dtype.is_floating_point
            else (image * (256 - 1e-3)).to(self.dtype)
        )
        return result

    def _check(self, dtype: DType) -> None:
        if not (dtype.is_floating_point or dtype == dtypes.uint8):
            raise DTypeError(
                f"ConvertImageDtype: images are of uint8 or floating-point dtypes, not {dtype}",
                operation="ConvertImageDtype",
                dtypes=[dtype.name],
            )

    def __repr__(self) -> str:
        return f"ConvertImageDtype({self.dtype})"


class Normalize:
    """``(image - mean) / std``, channel by channel.

    Parameters
    ----------
    mean, std : float or sequence of float
        One number for each channel, or one for all.

    Raises
    ------
    InvalidArgumentError
        A standard deviation is 0, or there are not as many of them as means.
    DTypeError
        The image is not of a floating-point dtype.
    ShapeError
        The image has another number of channels.

    Notes
    -----
    `torchvision.transforms.Normalize`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.transforms import Normalize
    >>> Normalize([0.5], [0.25])(cf.tensor([[[0.5, 1.0]]]))
    tensor([[[0., 2.]]])
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean = [float(number) for number in float_tuple(mean)]
        self.std = [float(number) for number in float_tuple(std)]
        if len(self.mean) != len(self.std) or not self.mean or 0 in self.std:
            raise InvalidArgumentError(
                f"Normalize: as many means as standard deviations other than 0, "
                f"not {self.mean} and {self.std}"
            )

    def __call__(self, image: Tensor) -> Tensor:
        """Normalize an image or a batch."""
        channels = as_batch(image, "Normalize").shape[1]
        if not image.dtype.is_floating_point:
            raise DTypeError(
                f"Normalize: expected floating-point numbers, not {image.dtype}; "
                "ConvertImageDtype or ToTensor comes first",
                operation="Normalize",
                dtypes=[image.dtype.name],
            )
        if len(self.mean) not in (1, channels):
            raise ShapeError(
                f"Normalize: {len(self.mean)} means for images of {channels} channels",
                operation="Normalize",
                shapes=[tuple(image.shape)],
            )
        mean, std = (
            tensor(values, dtype=image.dtype, device=image.device).reshape(-1, 1, 1)
            for values in (self.mean, self.std)
        )
        normal: Tensor = (image - mean) / std
        return normal

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"
