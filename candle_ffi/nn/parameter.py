"""Parameters: the tensors of a module that an optimizer changes."""

from __future__ import annotations

from typing import Any

from candle_ffi._lib import ffi
from candle_ffi.tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that a `Module` counts among its parameters when it is set as an attribute.

    Parameters
    ----------
    data : Tensor or array-like
        The first values; a tensor's memory is shared.
    requires_grad : bool, default True
        Whether gradients are accumulated in `grad`.

    Notes
    -----
    `torch.nn.Parameter`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Parameter(cf.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        """Take a share of `data`, cut from its history."""
        tensor = data if isinstance(data, Tensor) else Tensor(data)
        return cls._adopt(tensor.detach(), requires_grad)

    @classmethod
    def _adopt(cls, tensor: Tensor, requires_grad: bool | None = None) -> Parameter:
        """Make a parameter out of a tensor that nobody else refers to: its handle moves over."""
        parameter = object.__new__(cls)
        parameter._handle, tensor._handle = tensor._handle, ffi.NULL
        if requires_grad is not None:
            parameter.requires_grad = requires_grad
        return parameter

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.detach(), self.requires_grad))


def _restore(cls: type[Parameter], data: Tensor, requires_grad: bool) -> Parameter:
    return cls._adopt(data.detach(), requires_grad)
