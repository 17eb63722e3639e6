"""Pooling: the largest element or the average of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "each",
]

Sizes: TypeAlias = int | Sequence[int]


def each(value: Sizes, dims: int) -> tuple[int, ...]:
    """Return an option as a tuple with an entry for each dimension.

    Parameters
    ----------
    value : int or sequence of int
        One number for all, or one for each.
    dims : int
        The number of dimensions.

    Returns
    -------
    tuple of int
        The option.
    """
    return tuple(value) if isinstance(value, Sequence) else (value,) * dims


class _AvgPool(Module):
    """What average pooling layers share."""

    kernel_size: Sizes
    stride: Sizes
    padding: Sizes

    def extra_repr(self) -> str:
        """Return the options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The average of each window of one dimension.

    The input is ``[N, C, L]`` or ``[C, L]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Zeros on both sides.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    count_include_pad : bool, default True
        Whether these zeros count as elements.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.AvgPool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AvgPool1d(2)(cf.zeros(1, 3, 8)).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = each(kernel_size, 1)
        self.stride = self.kernel_size if stride is None else each(stride, 1)
        self.padding = each(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AvgPool2d(_AvgPool):
    """The average of each window of 2 dimensions.

    The input is ``[N, C, H, W]`` or ``[C, H, W]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Zeros on both sides.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    count_include_pad : bool, default True
        Whether these zeros count as elements.
    divisor_override : int, optional
        What sums are divided by instead of the number of their elements.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.AvgPool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AvgPool2d(2)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool3d(_AvgPool):
    """The average of each window of 3 dimensions.

    The input is ``[N, C, D, H, W]`` or ``[C, D, H, W]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Zeros on both sides.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.
    count_include_pad : bool, default True
        Whether these zeros count as elements.
    divisor_override : int, optional
        What sums are divided by instead of the number of their elements.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.AvgPool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AvgPool3d(2)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 4, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _LPPool(Module):
    """What pooling layers of powers share."""

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The root of the sum of powers of each window of one dimension: ``(Σ xᵖ)^(1/p)``.

    The input is ``[N, C, L]`` or ``[C, L]``.

    Parameters
    ----------
    norm_type : float
        The power.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.LPPool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LPPool1d(2, 2)(cf.zeros(1, 3, 8)).shape
    (1, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the roots."""
        return F.lp_pool1d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool2d(_LPPool):
    """The root of the sum of powers of each window of 2 dimensions: ``(Σ xᵖ)^(1/p)``.

    The input is ``[N, C, H, W]`` or ``[C, H, W]``.

    Parameters
    ----------
    norm_type : float
        The power.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.LPPool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LPPool2d(2, 2)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the roots."""
        return F.lp_pool2d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool3d(_LPPool):
    """The root of the sum of powers of each window of 3 dimensions: ``(Σ xᵖ)^(1/p)``.

    The input is ``[N, C, D, H, W]`` or ``[C, D, H, W]``.

    Parameters
    ----------
    norm_type : float
        The power.
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.LPPool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LPPool3d(2, 2)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 4, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the roots."""
        return F.lp_pool3d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )
