"""The affine map, and layers that only pass on or reshape."""

from __future__ import annotations

from typing import Any

from candle_ffi._ops import flatten, linear
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Flatten", "Identity", "Linear"]


class Linear(Module):
    """An affine map of the last dimension: ``x Wᵀ + b``.

    Parameters
    ----------
    in_features : int
        Size of the last dimension of the input.
    out_features : int
        Size of the last dimension of the result.
    bias : bool, default True
        Whether ``b`` is added.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[out_features, in_features]``, at the start uniform within ``±1/√in_features``.
    bias : Parameter or None
        ``[out_features]``, likewise.

    Raises
    ------
    ShapeError
        The last dimension of an input is not `in_features`.

    Notes
    -----
    `torch.nn.Linear`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.Linear(3, 2)
    >>> layer(cf.zeros(5, 3)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.in_features = size(in_features, "Linear", "in_features")
        self.out_features = size(out_features, "Linear", "out_features")
        weights = initial(
            ("weight", "bias") if bias else ("weight",),
            "py_linear_new",
            self.in_features,
            self.out_features,
            bool(bias),
            *factory(dtype, device),
            None,  # the default generator
        )
        self.register_parameter("weight", weights["weight"])
        self.register_parameter("bias", weights.get("bias"))

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[…, out_features]`` for ``[…, in_features]``."""
        own: Any = self._parameters
        try:
            weight, bias = own["weight"], own["bias"]  # quicker than `self.weight`, and the same
        except KeyError:
            weight, bias = self.weight, self.bias  # set to something else than a parameter
        return linear(input, weight, bias)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Flatten(Module):
    """Several dimensions made one.

    Parameters
    ----------
    start_dim : int, default 1
        The first of them.
    end_dim : int, default -1
        The last of them.

    Notes
    -----
    `torch.nn.Flatten`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Flatten()(cf.zeros(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the tensor with those dimensions joined."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """What comes in goes out.

    Parameters
    ----------
    *args, **kwargs
        Accepted and ignored, so that it can stand for any layer.

    Notes
    -----
    `torch.nn.Identity`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Identity()(cf.ones(1))
    tensor([1.])
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input
