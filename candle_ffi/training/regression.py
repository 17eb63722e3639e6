"""Metrics of numbers; their sums are of double precision, whatever the tensors are."""

from __future__ import annotations

import math
from typing import Any

from candle_ffi.dtype import float64
from candle_ffi.errors import ShapeError
from candle_ffi.tensor import Tensor
from candle_ffi.training.metric import Metric

__all__ = ["MeanAbsoluteError", "MeanSquaredError", "R2Score"]


class _OfErrors(Metric):
    """What the means of errors share."""

    def reset(self) -> None:
        """Forget all batches."""
        self._sum: Any = 0.0
        self._count = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds, target : Tensor
            Numbers of the same shape; ``[n, 1]`` and ``[n]`` fit too.

        Raises
        ------
        ShapeError
            They do not fit.
        """
        self._sum += self._errors(difference(preds, target)).sum(dtype=float64)
        self._count += target.numel()

    def compute(self) -> float:
        """Return the mean so far; NaN before the first batch."""
        return float(self._sum) / self._count if self._count else math.nan

    def _errors(self, difference: Tensor) -> Tensor:
        raise NotImplementedError


class MeanAbsoluteError(_OfErrors):
    """The mean of the absolute differences.

    Notes
    -----
    `torchmetrics.MeanAbsoluteError`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import MeanAbsoluteError
    >>> MeanAbsoluteError()(cf.tensor([1.0, 2.0]), cf.tensor([1.0, 5.0]))
    1.5
    """

    def _errors(self, difference: Tensor) -> Tensor:
        return difference.abs()


class MeanSquaredError(_OfErrors):
    """The mean of the squared differences, or its root.

    Parameters
    ----------
    squared : bool, default True
        False for the root.

    Notes
    -----
    `torchmetrics.MeanSquaredError`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import MeanSquaredError
    >>> preds, target = cf.tensor([1.0, 1.0]), cf.tensor([1.0, 3.0])
    >>> MeanSquaredError()(preds, target), round(MeanSquaredError(squared=False)(preds, target), 4)
    (2.0, 1.4142)
    """

    def __init__(self, squared: bool = True) -> None:
        self.squared = squared
        super().__init__()

    @property
    def name(self) -> str:
        """``mean_squared_error``, or ``root_mean_squared_error``."""
        return "mean_squared_error" if self.squared else "root_mean_squared_error"

    def compute(self) -> float:
        """Return the mean or its root so far; NaN before the first batch."""
        mean = super().compute()
        return mean if self.squared else math.sqrt(mean)

    def _errors(self, difference: Tensor) -> Tensor:
        return difference.square()


class R2Score(Metric):
    """The coefficient of determination: ``1 - Σ(y - ŷ)² / Σ(y - ȳ)²``, the mean over the outputs.

    Notes
    -----
    `torchmetrics.R2Score`. Outputs whose targets are all the same count 0, or 1 where all of them
    are predicted, as in scikit-learn.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import R2Score
    >>> R2Score()(cf.tensor([1.0, 2.0, 4.0]), cf.tensor([1.0, 2.0, 3.0]))
    0.5
    """

    @property
    def name(self) -> str:
        """``r2_score``."""
        return "r2_score"

    def reset(self) -> None:
        """Forget all batches."""
        self._count = 0
        self._mean: Any = 0.0
        self._spread: Any = 0.0
        self._errors: Any = 0.0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds, target : Tensor
            ``[n]`` or ``[n, outputs]`` numbers.

        Raises
        ------
        ShapeError
            They do not fit.
        """
        self._errors += difference(preds, target).double().square().sum(dim=0)
        # Means and spreads of parts are joined as Chan, Golub and LeVeque do it, since sums of
        # squares would cancel.
        rows, values = len(target), target.double()
        mean = values.mean(dim=0)
        step = mean - self._mean
        count = self._count + rows
        self._spread += (values - mean).square().sum(dim=0)
        self._spread += step.square() * (self._count * rows / count)
        self._mean += step * (rows / count)
        self._count = count

    def compute(self) -> float:
        """Return the score so far, at most 1; NaN with fewer than two rows."""
        if self._count < 2:
            return math.nan
        pairs = zip(
            self._errors.reshape(-1).tolist(), self._spread.reshape(-1).tolist(), strict=True
        )
        scores = [
            1.0 - error / spread if spread else float(error == 0.0) for error, spread in pairs
        ]
        return sum(scores) / len(scores)


def difference(preds: Tensor, target: Tensor) -> Tensor:
    """Return predictions minus targets.

    Parameters
    ----------
    preds, target : Tensor
        Of the same shape; ``[n, 1]`` and ``[n]`` fit too.

    Returns
    -------
    Tensor
        Of the shape of the targets.

    Raises
    ------
    ShapeError
        They do not fit.
    """
    shape, wanted = tuple(preds.shape), tuple(target.shape)
    if shape != wanted:
        if (*shape, 1) != wanted and shape != (*wanted, 1):
            raise ShapeError(
                f"predictions of shape {shape} do not fit targets of shape {wanted}",
                operation="metric",
                shapes=[shape, wanted],
            )
        preds = preds.reshape(wanted)
    result: Tensor = preds - target
    return result if result.is_floating_point() else result.double()
