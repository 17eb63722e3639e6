"""Metrics of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from candle_ffi.dtype import int64
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor
from candle_ffi.training.metric import Metric

__all__ = ["Accuracy", "ConfusionMatrix", "F1Score", "Precision", "Recall"]

Array = np.ndarray[Any, Any]


class Accuracy(Metric):
    """The part of the targets that is predicted.

    Parameters
    ----------
    top_k : int, default 1
        A row counts where its class is among the `top_k` highest scores.
    threshold : float, default 0.0
        The score from which on a single output means class 1: 0 for logits, 0.5 for probabilities.
    ignore_index : int, optional
        The target that does not count.

    Raises
    ------
    InvalidArgumentError
        `top_k` is below 1.

    Notes
    -----
    `torchmetrics.Accuracy`, micro-averaged. ``preds`` are ``[n, classes, …]`` scores for ``[n, …]``
    targets; else ``[n]`` or ``[n, 1]`` scores of class 1, or classes.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Accuracy
    >>> scores = cf.tensor([[0.9, 0.1, 0.0], [0.3, 0.5, 0.2]])
    >>> Accuracy()(scores, cf.tensor([0, 0])), Accuracy(top_k=2)(scores, cf.tensor([0, 0]))
    (0.5, 1.0)
    """

    def __init__(
        self, top_k: int = 1, threshold: float = 0.0, ignore_index: int | None = None
    ) -> None:
        if top_k < 1:
            raise InvalidArgumentError(f"Accuracy: top_k must be at least 1, and it is {top_k}")
        self.top_k = top_k
        self.threshold = threshold
        self.ignore_index = ignore_index
        super().__init__()

    @property
    def name(self) -> str:
        """``accuracy``, or as in ``top5_accuracy``."""
        return "accuracy" if self.top_k == 1 else f"top{self.top_k}_accuracy"

    def reset(self) -> None:
        """Forget all batches."""
        self._hits: Any = 0
        self._count: Any = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds : Tensor
            Scores or classes.
        target : Tensor
            Classes.

        Raises
        ------
        ShapeError
            They do not fit.
        """
        if self.top_k == 1:
            hits = as_classes(preds, target, self.threshold) == target
        else:
            if preds.ndim != target.ndim + 1:
                raise ShapeError(
                    f"Accuracy: top_k={self.top_k} needs [n, classes, …] scores for [n, …] "
                    f"targets, not {preds.shape} for {target.shape}",
                    operation="Accuracy",
                    shapes=[preds.shape, target.shape],
                )
            best = preds.topk(min(self.top_k, preds.shape[1]), dim=1).indices
            hits = (best == target.unsqueeze(1)).any(dim=1)
        if self.ignore_index is None:
            self._count += target.numel()
        else:
            counted = target != self.ignore_index
            hits = hits & counted
            self._count += counted.sum()
        # The sums stay on the device until somebody asks.
        self._hits += hits.sum()

    def compute(self) -> float:
        """Return the accuracy so far, between 0 and 1; NaN before the first batch."""
        count = int(self._count)
        return int(self._hits) / count if count else float("nan")


