"""Instance normalisation."""

from __future__ import annotations

from candle_ffi._ops import instance_norm
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import ShapeError
from candle_ffi.nn.batchnorm import ChannelNorm
from candle_ffi.tensor import Tensor

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised, sample by sample and channel by channel."""
        self._check_input(input)
        if input.ndim == self.ranks[0]:
            return self.forward(input.unsqueeze(0)).squeeze(0)
        if self.affine and input.shape[1] != self.num_features:
            raise ShapeError(
                f"expected input's size at dim=1 to match num_features ({self.num_features}), "
                f"but got: {input.shape[1]}, in shape {tuple(input.shape)}"
            )
        return instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalise the channels of each sequence.

    ``(x - mean) / √(var + eps) · weight + bias`` with the mean and variance of the sequence's own
    channel. Inputs have shape `[batch, channels, length]`, or no batch.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow.
    affine : bool, default False
        Whether there are a weight and a bias.
    track_running_stats : bool, default False
        Whether there are running statistics, which are used in evaluation.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Raises
    ------
    ShapeError
        An input has another number of dimensions, or one element per channel.

    Notes
    -----
    `torch.nn.InstanceNorm1d`. Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization",
    2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.InstanceNorm1d(3)(cf.randn(2, 3, 5)).shape
    (2, 3, 5)
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise the channels of each image.

    ``(x - mean) / √(var + eps) · weight + bias`` with the mean and variance of the image's own
    channel. Inputs have shape `[batch, channels, height, width]`, or no batch.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow.
    affine : bool, default False
        Whether there are a weight and a bias.
    track_running_stats : bool, default False
        Whether there are running statistics, which are used in evaluation.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Raises
    ------
    ShapeError
        An input has another number of dimensions, or one element per channel.

    Notes
    -----
    `torch.nn.InstanceNorm2d`. Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization",
    2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.InstanceNorm2d(3)(cf.randn(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise the channels of each volume.

    ``(x - mean) / √(var + eps) · weight + bias`` with the mean and variance of the volume's own
    channel. Inputs have shape `[batch, channels, depth, height, width]`, or no batch.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, default 1e-5
        What keeps the root away from zero.
    momentum : float or None, default 0.1
        How fast running statistics follow.
    affine : bool, default False
        Whether there are a weight and a bias.
    track_running_stats : bool, default False
        Whether there are running statistics, which are used in evaluation.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    bias : bool, default True
        Whether there is a bias beside the weight.

    Raises
    ------
    ShapeError
        An input has another number of dimensions, or one element per channel.

    Notes
    -----
    `torch.nn.InstanceNorm3d`. Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization",
    2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.InstanceNorm3d(3)(cf.randn(2, 3, 2, 4, 4)).shape
    (2, 3, 2, 4, 4)
    """

    ranks = (4, 5)
