"""Numbers that are gathered batch by batch, exactly as if all data were one batch."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from candle_ffi.autograd import no_grad
from candle_ffi.creation import as_tensor
from candle_ffi.tensor import Tensor

__all__ = ["MeanMetric", "Metric", "as_metrics"]

M = TypeVar("M", bound="Metric")


class Metric:
    """Base of the metrics: `update` takes in a batch, `compute` tells the result so far.

    A metric of one's own defines `reset`, which begins anew, `update` and `compute`.

    Notes
    -----
    `torchmetrics.Metric`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Metric
    >>> class Largest(Metric):
    ...     def reset(self):
    ...         self.largest = 0.0
    ...
    ...     def update(self, preds, target):
    ...         self.largest = max(self.largest, (preds - target).abs().max().item())
    ...
    ...     def compute(self):
    ...         return self.largest
    >>> Largest()(cf.tensor([1.0, 2.0]), cf.tensor([1.5, 4.0]))
    2.0
    """

    def __init__(self) -> None:
        self.reset()

    @property
    def name(self) -> str:
        """What the metric is called in logs and histories: the class, as in ``mean_metric``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} has no reset")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds, target : Tensor
            What the model says, and what is right.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def compute(self) -> Any:
        """Return the result of all batches so far; NaN before the first."""
        raise NotImplementedError(f"{type(self).__name__} has no compute")

    def clone(self: M) -> M:
        """Return a metric of the same options without any batch."""
        twin = copy.deepcopy(self)
        twin.reset()
        return twin

    def state_dict(self) -> dict[str, Any]:
        """Return what was gathered so far: numbers, tensors, arrays, and lists and such of them."""
        kinds = (int, float, Tensor, np.ndarray, list, tuple, dict, set)
        return {
            name: copy.deepcopy(value)
            for name, value in vars(self).items()
            if isinstance(value, kinds)
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        # A copy: sums and lists are changed in place.
        vars(self).update(copy.deepcopy(state_dict))

    def __call__(self, preds: Any, target: Any) -> Any:
        """Return the result of one batch alone, and leave the metric as it is.

        Parameters
        ----------
        preds, target : Tensor or array
            What the model says, and what is right.
        """
        alone = self.clone()
        with no_grad():
            alone.update(as_tensor(preds), as_tensor(target))
        return alone.compute()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class MeanMetric(Metric):
    """The mean of a function of batches, each batch weighted by its rows.

    Parameters
    ----------
    function : callable
        ``function(preds, target)`` returns the number of a batch.
    name : str, optional
        What it is called; the name of the function when not given.

    Notes
    -----
    `torchmetrics.MeanMetric`, of the results of a function

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import MeanMetric
    >>> metric = MeanMetric(lambda preds, target: (preds - target).mean(), name="bias")
    >>> metric.update(cf.ones(3), cf.zeros(3))
    >>> metric.update(cf.zeros(1), cf.zeros(1))
    >>> metric.compute()
    0.75
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Any], name: str | None = None) -> None:
        super().__init__()
        self.function = function
        own = getattr(function, "__name__", type(function).__name__)
        self._name = name if name is not None else str(own)

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    def reset(self) -> None:
        """Forget all batches."""
        self._sum = 0.0
        self._rows = 0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in a batch.

        Parameters
        ----------
        preds, target : Tensor
            What the function is called with.
        """
        rows = len(preds) if preds.ndim else 1
        self._sum += float(self.function(preds, target)) * rows
        self._rows += rows

    def compute(self) -> float:
        """Return the mean over all rows so far; NaN before the first."""
        return self._sum / self._rows if self._rows else float("nan")


Given = Mapping[str, Any] | Iterable[Any] | None


def as_metrics(metrics: Given) -> dict[str, Metric]:
    """Return metrics by their names.

    Parameters
    ----------
    metrics : mapping or iterable of Metric or callable, optional
        The metrics, or functions of predictions and targets whose mean is taken.

    Returns
    -------
    dict of str to Metric
        The metrics.

    Raises
    ------
    TypeError
        Something is neither a metric nor a function.
    ValueError
        Two have the same name.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, (Metric, str)) or callable(metrics):
        raise TypeError(f"metrics must be a list or a dictionary, not {metrics!r}")
    named: dict[str, Metric] = {}
    pairs: Iterable[tuple[str | None, Any]]
    pairs = metrics.items() if isinstance(metrics, Mapping) else ((None, each) for each in metrics)
    for name, each in pairs:
        if isinstance(each, type) or not (isinstance(each, Metric) or callable(each)):
            raise TypeError(f"a metric is an object such as Accuracy(), not {each!r}")
        if not isinstance(each, Metric):
            each = MeanMetric(each)
        key = name or each.name
        if key in named or key == "loss":
            raise ValueError(
                f"there is a metric {key!r} already; name them: metrics={{'other': …}}"
            )
        named[key] = each
    return named


def as_number(value: Any) -> Any:
    """Return what a metric has computed: a number as a Python number, an array as it is.

    Parameters
    ----------
    value : object
        The result of `compute`.

    Returns
    -------
    object
        The same, without a tensor or array around one number.
    """
    if isinstance(value, (Tensor, np.ndarray, np.generic)) and value.ndim == 0:
        return value.item()
    return value
