"""Training steps of whole models of convolutions."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from lines import Function, Line, array, put


def training(model: Any, library: ModuleType, images: np.ndarray) -> Function:
    """Forward, cross entropy, backward, SGD with momentum."""
    model = put(library, model)
    optimizer = library.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = put(library, images)
    y = put(library, np.random.RandomState(0).randint(0, 10, len(images)))
    loss = library.nn.functional.cross_entropy

    def step() -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    return step


def lenet(library: ModuleType) -> Function:
    """Two convolutions of 5x5 with ReLU and max pooling, three affine maps; images of 28x28."""
    nn = library.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return training(model, library, array(64, 1, 28, 28))


def normalized(library: ModuleType, batch: int = 32, size: int = 32) -> Function:
    """Three blocks of a 3x3 convolution, batch normalization and ReLU; square images."""
    nn = library.nn
    layers: list[Any] = []
    for channels, out in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return training(model, library, array(batch, 3, size, size))


LINES = [
    Line("training step, LeNet-like CNN, batch 64", lenet, 0.7),
    Line("training step, CNN with batch norm, 32x32, batch 32", normalized, 0.7),
]
