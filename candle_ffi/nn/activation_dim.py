"""Activations along a dimension."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.errors import ShapeError
from candle_ffi.nn import functional_activation as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["GLU", "LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class GLU(Module):
    """``a · σ(b)`` of the two halves of a dimension.

    Parameters
    ----------
    dim : int, default -1
        The dimension, of even size.

    Notes
    -----
    `torch.nn.GLU`. Source: Dauphin and others, 2016

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.GLU()(cf.tensor([1.0, 2.0, 0.0, 100.0]))
    tensor([0.5000, 2.0000])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return half the size along the dimension."""
        return _ops.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}"


class Softmax(Module):
    """``exp(x) / Σ exp(x)`` along a dimension.

    Parameters
    ----------
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.

    Notes
    -----
    `torch.nn.Softmax`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softmax(dim=0)(cf.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it along the dimension."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """``x - log Σ exp(x)`` along a dimension.

    Parameters
    ----------
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.

    Notes
    -----
    `torch.nn.LogSoftmax`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LogSoftmax(dim=0)(cf.zeros(2))
    tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it along the dimension."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}"


class Softmin(Module):
    """``exp(-x) / Σ exp(-x)`` along a dimension.

    Parameters
    ----------
    dim : int, optional
        The dimension; PyTorch's choice, with a warning, when not given.

    Notes
    -----
    `torch.nn.Softmin`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softmin(dim=0)(cf.tensor([1.0, 2.0]))
    tensor([0.7311, 0.2689])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it along the dimension."""
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels of images.

    Raises
    ------
    ShapeError
        An input is neither ``[batch, channels, height, width]`` nor ``[channels, height, width]``.

    Notes
    -----
    `torch.nn.Softmax2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softmax2d()(cf.zeros(2, 1, 1))
    tensor([[[0.5000]],
    <BLANKLINE>
            [[0.5000]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it along the channels."""
        if input.dim() not in (3, 4):
            raise ShapeError(
                "Softmax2d needs the shape [batch, channels, height, width] or "
                f"[channels, height, width], and got {tuple(input.shape)}",
                operation="Softmax2d",
                shapes=[tuple(input.shape)],
            )
        return _ops.softmax(input, -3)
