"""Training without a loop of one's own: a trainer, metrics, callbacks and a history to plot.

>>> import candle_ffi as cf
>>> from candle_ffi.training import Trainer
>>> _ = cf.manual_seed(0)
>>> x = cf.rand(64, 2)
>>> model = cf.nn.Linear(2, 1)
>>> trainer = Trainer(model, cf.SGD(model.parameters(), lr=0.5), cf.mse_loss, progress=False)
>>> history = trainer.fit((x, x @ cf.tensor([[2.0], [3.0]])), epochs=50, batch_size=16)
>>> [round(value, 2) for value in model.weight.tolist()[0]]
[2.0, 3.0]
"""

from __future__ import annotations

from candle_ffi.training.callback import Callback
from candle_ffi.training.classification import (
    Accuracy,
    ConfusionMatrix,
    F1Score,
    Precision,
    Recall,
)
from candle_ffi.training.early_stopping import EarlyStopping
from candle_ffi.training.history import History
from candle_ffi.training.losses import NonFiniteLossError
from candle_ffi.training.metric import MeanMetric, Metric
from candle_ffi.training.model_checkpoint import ModelCheckpoint
from candle_ffi.training.progress import ProgressBar, ProgressLines
from candle_ffi.training.regression import MeanAbsoluteError, MeanSquaredError, R2Score
from candle_ffi.training.tensorboard import TensorBoard
from candle_ffi.training.trainer import Trainer

__all__ = [
    "Accuracy",
    "Callback",
    "ConfusionMatrix",
    "EarlyStopping",
    "F1Score",
    "History",
    "MeanAbsoluteError",
    "MeanMetric",
    "MeanSquaredError",
    "Metric",
    "ModelCheckpoint",
    "NonFiniteLossError",
    "Precision",
    "ProgressBar",
    "ProgressLines",
    "R2Score",
    "Recall",
    "TensorBoard",
    "Trainer",
]
