"""Convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from candle_ffi import _ops
from candle_ffi._handles import int_tuple, padding_sizes
from candle_ffi._lib import lib
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.functional import pad
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

Sizes = int | Sequence[int]

_MODES = {
    "zeros": lib.CANDLE_PADDING_MODE_ZEROS,
    "reflect": lib.CANDLE_PADDING_MODE_REFLECT,
    "replicate": lib.CANDLE_PADDING_MODE_REPLICATE,
    "circular": lib.CANDLE_PADDING_MODE_CIRCULAR,
}


class ConvNd(Module):
    """What all of them have: options for each spatial dimension, weight and bias."""

    weight: Parameter
    bias: Parameter | None
    padding: str | tuple[int, ...]

    #: The number of spatial dimensions, the function, and what makes the initial weights.
    _spatial: ClassVar[int]
    _function: ClassVar[Any]
    _new: ClassVar[str]

    transposed: ClassVar[bool] = False

    def _options(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: str | Sizes,
        dilation: Sizes,
        groups: int,
        padding_mode: str,
    ) -> None:
        """Keep the options, each size once for every dimension; the library checks them."""
        name = type(self).__name__
        self.in_channels = size(in_channels, name, "in_channels")
        self.out_channels = size(out_channels, name, "out_channels")
        self.kernel_size = self._full(kernel_size)
        self.stride = self._full(stride)
        self.padding = padding if isinstance(padding, str) else self._full(padding)
        self.dilation = self._full(dilation)
        self.output_padding = (0,) * self._spatial
        self.groups = size(groups, name, "groups")
        self.padding_mode = padding_mode

    def _full(self, value: Sizes) -> tuple[int, ...]:
        """Return an option for each spatial dimension."""
        sizes = int_tuple(value)
        return sizes * self._spatial if len(sizes) == 1 else sizes

    def _initial(self, bias: bool, *arguments: Any) -> None:
        """Make weight and bias."""
        lists = [
            part
            for argument in arguments
            for part in ((argument, len(argument)) if isinstance(argument, tuple) else (argument,))
        ]
        weights = initial(("weight", "bias") if bias else ("weight",), self._new, *lists, None)
        self.register_parameter("weight", weights["weight"])
        self.register_parameter("bias", weights.get("bias"))

    def extra_repr(self) -> str:
        """Return the options that are not the usual ones."""
        zeros, ones = (0,) * self._spatial, (1,) * self._spatial
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != zeros:
            text += f", padding={self.padding}"
        if self.dilation != ones:
            text += f", dilation={self.dilation}"
        if self.output_padding != zeros:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(ConvNd):
    """A convolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if padding_mode not in _MODES:
            raise InvalidArgumentError(
                f"{name}: padding_mode must be one of {list(_MODES)}, not {padding_mode!r}",
                operation=name,
            )
        crossing = padding_sizes(padding, name)
        self._options(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode
        )
        self._initial(
            bool(bias), self.in_channels, self.out_channels, self.kernel_size, self.stride,
            crossing, self.dilation, self.groups, bool(bias), _MODES[padding_mode],
            *factory(dtype, device),
        )  # fmt: skip
        self._before = () if padding_mode == "zeros" else self._ends()

    def _ends(self) -> tuple[int, ...]:
        """Return what is padded before and after, last dimension first."""
        ends: list[int] = []
        for d in reversed(range(self._spatial)):
            if self.padding == "same":
                total = self.dilation[d] * (self.kernel_size[d] - 1)
                ends += [total // 2, total - total // 2]
            elif self.padding == "valid":
                ends += [0, 0]
            else:
                ends += [int(self.padding[d])] * 2
        return tuple(ends)

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of ``[N, C, …]`` or ``[C, …]``."""
        padding: Any = self.padding
        if self._before:
            input, padding = pad(input, self._before, mode=self.padding_mode), 0
        result: Tensor = type(self)._function(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
        return result


class Conv1d(_Conv):
    """A convolution over one dimension.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int
        Size of the kernel.
    stride : int, default 1
        Step of the kernel.
    padding : int, or str, default 0
        What is added at both ends of each dimension; `"same"` keeps the sizes, `"valid"` adds
        nothing.
    dilation : int, default 1
        Distance of the kernel's elements.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    padding_mode : str, default "zeros"
        What is added: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n`` for ``n`` inputs of an output.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, L]`` or ``[C, L]`` with these channels, or smaller than the
        kernel.

    Notes
    -----
    `torch.nn.Conv1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Conv1d(16, 33, 3, stride=2)(cf.zeros(20, 16, 50)).shape
    (20, 33, 24)
    """

    _spatial = 1
    _function = staticmethod(_ops.conv1d)
    _new = "py_conv1d_new"


class Conv2d(_Conv):
    """A convolution over two dimensions.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int or sequence of 2 int
        Size of the kernel.
    stride : int or sequence of 2 int, default 1
        Step of the kernel.
    padding : int or sequence of 2 int, or str, default 0
        What is added at both ends of each dimension; `"same"` keeps the sizes, `"valid"` adds
        nothing.
    dilation : int or sequence of 2 int, default 1
        Distance of the kernel's elements.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    padding_mode : str, default "zeros"
        What is added: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n`` for ``n`` inputs of an output.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, H, W]`` or ``[C, H, W]`` with these channels, or smaller than the
        kernel.

    Notes
    -----
    `torch.nn.Conv2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Conv2d(3, 8, 3, padding=1)(cf.zeros(2, 3, 28, 28)).shape
    (2, 8, 28, 28)
    """

    _spatial = 2
    _function = staticmethod(_ops.conv2d)
    _new = "py_conv2d_new"


class Conv3d(_Conv):
    """A convolution over three dimensions.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the result.
    kernel_size : int or sequence of 3 int
        Size of the kernel.
    stride : int or sequence of 3 int, default 1
        Step of the kernel.
    padding : int or sequence of 3 int, or str, default 0
        What is added at both ends of each dimension; `"same"` keeps the sizes, `"valid"` adds
        nothing.
    dilation : int or sequence of 3 int, default 1
        Distance of the kernel's elements.
    groups : int, default 1
        Groups of channels that are convolved each for itself.
    bias : bool, default True
        Whether a bias is added.
    padding_mode : str, default "zeros"
        What is added: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / groups, *kernel_size]``, at the start uniform within
        ``±1/√n`` for ``n`` inputs of an output.
    bias : Parameter or None
        ``[out_channels]``, likewise.

    Raises
    ------
    InvalidArgumentError
        An option is out of its range, or `groups` does not divide the channels.
    ShapeError
        An input is not ``[N, C, D, H, W]`` or ``[C, D, H, W]`` with these channels, or smaller than
        the kernel.

    Notes
    -----
    `torch.nn.Conv3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Conv3d(2, 4, 3)(cf.zeros(1, 2, 5, 6, 7)).shape
    (1, 4, 3, 4, 5)
    """

    _spatial = 3
    _function = staticmethod(_ops.conv3d)
    _new = "py_conv3d_new"
