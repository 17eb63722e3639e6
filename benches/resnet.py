"""ResNet-18 (He et al., 2015) in either library, as torchvision has it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

Widths = tuple[int, int, int, int]
WIDTHS: Widths = (64, 128, 256, 512)


def resnet18(library: ModuleType, widths: Widths = WIDTHS, classes: int = 1000) -> Any:
    """The model; its `widths` are the channels of the four stages of two blocks."""
    nn = library.nn
    relu = nn.functional.relu

    def norm(channels: int) -> Any:
        return nn.BatchNorm2d(channels)

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        """Two 3x3 convolutions, and what they are added to."""

        def __init__(self, fan_in: int, out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(fan_in, out, 3, stride=stride, padding=1, bias=False)
            self.bn1 = norm(out)
            self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
            self.bn2 = norm(out)
            self.downsample = None
            if stride != 1 or fan_in != out:
                narrow = nn.Conv2d(fan_in, out, 1, stride=stride, bias=False)
                self.downsample = nn.Sequential(narrow, norm(out))

        def forward(self, x: Any) -> Any:
            way = relu(self.bn1(self.conv1(x)))
            way = self.bn2(self.conv2(way))
            return relu(way + (x if self.downsample is None else self.downsample(x)))

    layers: list[Any] = [
        nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False),
        norm(widths[0]),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    fan_in = widths[0]
    for number, out in enumerate(widths):
        layers += [Block(fan_in, out, 2 if number else 1), Block(out, out, 1)]
        fan_in = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(fan_in, classes))
