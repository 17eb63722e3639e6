"""Activations as layers: functions of `candle_ffi.nn.functional` with their options."""

from __future__ import annotations

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["GELU", "LogSoftmax", "ReLU", "SiLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """``max(0, x)``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.ReLU`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReLU()(cf.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return F.relu(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class GELU(Module):
    """``x · Φ(x)`` with the normal distribution function ``Φ``.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        Whether the approximation with the hyperbolic tangent is used.

    Notes
    -----
    `torch.nn.GELU`. Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.GELU()(cf.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """``x · σ(x)``, also called swish.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.SiLU`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.SiLU()(cf.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return F.silu(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class Tanh(Module):
    """The hyperbolic tangent.

    Notes
    -----
    `torch.nn.Tanh`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Tanh()(cf.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return F.tanh(input)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``.

    Notes
    -----
    `torch.nn.Sigmoid`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Sigmoid()(cf.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return F.sigmoid(input)


class Softmax(Module):
    """``exp(x) / Σ exp(x)`` along a dimension.

    Parameters
    ----------
    dim : int, default -1
        The dimension.

    Notes
    -----
    `torch.nn.Softmax`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softmax(dim=0)(cf.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, dim: int = -1) -> None:
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
    dim : int, default -1
        The dimension.

    Notes
    -----
    `torch.nn.LogSoftmax`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LogSoftmax(dim=0)(cf.zeros(2))
    tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it along the dimension."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"dim={self.dim}"
