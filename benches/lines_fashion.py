"""The CNN of the image classification example, data loading and augmentation included.

An epoch here is 6,400 of the images, which are bytes of Fashion-MNIST's shape: what they show makes
no difference to the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
from lines import Function, Line

import candle_ffi
from candle_ffi import transforms

IMAGES, BATCH = 6_400, 128
Batches = Iterable[tuple[Any, Any]]


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (IMAGES, 1, 28, 28)).astype(np.uint8)
    return images, random.randint(0, 10, IMAGES)


def _loader(library: ModuleType) -> Batches:
    """Shuffled batches."""
    images, labels = _data()
    if library is candle_ffi:
        data = library.data
        dataset = data.TensorDataset(images, labels)
    else:
        import torch.utils.data as data

        dataset = data.TensorDataset(library.from_numpy(images), library.from_numpy(labels))
    return data.DataLoader(dataset, batch_size=BATCH, shuffle=True)  # type: ignore[no-any-return]


def _augmented(library: ModuleType, images: Any) -> Any:
    """Each image shifted by a pixel at most, and turned in half of the cases."""
    if library is candle_ffi:
        return _OURS(images)
    # Whole batches as well: torchvision would take them image by image.
    count = len(images)
    padded = library.nn.functional.pad(images, (1, 1, 1, 1))
    pixels = library.arange(28)
    rows = (library.randint(0, 3, (count, 1)) + pixels) * 30
    columns = library.randint(0, 3, (count, 1)) + pixels
    index = (rows[:, :, None] + columns[:, None, :]).reshape(count, 1, -1)
    images = padded.flatten(2).gather(2, index).reshape(count, 1, 28, 28)
    return library.where(library.rand(count, 1, 1, 1) < 0.5, images.flip(-1), images)


_OURS = transforms.Compose(
    [transforms.RandomCrop(28, padding=1), transforms.RandomHorizontalFlip()]
)


class _Training:
    """The model, and steps on batches of augmented images."""

    def __init__(self, library: ModuleType) -> None:
        nn = library.nn
        layers: list[Any] = []
        for channels, out in ((1, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(1152, 10))
        self.model = model
        self.optimizer = library.optim.SGD(
            model.parameters(), lr=0.05, momentum=0.9, weight_decay=3e-4, nesterov=True
        )
        self.loss = nn.CrossEntropyLoss()

    def step(self, images: Any, labels: Any) -> float:
        """Forward, backward, update."""
        loss = self.loss(self.model((images.float() / 255 - 0.286) / 0.353), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.item())


def epoch(library: ModuleType) -> Function:
    """Every image once."""
    training, loader = _Training(library), _loader(library)

    def function() -> None:
        for images, labels in loader:
            training.step(_augmented(library, images), labels)

    return function


def share(library: ModuleType) -> Function:
    """The same; and in the other's place candle_ffi's steps alone, on batches made beforehand."""
    if library is candle_ffi:
        return epoch(library)
    training = _Training(candle_ffi)
    batches = [(_augmented(candle_ffi, x), y) for x, y in _loader(candle_ffi)]

    def function() -> None:
        for images, labels in batches:
            training.step(images, labels)

    return function


LINES = [
    Line("epoch of the Fashion-MNIST CNN, data included", epoch, 1 / 1.3),
    Line("the same, against its steps alone", share, 0.95, "no loader"),
]
