"""Max pooling, and its way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.nn.pooling import Sizes, each
from candle_ffi.tensor import Tensor

__all__ = [
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPool(Module):
    """What max pooling layers share."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window of one dimension.

    The input is ``[N, C, L]`` or ``[C, L]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.MaxPool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MaxPool1d(2)(cf.zeros(1, 3, 8)).shape
    (1, 3, 4)
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.max_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MaxPool2d(_MaxPool):
    """The largest element of each window of 2 dimensions.

    The input is ``[N, C, H, W]`` or ``[C, H, W]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.MaxPool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MaxPool2d(2)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MaxPool3d(_MaxPool):
    """The largest element of each window of 3 dimensions.

    The input is ``[N, C, D, H, W]`` or ``[C, D, H, W]``.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window.
    stride : int or tuple of int, optional
        Distance between windows; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        What is never chosen on both sides.
    dilation : int or tuple of int, default 1
        Distance between the elements of a window.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.
    ceil_mode : bool, default False
        Whether there is also a last window that reaches over the end.

    Raises
    ------
    ShapeError
        The input has another rank, or is smaller than a window.

    Notes
    -----
    `torch.nn.MaxPool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.MaxPool3d(2)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 4, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.max_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class _MaxUnpool(Module):
    """What unpooling layers share."""

    _dims: int

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = each(kernel_size, self._dims)
        self.stride = self.kernel_size if stride is None else each(stride, self._dims)
        self.padding = each(padding, self._dims)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros, with each element where max pooling over one dimension has taken it from.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window of the pooling.
    stride : int or tuple of int, optional
        Distance between them; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Padding of the pooling.

    Raises
    ------
    ShapeError
        The indices have another shape than the input.
    IndexError
        An index lies outside the result.

    Notes
    -----
    `torch.nn.MaxUnpool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> pool = cf.nn.MaxPool1d(2, return_indices=True)
    >>> cf.nn.MaxUnpool1d(2)(*pool(cf.ones(1, 3, 8))).shape
    (1, 3, 8)
    """

    _dims = 1

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Return a tensor of `output_size`, or of the size that the input most simply came from."""
        return F.max_unpool1d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool2d(_MaxUnpool):
    """Zeros, with each element where max pooling over 2 dimensions has taken it from.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window of the pooling.
    stride : int or tuple of int, optional
        Distance between them; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Padding of the pooling.

    Raises
    ------
    ShapeError
        The indices have another shape than the input.
    IndexError
        An index lies outside the result.

    Notes
    -----
    `torch.nn.MaxUnpool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> pool = cf.nn.MaxPool2d(2, return_indices=True)
    >>> cf.nn.MaxUnpool2d(2)(*pool(cf.ones(1, 3, 8, 8))).shape
    (1, 3, 8, 8)
    """

    _dims = 2

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Return a tensor of `output_size`, or of the size that the input most simply came from."""
        return F.max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool3d(_MaxUnpool):
    """Zeros, with each element where max pooling over 3 dimensions has taken it from.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Elements of a window of the pooling.
    stride : int or tuple of int, optional
        Distance between them; the size of the kernel when not given.
    padding : int or tuple of int, default 0
        Padding of the pooling.

    Raises
    ------
    ShapeError
        The indices have another shape than the input.
    IndexError
        An index lies outside the result.

    Notes
    -----
    `torch.nn.MaxUnpool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> pool = cf.nn.MaxPool3d(2, return_indices=True)
    >>> cf.nn.MaxUnpool3d(2)(*pool(cf.ones(1, 3, 8, 8, 8))).shape
    (1, 3, 8, 8, 8)
    """

    _dims = 3

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Return a tensor of `output_size`, or of the size that the input most simply came from."""
        return F.max_unpool3d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )
