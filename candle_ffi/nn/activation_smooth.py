"""Activations made of exponentials."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
    "Tanhshrink",
]


class ELU(Module):
    """``x`` where positive, else ``alpha · (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float, default 1.0
        Minus the limit far below zero.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.ELU`. Source: Clevert and others, 2015

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ELU()(cf.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.elu(input, self.alpha)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"alpha={self.alpha}{inplace}"


class SELU(Module):
    """``scale · (x where positive, else alpha · (exp(x) - 1))``, which keeps mean 0 and variance 1.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.SELU`. Source: Klambauer and others, 2017

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.SELU()(cf.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.selu(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class CELU(Module):
    """``x`` where positive, else ``alpha · (exp(x / alpha) - 1)``.

    Parameters
    ----------
    alpha : float, default 1.0
        Minus the limit far below zero.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.CELU`. Source: Barron, 2017

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.CELU(2.0)(cf.tensor([-1.0, 2.0]))
    tensor([-0.7869,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.celu(input, self.alpha)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"alpha={self.alpha}{inplace}"


class GELU(Module):
    """``x · Φ(x)`` with the normal distribution function ``Φ``.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        Whether the approximation with the hyperbolic tangent is used.

    Notes
    -----
    `torch.nn.GELU`. Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016

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
        return _ops.gelu(input, self.approximate)

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
        return _ops.silu(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class Mish(Module):
    """``x · tanh(log(1 + exp(x)))``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.Mish`. Source: Misra, 2019

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Mish()(cf.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.mish(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class Softplus(Module):
    """``log(1 + exp(beta · x)) / beta``.

    Parameters
    ----------
    beta : float, default 1.0
        The sharpness.
    threshold : float, default 20.0
        Where ``beta · x`` is above it, the result is ``x``.

    Notes
    -----
    `torch.nn.Softplus`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softplus()(cf.tensor([-1.0, 0.0]))
    tensor([0.3133, 0.6931])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """``x / (1 + |x|)``.

    Notes
    -----
    `torch.nn.Softsign`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softsign()(cf.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)``.

    Notes
    -----
    `torch.nn.Tanhshrink`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Tanhshrink()(cf.tensor([-1.0, 2.0]))
    tensor([-0.2384,  1.0360])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.tanhshrink(input)


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
        return _ops.tanh(input)


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
        return _ops.sigmoid(input)


class LogSigmoid(Module):
    """``log(1 / (1 + exp(-x)))``.

    Notes
    -----
    `torch.nn.LogSigmoid`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LogSigmoid()(cf.tensor([-100.0, 0.0]))
    tensor([-100.0000,   -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.logsigmoid(input)
