"""Dropout of elements and of channels; each layer passes its input on in evaluation."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional_dropout as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise InvalidArgumentError(
                f"the dropout probability must be between 0 and 1, and is {p}",
                operation=type(self).__name__,
            )
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zero elements by chance and scale the others by ``1 / (1 - p)``.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.Dropout`. Source: Srivastava and others, "Dropout: a simple way to prevent neural
    networks from overfitting", 2014.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Dropout(0.5).eval()(cf.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return _ops.dropout(input, self.p, self.training)


class Dropout1d(_Dropout):
    """In training, zero channels of ``[n, channels, length]`` by chance and scale the others.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.Dropout1d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Dropout1d()(cf.ones(2, 3, 4)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return _ops.dropout1d(input, self.p, self.training)


class Dropout2d(_Dropout):
    """In training, zero channels of ``[n, channels, height, width]`` and scale the others.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.Dropout2d`. Source: Tompson and others, 2015

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Dropout2d()(cf.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(_Dropout):
    """In training, zero channels of ``[n, channels, depth, height, width]`` and scale the others.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.Dropout3d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Dropout3d()(cf.ones(2, 3, 1, 4, 4)).shape
    (2, 3, 1, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(_Dropout):
    """In training, set elements to the limit of `SELU` by chance, and keep mean and variance.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.AlphaDropout`. Source: Klambauer and others, 2017

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.AlphaDropout(0.5).eval()(cf.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return _ops.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """In training, set channels to the limit of `SELU` by chance, and keep mean and variance.

    Parameters
    ----------
    p : float, default 0.5
        The probability.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `p` is not between 0 and 1.

    Notes
    -----
    `torch.nn.FeatureAlphaDropout`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.FeatureAlphaDropout(0.5)(cf.ones(2, 3, 4)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with noise, or unchanged in evaluation."""
        return _ops.feature_alpha_dropout(input, self.p, self.training)
