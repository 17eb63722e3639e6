"""Classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from candle_ffi.sklearn.estimator import Array, CandleEstimator
from candle_ffi.sklearn.objective import RowAccuracy

__all__ = ["CandleClassifier"]


class CandleClassifier(ClassifierMixin, CandleEstimator):  # type: ignore[misc]
    """A network that tells classes apart, by scikit-learn's rules.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default (100,)
        The sizes of the layers between input and output.
    activation : str or callable, default "relu"
        What follows each of them: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``,
        ``"gelu"``, ``"silu"``, or a class of modules.
    module : Module or callable, optional
        A network of one's own in their place, from ``[n, …]`` rows to ``[n, classes]`` scores; or
        ``module(inputs, outputs)``, which makes one. A network is copied, and its copy fitted from
        the weights that it has.
    solver : str or callable, default "adam"
        ``"adam"``, ``"adamw"``, ``"sgd"``, ``"lbfgs"`` (all rows at once), or ``solver(groups)``,
        which makes an optimizer of groups of parameters.
    alpha : float, default 1e-4
        How much large weights cost, divided by the rows of a batch as in `MLPClassifier`; the
        weight decay itself for ``"adamw"``.
    batch_size : int, default "auto"
        The rows of a batch; 200 for ``"auto"``, or all where there are fewer.
    learning_rate : {"constant", "cosine", "adaptive"}, default "constant"
        What becomes of the learning rate: it stays, falls to zero along a cosine, or is divided by
        5 where the loss falls no more.
    learning_rate_init : float, default 0.001
        The learning rate.
    max_iter : int, default 200
        The most epochs.
    shuffle : bool, default True
        Whether the rows are in another order in each epoch.
    random_state : int or RandomState, optional
        What decides the first weights, the order of the rows, and dropout.
    tol : float, default 1e-4
        By how much loss or score must get better to count.
    verbose : bool, default False
        Whether a line is printed for each epoch.
    warm_start : bool, default False
        Whether `fit` goes on with the network that is there.
    momentum : float, default 0.9
        What ``"sgd"`` keeps of its last step.
    early_stopping : bool, default False
        Whether some rows are kept to look at the accuracy, and the best network is kept.
    validation_fraction : float, default 0.1
        How many rows.
    n_iter_no_change : int, default 10
        After how many epochs without a better loss or score the training ends.
    class_weight : dict or "balanced", optional
        How much each class counts.

    Attributes
    ----------
    classes_ : ndarray
        The classes.
    model_ : Module
        The network.
    n_iter_ : int
        The number of epochs.
    loss_curve_, validation_scores_ : list of float
        The loss, and with `early_stopping` the accuracy of the rows kept, after each epoch.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray
        Their names, where `X` had some.

    Notes
    -----
    `sklearn.neural_network.MLPClassifier`, with one's own networks. The network computes in
    float32 where `X` has that dtype, which is faster, else in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from candle_ffi.sklearn import CandleClassifier
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> classifier = CandleClassifier((8,), solver="lbfgs", random_state=0)
    >>> classifier.fit(X, ["low", "low", "high", "high"]).predict([[0.5], [12.0]])
    array(['low', 'high'], dtype='<U4')
    """

    _classes = True
    _score = RowAccuracy

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
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            module=module,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
        )
        self.class_weight = class_weight

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> CandleClassifier:
        """Walk the rows once, with the network that is there or a new one.

        Parameters
        ----------
        X, y : array-like
            ``[n, features]`` rows and ``[n]`` classes.
        classes : array-like, optional
            All classes that will ever come; needed in the first call.
        sample_weight : array-like, optional
            ``[n]``; how much each row counts.

        Returns
        -------
        CandleClassifier
            Itself.

        Raises
        ------
        ValueError
            The first call has no `classes`, or a later one others.
        """
        if not self.__sklearn_is_fitted__():
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        return self._partial_fit(X, y, sample_weight, known=True)

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the class of each row.

        Parameters
        ----------
        X : array-like
            ``[n, features]`` rows.

        Returns
        -------
        ndarray
            ``[n]`` classes.
        """
        scores = self._results(X)
        found: Array = self.classes_[scores.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probability of each class for each row.

        Parameters
        ----------
        X : array-like
            ``[n, features]`` rows.

        Returns
        -------
        ndarray
            ``[n, classes]``, in the order of ``classes_``.
        """
        probabilities: Array = np.exp(self.predict_log_proba(X))
        return probabilities

    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the logarithm of the probability of each class for each row.

        Parameters
        ----------
        X : array-like
            ``[n, features]`` rows.

        Returns
        -------
        ndarray
            ``[n, classes]``, in the order of ``classes_``.
        """
        scores = self._results(X)
        scores = scores - scores.max(axis=1, keepdims=True)
        logarithms: Array = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return logarithms

    def _targets(self, y: Any, X: Array, weights: Array | None, known: bool) -> Array:  # noqa: N803
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if not known:
            self.classes_ = np.unique(y)
        places = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if known and not np.array_equal(self.classes_[places], y):
            odd = np.setdiff1d(y, self.classes_)
            raise ValueError(f"y has classes {odd} that are not in classes_={self.classes_}")
        return np.asarray(places, np.int64)

    def _with_classes(self, targets: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        factors: Array = compute_sample_weight(self.class_weight, self.classes_[targets])
        return factors if weights is None else factors * weights

    def _outputs(self) -> int:
        return len(self.classes_)
