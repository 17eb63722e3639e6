"""Dropout."""

from __future__ import annotations

from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["Dropout"]


class Dropout(Module):
    """In training, zero elements by chance and scale the others by ``1 / (1 - p)``.

    Parameters
    ----------
    p : float, default 0.5
        The probability of zero.
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

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise InvalidArgumentError(
                f"the dropout probability must be between 0 and 1, and is {p}", operation="dropout"
            )
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped, or unchanged in evaluation."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"p={self.p}, inplace={self.inplace}"
