"""Adaptive pooling: windows that share dimensions evenly."""

from __future__ import annotations

from typing import Any

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class _Adaptive(Module):
    """What adaptive pooling layers share."""

    output_size: object

    def extra_repr(self) -> str:
        """Return the options."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The averages of windows that share one dimension evenly.

    The input is ``[N, C, L]`` or ``[C, L]``.

    Parameters
    ----------
    output_size : int or tuple of int
        Size of the result.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveAvgPool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveAvgPool1d(3)(cf.zeros(1, 3, 8)).shape
    (1, 3, 3)
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveMaxPool1d(_Adaptive):
    """The largest elements of windows that share one dimension evenly.

    The input is ``[N, C, L]`` or ``[C, L]``.

    Parameters
    ----------
    output_size : int or tuple of int
        Size of the result.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveMaxPool1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveMaxPool1d(3)(cf.zeros(1, 3, 8)).shape
    (1, 3, 3)
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool2d(_Adaptive):
    """The averages of windows that share 2 dimensions evenly.

    The input is ``[N, C, H, W]`` or ``[C, H, W]``.

    Parameters
    ----------
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveAvgPool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveAvgPool2d(3)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 3, 3)
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(_Adaptive):
    """The largest elements of windows that share 2 dimensions evenly.

    The input is ``[N, C, H, W]`` or ``[C, H, W]``.

    Parameters
    ----------
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveMaxPool2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveMaxPool2d(3)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 3, 3)
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool3d(_Adaptive):
    """The averages of windows that share 3 dimensions evenly.

    The input is ``[N, C, D, H, W]`` or ``[C, D, H, W]``.

    Parameters
    ----------
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveAvgPool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveAvgPool3d(3)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 3, 3, 3)
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool3d(_Adaptive):
    """The largest elements of windows that share 3 dimensions evenly.

    The input is ``[N, C, D, H, W]`` or ``[C, D, H, W]``.

    Parameters
    ----------
    output_size : int, None, or tuple of these
        Size of the result; None is the size of the input.
    return_indices : bool, default False
        Whether the positions in the flattened input are returned too.

    Raises
    ------
    ShapeError
        The input has another rank, or an empty spatial dimension.

    Notes
    -----
    `torch.nn.AdaptiveMaxPool3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AdaptiveMaxPool3d(3)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 3, 3, 3)
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements, and with `return_indices` their positions."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
