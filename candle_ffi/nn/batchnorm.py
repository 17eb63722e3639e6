"""Batch normalisation."""

from __future__ import annotations

from typing import Any

from candle_ffi._ops import batch_norm
from candle_ffi.creation import ones, tensor, zeros
from candle_ffi.device import Device
from candle_ffi.dtype import DType, int64
from candle_ffi.errors import ShapeError
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "ChannelNorm"]


class ChannelNorm(Module):
    """What batch and instance normalisation share: options, weights and running statistics.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float
        What keeps the root away from zero.
    momentum : float or None
        How fast running statistics follow; with None every batch has the same share.
    affine : bool
        Whether there are a weight and a bias.
    track_running_stats : bool
        Whether there are running statistics.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.
    """

    #: The numbers of dimensions that an input may have.
    ranks: tuple[int, ...] = ()

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Device | str | None,
        dtype: DType | None,
        bias: bool,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.num_features = size(num_features, name, "num_features")
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        names = ("weight", "bias") if bias else ("weight",)
        weights: dict[str, Parameter] = {}
        if affine:
            # The constructor of any of them: their weights start alike.
            weights = initial(
                names,
                "py_batch_norm1d_new",
                self.num_features,
                eps,
                None,
                True,
                False,
                bool(bias),
                *factory(dtype, device),
            )
        for parameter in ("weight", "bias"):
            self.register_parameter(parameter, weights.get(parameter))
        place: dict[str, Any] = {"device": device}
        buffers: tuple[Tensor | None, ...] = (None, None, None)
        if track_running_stats:
            buffers = (
                zeros(self.num_features, dtype=dtype, **place),
                ones(self.num_features, dtype=dtype, **place),
                tensor(0, dtype=int64, **place),
            )
        for buffer, value in zip(
            ("running_mean", "running_var", "num_batches_tracked"), buffers, strict=True
        ):
            self.register_buffer(buffer, value)

    def _check_input(self, input: Tensor) -> None:
        rank = input.ndim
        if rank not in self.ranks:
            wanted = " or ".join(f"{one}D" for one in self.ranks)
            raise ShapeError(
                f"expected {wanted} input (got {rank}D input, of shape {tuple(input.shape)})"
            )

    def reset_running_stats(self) -> None:
        """Forget the batches that have been seen."""
        for buffer, value in (
            (self.running_mean, 0),
            (self.running_var, 1),
            (self.num_batches_tracked, 0),
        ):
            if buffer is not None:
                buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Start again: weight 1, bias 0, no batches seen."""
        self.reset_running_stats()
        for parameter, value in ((self.weight, 1), (self.bias, 0)):
            if parameter is not None:
                parameter.detach().fill_(value)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised, channel by channel."""
        self._check_input(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        mean, var = self.running_mean, self.running_var
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        of_batch = self.training or (mean is None and var is None)
        if self.training and not self.track_running_stats:
            mean = var = None
        return batch_norm(input, mean, var, self.weight, self.bias, of_batch, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Normalise the channels of a batch of vectors or sequences.

    ``(x - mean) / √(var + eps) · weight + bias``. In training mean and variance are the batch's,
    and running ones follow them: ``running = (1 - momentum) · running + momentum · own``. In
    evaluation the running ones are used.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow; with None they are the mean over all batches.
    affine : bool, default True
        Whether there are a weight and a bias.
    track_running_stats : bool, default True
        Whether there are running statistics; without them the batch's own always serve.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Attributes
    ----------
    weight : Parameter or None
        `[num_features]`, at the start ones.
    bias : Parameter or None
        `[num_features]`, at the start zeros.
    running_mean, running_var : Tensor or None
        `[num_features]`, at the start zeros and ones.
    num_batches_tracked : Tensor or None
        The number of batches seen in training.

    Raises
    ------
    ShapeError
        An input is not `[batch, channels]` or `[batch, channels, length]`, or has one value per
        channel in training.

    Notes
    -----
    `torch.nn.BatchNorm1d`. Source: Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> norm = cf.nn.BatchNorm1d(3)
    >>> norm(cf.randn(8, 3)).shape, norm.num_batches_tracked.item()
    ((8, 3), 1)
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalise the channels of a batch of images.

    As `BatchNorm1d`, for inputs `[batch, channels, height, width]`.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow; with None they are the mean over all batches.
    affine : bool, default True
        Whether there are a weight and a bias.
    track_running_stats : bool, default True
        Whether there are running statistics; without them the batch's own always serve.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Raises
    ------
    ShapeError
        An input has not four dimensions, or one value per channel in training.

    Notes
    -----
    `torch.nn.BatchNorm2d`. Source: Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.BatchNorm2d(3)(cf.randn(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise the channels of a batch of volumes.

    As `BatchNorm1d`, for inputs `[batch, channels, depth, height, width]`.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow; with None they are the mean over all batches.
    affine : bool, default True
        Whether there are a weight and a bias.
    track_running_stats : bool, default True
        Whether there are running statistics; without them the batch's own always serve.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Raises
    ------
    ShapeError
        An input has not five dimensions, or one value per channel in training.

    Notes
    -----
    `torch.nn.BatchNorm3d`. Source: Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.BatchNorm3d(2)(cf.randn(2, 2, 3, 4, 4)).shape
    (2, 2, 3, 4, 4)
    """

    ranks = (5,)
