"""What an estimator makes small, and what it scores by, with rows of different weight."""

from __future__ import annotations

from typing import Any

from candle_ffi._ops import cross_entropy, mse_loss
from candle_ffi.errors import ShapeError
from candle_ffi.tensor import Tensor
from candle_ffi.training import Accuracy, R2Score

__all__ = ["Objective", "RowAccuracy", "RowR2Score"]


class Objective:
    """The mean loss of the rows, and a penalty of large weights where the solver has none.

    Targets are those of the rows, or a pair: these, and weights of the rows whose mean is 1.

    Parameters
    ----------
    classes : bool
        True for the cross entropy of classes, False for half of the squared error of numbers.
    weights : list of Tensor
        What is penalised.
    decay : float
        By how much: half of it times the sum of the squares.
    """

    def __init__(self, classes: bool, weights: list[Tensor], decay: float) -> None:
        self._classes = classes
        self._weights = weights
        self._decay = decay
        self._looked = False

    def __call__(self, outputs: Tensor, targets: Any) -> Tensor:
        """Return the loss of a batch."""
        if isinstance(targets, tuple):
            targets, rows = targets
            loss: Tensor = (self._of(outputs, targets, "none") * rows).mean()
        else:
            loss = self._of(outputs, targets, "mean")
        for weight in self._weights:
            loss = loss + weight.square().sum() * (0.5 * self._decay)
        return loss

    def _of(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        if not self._looked:
            self._look(outputs, targets)
        if self._classes:
            return cross_entropy(outputs, targets, reduction=reduction)
        loss: Tensor = mse_loss(outputs, targets, reduction=reduction) * 0.5
        # A row counts as the mean of its outputs.
        return loss.mean(dim=1) if reduction == "none" else loss

    def _look(self, outputs: Tensor, targets: Tensor) -> None:
        """Refuse the results of a network of somebody's own that do not fit."""
        shape, wanted = tuple(outputs.shape), tuple(targets.shape)
        fits = len(shape) == 2 and shape[0] == wanted[0] if self._classes else shape == wanted
        if not fits:
            needed = f"[{wanted[0]}, classes]" if self._classes else str(list(wanted))
            raise ShapeError(
                f"the module gives results of shape {list(shape)}, and {needed} are needed",
                operation="fit",
                shapes=[shape],
            )
        self._looked = True


class RowAccuracy(Accuracy):
    """The accuracy, whatever the weights."""

    def update(self, preds: Tensor, target: Any) -> None:
        """Take in a batch."""
        super().update(preds, target[0] if isinstance(target, tuple) else target)


class RowR2Score(R2Score):
    """The coefficient of determination, whatever the weights."""

    def update(self, preds: Tensor, target: Any) -> None:
        """Take in a batch."""
        super().update(preds, target[0] if isinstance(target, tuple) else target)
