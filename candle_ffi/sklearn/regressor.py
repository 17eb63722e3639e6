"""Numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from candle_ffi.sklearn.estimator import Array, CandleEstimator
from candle_ffi.sklearn.objective import RowR2Score

__all__ = ["CandleRegressor"]


class CandleRegressor(RegressorMixin, CandleEstimator):  # type: ignore[misc]
    """A network that predicts numbers, by scikit-learn's rules.

    The network sees targets of mean 0 and deviation 1, whatever their scale, and `predict` undoes
    it; so targets need no scaling, other than features.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default (100,)
        The sizes of the layers between input and output.
    activation : str or callable, default "relu"
        What follows each of them: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``,
        ``"gelu"``, ``"silu"``, or a class of modules.
    module : Module or callable, optional
        A network of one's own in their place, from ``[n, …]`` rows to ``[n, outputs]`` numbers; or
        ``module(inputs, outputs)``, which makes one. A network is copied, and its copy fitted from
        the weights that it has.
    solver : str or callable, default "adam"
        ``"adam"``, ``"adamw"``, ``"sgd"``, ``"lbfgs"`` (all rows at once), or ``solver(groups)``,
        which makes an optimizer of groups of parameters.
    alpha : float, default 1e-4
        How much large weights cost, divided by the rows of a batch as in `MLPRegressor`; the
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
        Whether some rows are kept to look at the coefficient of determination, and the best
        network is kept.
    validation_fraction : float, default 0.1
        How many rows.
    n_iter_no_change : int, default 10
        After how many epochs without a better loss or score the training ends.

    Attributes
    ----------
    model_ : Module
        The network.
    n_iter_ : int
        The number of epochs.
    loss_curve_, validation_scores_ : list of float
        Half of the mean squared error of the scaled targets, and with `early_stopping` the
        coefficient of determination of the rows kept, after each epoch.
    target_mean_, target_scale_ : ndarray
        Mean and deviation of the targets of the first fit.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray
        Their names, where `X` had some.

    Notes
    -----
    `sklearn.neural_network.MLPRegressor`, with one's own networks. The network computes in float32
    where `X` has that dtype, which is faster, else in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from candle_ffi.sklearn import CandleRegressor
    >>> X = np.linspace(-1.0, 1.0, 50).reshape(-1, 1)
    >>> regressor = CandleRegressor((20,), "tanh", solver="lbfgs", random_state=0)
    >>> regressor.fit(X, 100 * X[:, 0] ** 2).score(X, 100 * X[:, 0] ** 2) > 0.99
    True
    """

    _classes = False
    _score = RowR2Score
    target_mean_: Array
    target_scale_: Array

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any = None,
    ) -> CandleRegressor:
        """Walk the rows once, with the network that is there or a new one.

        Parameters
        ----------
        X, y : array-like
            ``[n, features]`` rows, and ``[n]`` or ``[n, outputs]`` numbers. Those of the first
            call decide the scale of the targets.
        sample_weight : array-like, optional
            ``[n]``; how much each row counts.

        Returns
        -------
        CandleRegressor
            Itself.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the numbers of each row.

        Parameters
        ----------
        X : array-like
            ``[n, features]`` rows.

        Returns
        -------
        ndarray
            ``[n]``, or ``[n, outputs]`` where the targets had two dimensions.
        """
        scaled = self._results(X)
        numbers: Array = scaled * self.target_scale_ + self.target_mean_
        return numbers[:, 0] if self._flat else numbers

    def _targets(self, y: Any, X: Array, weights: Array | None, known: bool) -> Array:  # noqa: N803
        numbers = np.asarray(y, np.float64)
        flat = numbers.ndim == 1
        numbers = numbers.reshape(len(numbers), -1)
        if known:
            if numbers.shape[1] != len(self.target_mean_):
                raise ValueError(
                    f"y has {numbers.shape[1]} outputs, and the network {len(self.target_mean_)}"
                )
        else:
            mean = np.average(numbers, axis=0, weights=weights)
            spread = np.sqrt(np.average((numbers - mean) ** 2, axis=0, weights=weights))
            self.target_mean_ = mean
            self.target_scale_ = np.where(spread > 0, spread, 1.0)
        self._flat = flat
        scaled: Array = ((numbers - self.target_mean_) / self.target_scale_).astype(X.dtype)
        return scaled

    def _outputs(self) -> int:
        return len(self.target_mean_)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn knows of it: several outputs are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
