"""The bilinear map."""

from __future__ import annotations

from candle_ffi._ops import bilinear
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Bilinear"]


class Bilinear(Module):
    """A bilinear map of the last dimensions of two inputs: ``x₁ᵀ W x₂ + b``.

    Parameters
    ----------
    in1_features : int
        Size of the last dimension of the first input.
    in2_features : int
        Size of the last dimension of the second input.
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
        ``[out_features, in1_features, in2_features]``, at the start uniform within
        ``±1/√in1_features``.
    bias : Parameter or None
        ``[out_features]``, likewise.

    Raises
    ------
    InvalidArgumentError
        `in1_features` is not positive.
    ShapeError
        The sizes of the inputs do not fit.

    Notes
    -----
    `torch.nn.Bilinear`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Bilinear(3, 4, 2)(cf.zeros(5, 3), cf.zeros(5, 4)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.in1_features = size(in1_features, "Bilinear", "in1_features")
        self.in2_features = size(in2_features, "Bilinear", "in2_features")
        self.out_features = size(out_features, "Bilinear", "out_features")
        weights = initial(
            ("weight", "bias") if bias else ("weight",),
            "py_bilinear_new",
            self.in1_features,
            self.in2_features,
            self.out_features,
            bool(bias),
            *factory(dtype, device),
            None,  # the default generator
        )
        self.register_parameter("weight", weights["weight"])
        self.register_parameter("bias", weights.get("bias"))

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return ``[…, out_features]`` for ``[…, in1_features]`` and ``[…, in2_features]``."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
