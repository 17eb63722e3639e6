"""A convolutional network for small grey images."""

from __future__ import annotations

import candle_ffi as cf
from candle_ffi import nn, transforms
from candle_ffi.nn import functional as F  # noqa: N812

__all__ = ["Classifier"]


class Block(nn.Module):
    """A convolution of 3 x 3, batch normalisation, ReLU; the maximum of each 2 x 2 pixels."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: cf.Tensor) -> cf.Tensor:
        """From ``[n, channels, h, w]`` to ``[n, out, h // 2, w // 2]``."""
        pooled: cf.Tensor = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return pooled


class Classifier(nn.Module):
    """Three blocks and an affine map; in training, each image is shifted and turned at random.

    The mean and the standard deviation of the pixels are in its state, beside the weights: what
    goes in are bytes, here and in every program that loads them.

    Parameters
    ----------
    height, width : int
        The size of the images, 8 at least.
    classes : int
        The number of scores.
    mean, std : float
        Of the pixels of the training, scaled to 0 … 1.
    flip : bool
        Whether an image turned left to right still shows the same thing.
    """

    mean: cf.Tensor
    std: cf.Tensor

    def __init__(
        self,
        height: int,
        width: int,
        classes: int,
        mean: float = 0.0,
        std: float = 1.0,
        flip: bool = True,
    ) -> None:
        super().__init__()
        self.augment = transforms.Compose(
            [
                transforms.RandomCrop((height, width), padding=1),
                transforms.RandomHorizontalFlip(0.5 if flip else 0.0),
            ]
        )
        self.register_buffer("mean", cf.tensor(mean))
        self.register_buffer("std", cf.tensor(std))
        self.blocks = nn.Sequential(Block(1, 32), Block(32, 64), Block(64, 128))
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(128 * (height // 8) * (width // 8), classes)

    def forward(self, images: cf.Tensor) -> cf.Tensor:
        """Return the scores of images.

        Parameters
        ----------
        images : Tensor
            ``[n, 1, h, w]``, bytes.

        Returns
        -------
        Tensor
            ``[n, classes]``.
        """
        if self.training:
            images = self.augment(images)
        x = (images.float() / 255 - self.mean) / self.std
        scores: cf.Tensor = self.fc(self.dropout(cf.flatten(self.blocks(x), 1)))
        return scores