class ConfusionMatrix(Metric):
    """How often each class was taken for each: rows are targets, columns predictions.

    Parameters
    ----------
    num_classes : int, optional
        The number of classes; as many as there are columns of scores, or as were seen, when not
        given.
    threshold : float, default 0.0
        The score from which on a single output means class 1: 0 for logits, 0.5 for probabilities.
    ignore_index : int, optional
        The target that does not count.

    Notes
    -----
    `torchmetrics.ConfusionMatrix`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import ConfusionMatrix
    >>> ConfusionMatrix()(cf.tensor([0, 1, 1, 2]), cf.tensor([0, 1, 2, 2]))
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """

    def __init__(
        self,
        num_classes: int | None = None,
        threshold: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        self.num_classes = num_classes
        self.threshold = threshold
        self.ignore_index = ignore_index
        super().__init__()

    def reset(self) -> None:
        """Forget all batches."""
        size = self.num_classes or 0
        self._matrix = np.zeros((size, size), np.int64)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds : Tensor
            Scores or classes.
        target : Tensor
            Classes.

        Raises
        ------
        InvalidArgumentError
            A class is negative, or not below `num_classes`.
        ShapeError
            They do not fit.
        """
        said = as_classes(preds, target, self.threshold).to(int64).to_numpy().ravel()
        right = target.to(int64).to_numpy().ravel()
        if self.ignore_index is not None:
            kept = right != self.ignore_index
            said, right = said[kept], right[kept]
        size = 1 + max(int(said.max(initial=-1)), int(right.max(initial=-1)))
        if self.num_classes is not None and size > self.num_classes:
            raise InvalidArgumentError(
                f"{type(self).__name__}: class {size - 1} is not below "
                f"num_classes={self.num_classes}"
            )
        if min(said.min(initial=0), right.min(initial=0)) < 0:
            raise InvalidArgumentError(f"{type(self).__name__}: a class is negative")
        if self.num_classes is None:
            size = max(size, len(self._matrix), _classes_of(preds, target))
        else:
            size = self.num_classes
        grown = size - len(self._matrix)
        if grown:
            self._matrix = np.pad(self._matrix, (0, grown))
        counts = np.bincount(right * size + said, minlength=size * size)
        self._matrix += counts.reshape(size, size)

    def compute(self) -> Any:
        """Return the ``[classes, classes]`` array of counts so far."""
        return self._matrix.copy()


class _OfCounts(ConfusionMatrix):
    """What precision, recall and F1 share: they come from the confusion matrix.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "none"}, default "macro"
        The mean over the classes, the one over all rows, the mean weighted by the number of
        targets, or one number for each class. Classes that were neither right nor said do not
        count in means.
    num_classes, threshold, ignore_index
        As in `ConfusionMatrix`.
    """

    def __init__(
        self,
        average: str = "macro",
        num_classes: int | None = None,
        threshold: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        if average not in ("macro", "micro", "weighted", "none"):
            raise InvalidArgumentError(
                f"{type(self).__name__}: average must be 'macro', 'micro', 'weighted' or 'none', "
                f"not {average!r}"
            )
        self.average = average
        super().__init__(num_classes, threshold, ignore_index)

    def compute(self) -> Any:
        """Return the number, or with ``average="none"`` the array of them; NaN before a batch."""
        true = np.diag(self._matrix).astype(float)
        said, right = self._matrix.sum(axis=0), self._matrix.sum(axis=1)
        if not right.sum():
            return float("nan")
        if self.average == "micro":
            return float(self._of(true.sum(), said.sum(), right.sum()))
        each = self._of(true, said, right)
        if self.average == "none":
            return each
        if self.average == "weighted":
            return float(np.average(each, weights=right))
        return float(each[(said + right) > 0].mean())

    def _of(self, true: Any, said: Any, right: Any) -> Any:
        raise NotImplementedError


class Precision(_OfCounts):
    """The part of what was said to be of a class that is: ``true / said``, 0 where none was said.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "none"}, default "macro"
        The mean over the classes, the one over all rows, the mean weighted by the number of
        targets, or one number for each class. Classes that were neither right nor said do not
        count in means.
    num_classes, threshold, ignore_index
        As in `ConfusionMatrix`.

    Notes
    -----
    `torchmetrics.Precision`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Precision
    >>> Precision()(cf.tensor([0, 1, 1, 1]), cf.tensor([0, 1, 1, 0]))
    0.8333333333333333
    """

    def _of(self, true: Any, said: Any, right: Any) -> Any:
        return true / np.maximum(said, 1)


class Recall(_OfCounts):
    """The part of a class that was found: ``true / right``, 0 where the class is not there.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "none"}, default "macro"
        The mean over the classes, the one over all rows, the mean weighted by the number of
        targets, or one number for each class. Classes that were neither right nor said do not
        count in means.
    num_classes, threshold, ignore_index
        As in `ConfusionMatrix`.

    Notes
    -----
    `torchmetrics.Recall`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Recall
    >>> Recall()(cf.tensor([0, 1, 1, 1]), cf.tensor([0, 1, 1, 0]))
    0.75
    """

    def _of(self, true: Any, said: Any, right: Any) -> Any:
        return true / np.maximum(right, 1)


class F1Score(_OfCounts):
    """The harmonic mean of precision and recall: ``2·true / (said + right)``.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "none"}, default "macro"
        The mean over the classes, the one over all rows, the mean weighted by the number of
        targets, or one number for each class. Classes that were neither right nor said do not
        count in means.
    num_classes, threshold, ignore_index
        As in `ConfusionMatrix`.

    Notes
    -----
    `torchmetrics.F1Score`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import F1Score
    >>> F1Score(average="micro")(cf.tensor([0, 1, 1, 1]), cf.tensor([0, 1, 1, 0]))
    0.75
    """

    @property
    def name(self) -> str:
        """``f1_score``."""
        return "f1_score"

    def _of(self, true: Any, said: Any, right: Any) -> Any:
        return 2 * true / np.maximum(said + right, 1)


def as_classes(preds: Tensor, target: Tensor, threshold: float) -> Tensor:
    """Return the classes that are predicted.

    Parameters
    ----------
    preds : Tensor
        ``[n, classes, …]`` scores, ``[n, …]`` or ``[n, 1]`` scores of class 1, or classes.
    target : Tensor
        ``[n, …]`` classes.
    threshold : float
        The score from which on a single output means class 1.

    Returns
    -------
    Tensor
        Classes, of the shape of the target.

    Raises
    ------
    ShapeError
        They do not fit.
    """
    shape, wanted = tuple(preds.shape), tuple(target.shape)
    if shape[:1] + shape[2:] == wanted and len(shape) > len(wanted) and shape[1] > 1:
        return preds.argmax(dim=1)
    if shape not in (wanted, (*wanted, 1)):
        raise ShapeError(
            f"predictions of shape {shape} do not fit targets of shape {wanted}; they are "
            "[n, classes, …] scores for [n, …] classes, or of the same shape",
            operation="metric",
            shapes=[shape, wanted],
        )
    single = (preds > threshold).to(target.dtype) if preds.is_floating_point() else preds
    return single if shape == wanted else single.squeeze(-1)


def _classes_of(preds: Tensor, target: Tensor) -> int:
    """Return how many classes the predictions are of, as far as their shape tells."""
    if preds.ndim > target.ndim and preds.shape[1] > 1:
        return int(preds.shape[1])
    return 2 if preds.is_floating_point() else 0
