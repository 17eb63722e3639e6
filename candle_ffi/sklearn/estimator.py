"""What both estimators share: how they are fitted, by a trainer."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from candle_ffi import dtype as dtypes
from candle_ffi import random
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.optim import LBFGS
from candle_ffi.sklearn.network import make_module, make_optimizer, make_scheduler, weights_of
from candle_ffi.sklearn.objective import Objective
from candle_ffi.training import EarlyStopping, History, Metric, Trainer
from candle_ffi.training.batches import Whole

__all__ = ["CandleEstimator"]

Array = np.ndarray[Any, Any]
E = TypeVar("E", bound="CandleEstimator")

#: The most rows of a batch that is not trained with.
_ROWS: Final = 4096

#: The default generator is that of the whole process: fits in several threads take turns.
_drawing: Final = threading.RLock()


class CandleEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share."""

    #: Whether the targets are classes.
    _classes: ClassVar[bool]
    #: What is looked at where a part of the rows is kept for validation.
    _score: ClassVar[type[Metric]]

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        module: Any = None,
        solver: Any = "adam",
        alpha: float = 1e-4,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.module = module
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    # What an estimator has: the targets as the network sees them ----------------------------------

    def _targets(self, y: Any, X: Array, weights: Array | None, known: bool) -> Array:  # noqa: N803
        """Return the targets as the network sees them; learn what they are like if it is new."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """Return the number of outputs of the network."""
        raise NotImplementedError

    # Fitting --------------------------------------------------------------------------------------

    def fit(self: E, X: Any, y: Any, sample_weight: Any = None) -> E:  # noqa: N803
        """Fit a new network, or with ``warm_start`` the one that is there.

        Parameters
        ----------
        X : array-like
            ``[n, features]``; with a `module` of one's own also rows of more dimensions. The
            network computes in float32 where this is its dtype, else in float64.
        y : array-like
            ``[n]`` targets; for regression also ``[n, outputs]``.
        sample_weight : array-like, optional
            ``[n]``; how much each row counts.

        Returns
        -------
        estimator
            Itself.
        """
        go_on = bool(self.warm_start) and self.__sklearn_is_fitted__()
        rows, targets, weights = self._prepare(X, y, sample_weight, reset=True, known=go_on)
        self._check()
        state = check_random_state(self.random_state)
        with _seeded(state):
            if not go_on:
                self.model_ = self._network(rows)
            held: Any = None
            if self.early_stopping:
                rows, targets, weights, held = self._held_out(rows, targets, weights, state)
            self._trainer = self._make_trainer(rows, weights, self.max_iter)
            stopping = self._stopping()
            self._trainer.callbacks.append(stopping)
            self._run(rows, targets, weights, self.max_iter, held)
        # A cosine ends where it shall.
        if not stopping.stopped_epoch and self.learning_rate != "cosine":
            warnings.warn(
                f"{type(self).__name__}: max_iter={self.max_iter} epochs have not been enough "
                "for the loss to settle",
                ConvergenceWarning,
                stacklevel=2,
            )
        self._trainer.callbacks.clear()
        self._describe()
        return self

    def _partial_fit(
        self: E,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any,
        known: bool = False,
    ) -> E:
        """Walk the rows once; `known` says that what the targets are like is, also at first."""
        first = not self.__sklearn_is_fitted__()
        known = known or not first
        rows, targets, weights = self._prepare(X, y, sample_weight, reset=first, known=known)
        self._check()
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if first or not hasattr(self, "_random"):
            self._random = check_random_state(self.random_state)
        with _seeded(self._random):
            if first:
                self.model_ = self._network(rows)
                self._trainer = self._make_trainer(rows, weights, self.max_iter)
            self._run(rows, targets, weights, 1, None)
        self._describe()
        return self

    def _prepare(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any,
        reset: bool,
        known: bool,
    ) -> tuple[Array, Array, Array | None]:
        """Return checked rows, targets and weights; the last with a mean of 1."""
        X, y = validate_data(  # noqa: N806
            self,
            X,
            y,
            reset=reset,
            dtype=(np.float64, np.float32),
            allow_nd=self.module is not None,
            multi_output=True,
            y_numeric=not self._classes,
        )
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            # A row of no weight is no row.
            kept = weights > 0
            X, y, weights = X[kept], y[kept], weights[kept]  # noqa: N806
        targets = self._targets(y, X, weights, known)
        weights = self._with_classes(targets, weights)
        if weights is not None:
            self._total_weight = float(weights.sum())
            weights = (weights / weights.mean()).astype(X.dtype)
        else:
            self._total_weight = float(len(X))
        return X, targets, weights

    def _with_classes(self, targets: Array, weights: Array | None) -> Array | None:
        """Return the weights of the rows times those of their classes."""
        return weights

    def _check(self) -> None:
        for name in ("max_iter", "n_iter_no_change"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} must be at least 1, and whole; it is {value!r}")
        if not self.learning_rate_init > 0:
            raise ValueError(
                f"learning_rate_init must be above 0, and it is {self.learning_rate_init}"
            )
        if not self.alpha >= 0:
            raise ValueError(f"alpha must not be negative, and it is {self.alpha}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be between 0 and 1, and it is {self.validation_fraction}"
            )
        size = self.batch_size
        if size != "auto" and (not isinstance(size, (int, np.integer)) or size < 1):
            raise ValueError(f"batch_size must be 'auto' or at least 1, not {size!r}")

    def _network(self, rows: Array) -> Module:
        inputs: Any = rows.shape[1] if rows.ndim == 2 else rows.shape[1:]
        return make_module(
            self.module,
            self.hidden_layer_sizes,
            self.activation,
            inputs,
            self._outputs(),
            _dtype_of(rows),
        )

    def _size(self, rows: Array) -> int:
        """Return the rows of a batch."""
        if self.solver == "lbfgs":
            return len(rows)
        return min(200 if self.batch_size == "auto" else int(self.batch_size), len(rows))

    def _make_trainer(self, rows: Array, weights: Array | None, epochs: int) -> Trainer:
        model = self.model_
        # As in scikit-learn's networks: alpha is divided by the rows of a batch.
        batches = math.ceil(len(rows) / self._size(rows))
        decay = self.alpha * batches / self._total_weight
        if self.solver == "adamw":
            # AdamW shrinks by itself, not by the gradient.
            decay = self.alpha
        optimizer = make_optimizer(
            self.solver, model, self.learning_rate_init, self.momentum, decay
        )
        penalised = weights_of(model) if isinstance(optimizer, LBFGS) else []
        return Trainer(
            model,
            optimizer,
            Objective(self._classes, penalised, decay),
            metrics=[self._score()] if self.early_stopping else None,
            scheduler=make_scheduler(self.learning_rate, optimizer, epochs),
            progress="lines" if self.verbose else False,
        )

    def _stopping(self) -> EarlyStopping:
        return EarlyStopping(
            monitor=f"val_{self._score().name}" if self.early_stopping else "loss",
            patience=self.n_iter_no_change,
            min_delta=max(float(self.tol), 0.0),
            restore_best=self.early_stopping,
        )

    def _run(
        self, rows: Array, targets: Array, weights: Array | None, epochs: int, held: Any
    ) -> None:
        size = self._size(rows)
        data = (rows, targets if weights is None else (targets, weights))
        if size == len(rows):
            # One batch: nothing is drawn, nothing is gathered.
            self._trainer.fit([_whole(data, self._trainer)], epochs, validation=held)
        else:
            self._trainer.fit(data, epochs, validation=held, batch_size=size, shuffle=self.shuffle)

    def _held_out(
        self, rows: Array, targets: Array, weights: Array | None, state: Any
    ) -> tuple[Array, Array, Array | None, Any]:
        """Return rows, targets and weights without those that are kept, and these."""
        stratify = targets if self._classes else None
        places = np.arange(len(rows))
        kept, held = train_test_split(
            places, test_size=self.validation_fraction, random_state=state, stratify=stratify
        )
        validation = (rows[held], targets[held])
        return rows[kept], targets[kept], None if weights is None else weights[kept], validation

    def _describe(self) -> None:
        """Tell what the training was like, by scikit-learn's names."""
        history: History = self._trainer.history
        self.n_iter_ = history.epochs
        self.loss_curve_ = list(history["loss"])
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = min(self.loss_curve_)
        self.n_outputs_ = self._outputs()
        scores = history.get(f"val_{self._score().name}")
        if scores is not None:
            self.validation_scores_ = list(scores)
            self.best_validation_score_ = max(scores)
        elif hasattr(self, "validation_scores_"):
            del self.validation_scores_, self.best_validation_score_

    # Results --------------------------------------------------------------------------------------

    def _results(self, X: Any) -> Any:  # noqa: N803
        """Return what the network makes of rows, as an array."""
        check_is_fitted(self)
        rows = validate_data(
            self,
            X,
            reset=False,
            dtype=(np.float64, np.float32),
            allow_nd=self.module is not None,
        )
        trainer: Trainer = self._trainer
        if len(rows) <= _ROWS:
            return trainer.predict([_whole(rows, trainer)]).to_numpy()
        return trainer.predict(rows, batch_size=_ROWS).to_numpy()

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether `fit` or `partial_fit` has made a network."""
        return hasattr(self, "n_iter_")


def _dtype_of(rows: Array) -> DType:
    return dtypes.float32 if rows.dtype == np.float32 else dtypes.float64


def _whole(data: Any, trainer: Trainer) -> Any:
    """Return all rows as one batch of the dtype of the network."""
    whole = Whole(data, trainer._dtype())
    return whole.gather(np.arange(len(whole)))


@contextmanager
def _seeded(state: np.random.RandomState) -> Iterator[None]:
    """Draw what is random within from a state, and leave the random numbers outside as they are."""
    with _drawing:
        before = random.get_rng_state()
        random.manual_seed(int(state.randint(np.iinfo(np.int32).max)))
        try:
            yield
        finally:
            random.set_rng_state(before)
