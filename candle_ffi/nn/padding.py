"""Padding: elements added at the ends of spatial dimensions."""

from __future__ import annotations

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.nn.pooling import Sizes, each
from candle_ffi.tensor import Tensor

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """What padding layers share."""

    _dims: int

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding = each(padding, 2 * self._dims)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """The last dimension padded with a number.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.
    value : float
        The number.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ConstantPad1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConstantPad1d(1, 3.5)(cf.zeros(1, 3, 8)).shape
    (1, 3, 10)
    """

    _dims = 1

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(_Pad):
    """The last 2 dimensions padded with a number.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.
    value : float
        The number.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ConstantPad2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConstantPad2d(1, 3.5)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 10, 10)
    """

    _dims = 2

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad3d(_Pad):
    """The last 3 dimensions padded with a number.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.
    value : float
        The number.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ConstantPad3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ConstantPad3d(1, 3.5)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 10, 10, 10)
    """

    _dims = 3

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """The last dimension padded with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ZeroPad1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ZeroPad1d(1)(cf.zeros(1, 3, 8)).shape
    (1, 3, 10)
    """

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant")


class ZeroPad2d(_Pad):
    """The last 2 dimensions padded with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ZeroPad2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ZeroPad2d(1)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 10, 10)
    """

    _dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant")


class ZeroPad3d(_Pad):
    """The last 3 dimensions padded with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ZeroPad3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ZeroPad3d(1)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 10, 10, 10)
    """

    _dims = 3

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "constant")


class ReflectionPad1d(_Pad):
    """The last dimension padded with the mirror image of the input, without its border.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is not less than a dimension.

    Notes
    -----
    `torch.nn.ReflectionPad1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReflectionPad1d(1)(cf.zeros(1, 3, 8)).shape
    (1, 3, 10)
    """

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "reflect")


class ReflectionPad2d(_Pad):
    """The last 2 dimensions padded with the mirror image of the input, without its border.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is not less than a dimension.

    Notes
    -----
    `torch.nn.ReflectionPad2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReflectionPad2d(1)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 10, 10)
    """

    _dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "reflect")


class ReflectionPad3d(_Pad):
    """The last 3 dimensions padded with the mirror image of the input, without its border.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is not less than a dimension.

    Notes
    -----
    `torch.nn.ReflectionPad3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReflectionPad3d(1)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 10, 10, 10)
    """

    _dims = 3

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "reflect")


class ReplicationPad1d(_Pad):
    """The last dimension padded with the border of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ReplicationPad1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReplicationPad1d(1)(cf.zeros(1, 3, 8)).shape
    (1, 3, 10)
    """

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "replicate")


class ReplicationPad2d(_Pad):
    """The last 2 dimensions padded with the border of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ReplicationPad2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReplicationPad2d(1)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 10, 10)
    """

    _dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "replicate")


class ReplicationPad3d(_Pad):
    """The last 3 dimensions padded with the border of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        More is taken away than there is.

    Notes
    -----
    `torch.nn.ReplicationPad3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReplicationPad3d(1)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 10, 10, 10)
    """

    _dims = 3

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "replicate")


class CircularPad1d(_Pad):
    """The last dimension padded with the other end of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is more than a dimension.

    Notes
    -----
    `torch.nn.CircularPad1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CircularPad1d(1)(cf.zeros(1, 3, 8)).shape
    (1, 3, 10)
    """

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "circular")


class CircularPad2d(_Pad):
    """The last 2 dimensions padded with the other end of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is more than a dimension.

    Notes
    -----
    `torch.nn.CircularPad2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CircularPad2d(1)(cf.zeros(1, 3, 8, 8)).shape
    (1, 3, 10, 10)
    """

    _dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "circular")


class CircularPad3d(_Pad):
    """The last 3 dimensions padded with the other end of the input.

    Parameters
    ----------
    padding : int or tuple of int
        For all ends; or two for each dimension, from the last one on. Negative ones take away.

    Raises
    ------
    ShapeError
        The padding is more than a dimension.

    Notes
    -----
    `torch.nn.CircularPad3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CircularPad3d(1)(cf.zeros(1, 3, 8, 8, 8)).shape
    (1, 3, 10, 10, 10)
    """

    _dims = 3

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded tensor."""
        return F.pad(input, self.padding, "circular")
