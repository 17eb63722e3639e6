"""Normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi._ops import group_norm, layer_norm, local_response_norm, rms_norm
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


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
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Normalise over the last dimensions by the root of their mean square.

    ``x / √(mean(x²) + eps) · weight``.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of those dimensions.
    eps : float, optional
        What keeps the root away from zero; by default the distance from 1 to the next number.
    elementwise_affine : bool, default True
        Whether there is a weight.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter or None
        `normalized_shape`, at the start ones.

    Raises
    ------
    ShapeError
        The last dimensions of an input are others.

    Notes
    -----
    `torch.nn.RMSNorm`. Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.no_grad():
    ...     cf.nn.RMSNorm(2)(cf.tensor([[1.0, 7.0]]))
    tensor([[0.2000, 1.4000]])
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        sizes = normalized_shape if isinstance(normalized_shape, Sequence) else (normalized_shape,)
        shape = tuple(size(number, "RMSNorm", "normalized_shape") for number in sizes)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weights = initial(
            ("weight",) if elementwise_affine else (),
            "py_rms_norm_new",
            shape,
            len(shape),
            None,
            bool(elementwise_affine),
            *factory(dtype, device),
        )
        self.register_parameter("weight", weights.get("weight"))

    def reset_parameters(self) -> None:
        """Start again: weight 1."""
        if self.weight is not None:
            self.weight.detach().fill_(1)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised over the last dimensions."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Normalise the channels of each sample in groups.

    ``(x - mean) / √(var + eps) · weight + bias``, for inputs of shape `[batch, channels, …]`.

    Parameters
    ----------
    num_groups : int
        The number of groups.
    num_channels : int
        The number of channels, which the groups divide.
    eps : float, default 1e-5
        What keeps the root away from zero.
    affine : bool, default True
        Whether there are a weight and a bias.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Attributes
    ----------
    weight : Parameter or None
        `[num_channels]`, at the start ones.
    bias : Parameter or None
        `[num_channels]`, at the start zeros.

    Raises
    ------
    InvalidArgumentError
        The channels cannot be divided into so many groups.

    Notes
    -----
    `torch.nn.GroupNorm`. Source: Wu and He, "Group normalization", 2018.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.GroupNorm(2, 6)(cf.randn(1, 6, 5)).shape
    (1, 6, 5)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = size(num_groups, "GroupNorm", "num_groups")
        self.num_channels = size(num_channels, "GroupNorm", "num_channels")
        if self.num_groups == 0 or self.num_channels % self.num_groups:
            raise InvalidArgumentError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})",
                operation="GroupNorm",
            )
        self.eps = eps
        self.affine = affine
        names = tuple(n for n, has in (("weight", affine), ("bias", affine and bias)) if has)
        weights = initial(
            names,
            "py_group_norm_new",
            self.num_groups,
            self.num_channels,
            eps,
            bool(affine),
            bool(bias),
            *factory(dtype, device),
        )
        for name in ("weight", "bias"):
            self.register_parameter(name, weights.get(name))

    def reset_parameters(self) -> None:
        """Start again: weight 1, bias 0."""
        for parameter, value in ((self.weight, 1), (self.bias, 0)):
            if parameter is not None:
                parameter.detach().fill_(value)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised, group by group."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divide by a power of the mean square over neighbouring channels.

    ``x / (k + alpha · mean(x²))^beta``, for inputs `[batch, channels, …]` of three dimensions or
    more.

    Parameters
    ----------
    size : int
        The number of neighbouring channels.
    alpha : float, default 1e-4
        The factor of the mean square.
    beta : float, default 0.75
        The exponent.
    k : float, default 1.0
        What is added to the mean square.

    Raises
    ------
    ShapeError
        An input has fewer dimensions.

    Notes
    -----
    `torch.nn.LocalResponseNorm`. Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification
    with deep convolutional neural networks", 2012.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LocalResponseNorm(2)(cf.randn(1, 4, 5, 5)).shape
    (1, 4, 5, 5)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """Return the input divided by the response of its neighbours."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
