"""Optimizers: they change parameters by the gradients that `backward` has left."""

from __future__ import annotations

from candle_ffi.optim import lr_scheduler, swa_utils
from candle_ffi.optim.adadelta import Adadelta
from candle_ffi.optim.adagrad import Adagrad
from candle_ffi.optim.adam import Adam, AdamW
from candle_ffi.optim.adamax import Adamax
from candle_ffi.optim.asgd import ASGD
from candle_ffi.optim.lbfgs import LBFGS
from candle_ffi.optim.lion import Lion
from candle_ffi.optim.nadam import NAdam
from candle_ffi.optim.optimizer import Optimizer
from candle_ffi.optim.radam import RAdam
from candle_ffi.optim.rmsprop import RMSprop
from candle_ffi.optim.rprop import Rprop
from candle_ffi.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]
