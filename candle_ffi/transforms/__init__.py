"""Images made ready for a network: conversion, sizes, and random changes while training.

The names and the numbers are those of `torchvision.transforms`. What is different: a batch
``[n, c, h, w]`` goes in as a whole, and each image of it has random numbers of its own.

>>> import candle_ffi as cf
>>> from candle_ffi import transforms
>>> augment = transforms.Compose([
...     transforms.RandomCrop(28, padding=2),
...     transforms.RandomHorizontalFlip(),
...     transforms.ConvertImageDtype(cf.float32),
...     transforms.Normalize([0.286], [0.353]),
... ])
>>> augment(cf.zeros(64, 1, 28, 28, dtype=cf.uint8)).shape
(64, 1, 28, 28)
"""

from __future__ import annotations

from candle_ffi.transforms.compose import Compose
from candle_ffi.transforms.convert import ConvertImageDtype, Normalize, ToTensor
from candle_ffi.transforms.random import RandomCrop, RandomErasing, RandomHorizontalFlip
from candle_ffi.transforms.size import CenterCrop, Resize

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "Normalize",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "Resize",
    "ToTensor",
]
