"""Schedules: they change the learning rate of an optimizer from step to step."""

from __future__ import annotations

from candle_ffi.optim.lr_scheduler.annealing import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LinearLR,
    PolynomialLR,
)
from candle_ffi.optim.lr_scheduler.base import LRScheduler
from candle_ffi.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from candle_ffi.optim.lr_scheduler.cycles import CyclicLR, OneCycleLR
from candle_ffi.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from candle_ffi.optim.lr_scheduler.plateau import ReduceLROnPlateau
from candle_ffi.optim.lr_scheduler.stepwise import ConstantLR, ExponentialLR, MultiStepLR, StepLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
