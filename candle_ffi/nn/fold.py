"""Patches of images as columns, and channels rearranged with space."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi._ops import unflatten
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.nn.pooling import Sizes
from candle_ffi.tensor import Tensor

__all__ = ["ChannelShuffle", "Fold", "PixelShuffle", "PixelUnshuffle", "Unflatten", "Unfold"]


class Unfold(Module):
    """Patches of images as columns, as a convolution sees them.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a patch.
    dilation : int or tuple of int, default 1
        Distance between them.
    padding : int or tuple of int, default 0
        Zeros around the image.
    stride : int or tuple of int, default 1
        Distance between patches.

    Raises
    ------
    ShapeError
        The input is not ``[N, C, H, W]`` or ``[C, H, W]``, or is smaller than a patch.

    Notes
    -----
    `torch.nn.Unfold`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Unfold(2)(cf.zeros(1, 3, 4, 5)).shape
    (1, 12, 12)
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[N, C · kernel height · kernel width, patches]``."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Images of the sums of overlapping patches: the transpose of `Unfold`.

    Parameters
    ----------
    output_size : int or tuple of int
        Height and width of the images.
    kernel_size : int or tuple of int
        Elements of a patch.
    dilation : int or tuple of int, default 1
        Distance between them.
    padding : int or tuple of int, default 0
        Zeros around the image.
    stride : int or tuple of int, default 1
        Distance between patches.

    Raises
    ------
    ShapeError
        The input is not that of columns of such images.

    Notes
    -----
    `torch.nn.Fold`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Fold((4, 5), 2)(cf.zeros(1, 12, 12)).shape
    (1, 3, 4, 5)
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[N, C, height, width]``."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class PixelShuffle(Module):
    """Channels made space: ``[…, C · r², H, W]`` becomes ``[…, C, H · r, W · r]``.

    Parameters
    ----------
    upscale_factor : int
        ``r``.

    Raises
    ------
    ShapeError
        ``r²`` does not divide the channels.

    Notes
    -----
    `torch.nn.PixelShuffle`. Source: Shi et al., 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.PixelShuffle(2)(cf.zeros(1, 8, 3, 3)).shape
    (1, 2, 6, 6)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the rearranged tensor."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Space made channels: ``[…, C, H · r, W · r]`` becomes ``[…, C · r², H, W]``.

    Parameters
    ----------
    downscale_factor : int
        ``r``.

    Raises
    ------
    ShapeError
        ``r`` does not divide height and width.

    Notes
    -----
    `torch.nn.PixelUnshuffle`. Source: Shi et al., 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.PixelUnshuffle(2)(cf.zeros(1, 2, 6, 6)).shape
    (1, 8, 3, 3)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the rearranged tensor."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out to groups.

    Parameters
    ----------
    groups : int
        The number of groups, which divides that of the channels.

    Raises
    ------
    ShapeError
        It does not.

    Notes
    -----
    `torch.nn.ChannelShuffle`. Source: Zhang et al., "ShuffleNet", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ChannelShuffle(2)(cf.arange(4).reshape(1, 4, 1)).flatten()
    tensor([0, 2, 1, 3])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Return the rearranged tensor."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"groups={self.groups}"


class Unflatten(Module):
    """A dimension split into several.

    Parameters
    ----------
    dim : int
        The dimension.
    unflattened_size : sequence of int
        The sizes that it is split into; one may be -1.

    Raises
    ------
    ShapeError
        They do not multiply up to the size of the dimension.

    Notes
    -----
    `torch.nn.Unflatten`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Unflatten(1, (2, -1))(cf.zeros(5, 8)).shape
    (5, 2, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"Unflatten: dim must be an integer, not {type(dim).__name__}")
        if not isinstance(unflattened_size, Sequence) or isinstance(unflattened_size, str):
            kind = type(unflattened_size).__name__
            raise TypeError(f"Unflatten: unflattened_size must be a sequence of int, not {kind}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the tensor with that dimension split."""
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
