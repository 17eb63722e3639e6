"""Optimizers: they change parameters by the gradients that `backward` has left."""

from __future__ import annotations

from candle_ffi.optim.optimizer import Optimizer
from candle_ffi.optim.sgd import SGD

__all__ = ["SGD", "Optimizer"]
