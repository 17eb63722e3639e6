"""Layers, containers, losses, and the functions behind them."""

from __future__ import annotations

from candle_ffi.nn import functional
from candle_ffi.nn.activation import GELU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from candle_ffi.nn.container import ModuleDict, ModuleList, Sequential
from candle_ffi.nn.dropout import Dropout
from candle_ffi.nn.linear import Flatten, Identity, Linear
from candle_ffi.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from candle_ffi.nn.module import Module
from candle_ffi.nn.normalization import LayerNorm
from candle_ffi.nn.parameter import Parameter
from candle_ffi.nn.simple import SimpleNN
from candle_ffi.nn.sparse import Embedding

__all__ = [
    "GELU",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SimpleNN",
    "Softmax",
    "Tanh",
    "functional",
]
