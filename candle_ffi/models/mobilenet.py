"""MobileNetV2: images classified with few multiplications."""

from __future__ import annotations

from candle_ffi import nn
from candle_ffi._ops import flatten
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.tensor import Tensor

__all__ = ["InvertedResidual", "MobileNetV2", "mobilenet_v2"]

#: Of each group of blocks: expansion, channels, blocks, stride of the first one.
SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _divisible(channels: float, divisor: int = 8) -> int:
    """Return the multiple of the divisor next to a number of channels, less by a tenth at most."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _normed(
    fan_in: int, fan_out: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Module:
    """Return a convolution that keeps the size at stride 1, batch normalisation and ReLU6."""
    return nn.Sequential(
        nn.Conv2d(fan_in, fan_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(fan_out),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """A block that widens, filters each channel by itself, and narrows again.

    Where neither size nor channels change, the input is added to the result.

    Parameters
    ----------
    inp, oup : int
        Channels of the input and of the result.
    stride : int
        1 or 2.
    expand_ratio : int
        How many times as many channels there are inside.

    Raises
    ------
    InvalidArgumentError
        Another stride.

    Notes
    -----
    `torchvision.models.mobilenetv2.InvertedResidual`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> block = cf.models.mobilenet.InvertedResidual(8, 16, stride=2, expand_ratio=6)
    >>> block(cf.ones(1, 8, 10, 10)).shape
    (1, 16, 5, 5)
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise InvalidArgumentError(f"InvertedResidual: the stride is 1 or 2, not {stride}")
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        hidden = round(inp * expand_ratio)
        widening = [_normed(inp, hidden, kernel=1)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *widening,
            _normed(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, oup, 1, bias=False),
            nn.BatchNorm2d(oup),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, oup, h / stride, w / stride]``."""
        result: Tensor = self.conv(x)
        return x + result if self.use_res_connect else result


class MobileNetV2(nn.Module):
    """The network of "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (Sandler, 2018).

    Parameters
    ----------
    num_classes : int, default 1000
        The number of scores.
    width_mult : float, default 1.0
        What the channels of each layer are multiplied by, rounded to a multiple of 8.
    dropout : float, default 0.2
        The probability of dropout before the last layer.

    Notes
    -----
    `torchvision.models.MobileNetV2`; the names and shapes of the weights are the same.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.models.MobileNetV2(num_classes=10, width_mult=0.25)
    >>> model(cf.zeros(2, 3, 64, 64)).shape
    (2, 10)
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        channels = _divisible(32 * width_mult)
        self.last_channel = _divisible(1280 * max(1.0, width_mult))
        features: list[nn.Module] = [_normed(3, channels, stride=2)]
        for expansion, width, blocks, stride in SETTING:
            out = _divisible(width * width_mult)
            for block in range(blocks):
                step = stride if block == 0 else 1
                features.append(InvertedResidual(channels, out, step, expansion))
                channels = out
        features.append(_normed(channels, self.last_channel, kernel=1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of images.

        Parameters
        ----------
        x : Tensor
            ``[n, 3, height, width]``, normalised as for the training.

        Returns
        -------
        Tensor
            ``[n, num_classes]``.
        """
        x = F.adaptive_avg_pool2d(self.features(x), 1)
        scores: Tensor = self.classifier(flatten(x, 1))
        return scores


def mobilenet_v2(
    num_classes: int = 1000, width_mult: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """Return an untrained MobileNetV2.

    Parameters
    ----------
    num_classes, width_mult, dropout
        As in `MobileNetV2`.

    Returns
    -------
    MobileNetV2
        The model, set to training.

    Notes
    -----
    `torchvision.models.mobilenet_v2`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> sum(p.numel() for p in cf.models.mobilenet_v2().parameters())
    3504872
    """
    return MobileNetV2(num_classes, width_mult, dropout)
