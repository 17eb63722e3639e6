"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from candle_ffi import _ops
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.conv import ConvNd, Sizes
from candle_ffi.nn.native import factory
from candle_ffi.tensor import Tensor

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _ConvTranspose(ConvNd):
    """A transposed convolution."""

    transposed: ClassVar[bool] = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if padding_mode != "zeros":
            raise InvalidArgumentError(
                f"{name}: only the padding_mode 'zeros' is supported, not {padding_mode!r}",
                operation=name,
            )
        self._options(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode
        )
        self.output_padding = self._full(output_padding)
        self._initial(
            bool(bias), self.in_channels, self.out_channels, self.kernel_size, self.stride,
            self.padding, self.output_padding, self.groups, bool(bias), self.dilation,
            *factory(dtype, device),
        )  # fmt: skip

    def _missing(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """Return the output padding that gives this size."""
        name = type(self).__name__
        leading = input.ndim - self._spatial
        wanted = tuple(output_size)
        if len(wanted) == input.ndim:
            wanted = wanted[leading:]
        if len(wanted) != self._spatial:
            raise InvalidArgumentError(
                f"{name}: output_size must have {self._spatial} or {input.ndim} entries, and has "
                f"{len(output_size)}",
                operation=name,
            )
        padding: Any = self.padding
        least = tuple(
            (input.shape[leading + d] - 1) * self.stride[d] - 2 * padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1) + 1
            for d in range(self._spatial)
        )  # fmt: skip
        most = tuple(low + step - 1 for low, step in zip(least, self.stride, strict=True))
        if any(not a <= b <= c for a, b, c in zip(least, wanted, most, strict=True)):
            raise InvalidArgumentError(
                f"{name}: an output size of {wanted} is asked for, and those from {least} to "
                f"{most} are possible for an input of shape {tuple(input.shape)}",
                operation=name,
            )
        return tuple(b - a for a, b in zip(least, wanted, strict=True))

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the transposed convolution of ``[N, C, …]`` or ``[C, …]``.

        With `output_size` the result has these spatial sizes, where the stride allows them.
        """
        more = self.output_padding if output_size is None else self._missing(input, output_size)
        result: Tensor = type(self)._function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups,
            self.dilation,
        )  # fmt: skip
        return result


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution over one dimension: the way back from a convolution's shapes.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int
        Size of the kernel.
    stride : int, default 1
        Distance of the input's elements in the result.
    padding : int, default 0
        What is taken away at both ends of each dimension.
    output_padding : int, default 0
        What is added at the end of each dimension.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    dilation : int, default 1
        Distance of the kernel's elements.
    padding_mode : str, default "zeros"
        Only zeros.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[in_channels, out_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n``, where ``n`` is ``out_channels / groups`` times the size of the kernel.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, L]`` or ``[C, L]`` with these channels.

    Notes
    -----
    `torch.nn.ConvTranspose1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)(cf.zeros(1, 2, 8)).shape
    (1, 3, 16)
    """

    _spatial = 1
    _function = staticmethod(_ops.conv_transpose1d)
    _new = "py_conv_transpose1d_new"


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution over two dimensions: the way back from a convolution's shapes.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int or sequence of 2 int
        Size of the kernel.
    stride : int or sequence of 2 int, default 1
        Distance of the input's elements in the result.
    padding : int or sequence of 2 int, default 0
        What is taken away at both ends of each dimension.
    output_padding : int or sequence of 2 int, default 0
        What is added at the end of each dimension.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    dilation : int or sequence of 2 int, default 1
        Distance of the kernel's elements.
    padding_mode : str, default "zeros"
        Only zeros.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[in_channels, out_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n``, where ``n`` is ``out_channels / groups`` times the size of the kernel.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, H, W]`` or ``[C, H, W]`` with these channels.

    Notes
    -----
    `torch.nn.ConvTranspose2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(cf.zeros(2, 8, 14, 14)).shape
    (2, 3, 28, 28)
    """

    _spatial = 2
    _function = staticmethod(_ops.conv_transpose2d)
    _new = "py_conv_transpose2d_new"


class ConvTranspose3d(_ConvTranspose):
    """A transposed convolution over three dimensions: the way back from a convolution's shapes.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int or sequence of 3 int
        Size of the kernel.
    stride : int or sequence of 3 int, default 1
        Distance of the input's elements in the result.
    padding : int or sequence of 3 int, default 0
        What is taken away at both ends of each dimension.
    output_padding : int or sequence of 3 int, default 0
        What is added at the end of each dimension.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    dilation : int or sequence of 3 int, default 1
        Distance of the kernel's elements.
    padding_mode : str, default "zeros"
        Only zeros.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[in_channels, out_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n``, where ``n`` is ``out_channels / groups`` times the size of the kernel.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, D, H, W]`` or ``[C, D, H, W]`` with these channels.

    Notes
    -----
    `torch.nn.ConvTranspose3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConvTranspose3d(2, 4, 2, stride=2)(cf.zeros(1, 2, 2, 3, 4)).shape
    (1, 4, 4, 6, 8)
    """

    _spatial = 3
    _function = staticmethod(_ops.conv_transpose3d)
    _new = "py_conv_transpose3d_new"
