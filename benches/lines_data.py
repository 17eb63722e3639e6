"""Epochs of data alone: nothing is trained, so the loader is all there is to wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from lines import Function, Line

SIZE, BATCH = 60_000, 128


def data_of(library: ModuleType) -> Any:
    """The module with the loader."""
    return library.utils.data if library.__name__ == "torch" else library.data


def images(kind: type) -> tuple[np.ndarray, np.ndarray]:
    """As many as Fashion-MNIST has, and their labels."""
    random = np.random.RandomState(0)
    pixels = random.randint(0, 255, (SIZE, 28, 28), np.uint8).astype(kind, copy=False)
    return pixels, random.randint(0, 10, SIZE)


def consume(batches: Any) -> None:
    """Take every batch and let it go."""
    deque(batches, maxlen=0)


def rows(kind: type) -> Callable[[ModuleType], Function]:
    """A shuffled epoch of a `TensorDataset`."""

    def make(library: ModuleType) -> Function:
        data = data_of(library)
        dataset = data.TensorDataset(*map(library.from_numpy, images(kind)))
        loader = data.DataLoader(dataset, BATCH, shuffle=True)
        return lambda: consume(loader)

    return make


def by_hand(kind: type) -> Callable[[ModuleType], Function]:
    """Our loader, against a loop of `index_select`, the quickest that PyTorch has."""

    def make(library: ModuleType) -> Function:
        pixels, labels = images(kind)
        if library.__name__ != "torch":
            dataset = library.data.TensorDataset(pixels, labels)
            loader = library.data.DataLoader(dataset, BATCH, shuffle=True)
            return lambda: consume(loader)
        x, y = library.from_numpy(pixels), library.from_numpy(labels)

        def epoch() -> None:
            for indices in library.randperm(SIZE).split(BATCH):
                x.index_select(0, indices), y.index_select(0, indices)

        return epoch

    return make


class Augmented:
    """Items with work in Python and NumPy: a picture is turned, moved and scaled."""

    def __init__(self) -> None:
        self.pixels, self.labels = (part[:4000] for part in images(np.uint8))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        picture = self.pixels[index][:, ::-1]
        for step in range(8):
            picture = np.roll(picture, step % 3 - 1, axis=step % 2)
        return picture.astype(np.float32) / 255, int(self.labels[index])


def workers(count: int) -> Callable[[ModuleType], Function]:
    """A shuffled epoch, made by worker processes that stay."""

    def make(library: ModuleType) -> Function:
        loader = data_of(library).DataLoader(
            Augmented(), BATCH, shuffle=True, num_workers=count, persistent_workers=count > 0
        )
        return lambda: consume(loader)

    return make


LINES = [
    Line("epoch of 60,000 28x28 uint8, shuffled", rows(np.uint8)),
    Line("epoch of 60,000 28x28 float32, shuffled", rows(np.float32)),
    Line("the same, PyTorch by index_select, uint8", by_hand(np.uint8)),
    Line("the same, PyTorch by index_select, float32", by_hand(np.float32)),
    Line("epoch of 4,000 items with Python work", workers(0)),
    Line("epoch of 4,000 items, two workers", workers(2)),
]
