"""Normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi._ops import layer_norm
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["LayerNorm"]


class LayerNorm(Module):
    """Normalise over the last dimensions: ``(x - mean) / √(var + eps) · weight + bias``.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of those dimensions.
    eps : float, default 1e-5
        What keeps the root away from zero.
    elementwise_affine : bool, default True
        Whether there is a weight.
    bias : bool, default True
        Whether there is a bias beside the weight.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter or None
        `normalized_shape`, at the start ones.
    bias : Parameter or None
        `normalized_shape`, at the start zeros.

    Raises
    ------
    ShapeError
        The last dimensions of an input are others.

    Notes
    -----
    `torch.nn.LayerNorm`. Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.no_grad():
    ...     cf.nn.LayerNorm(2)(cf.tensor([[1.0, 3.0]]))
    tensor([[-1.0000,  1.0000]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        sizes = normalized_shape if isinstance(normalized_shape, Sequence) else (normalized_shape,)
        shape = tuple(size(number, "LayerNorm", "normalized_shape") for number in sizes)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weights = initial(
            ("weight", "bias")[: bool(elementwise_affine) * (1 + bool(bias))],
            "py_layer_norm_new",
            shape,
            len(shape),
            eps,
            bool(elementwise_affine),
            bool(bias),
            *factory(dtype, device),
        )
        self.register_parameter("weight", weights.get("weight"))
        self.register_parameter("bias", weights.get("bias"))

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised over the last dimensions."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
