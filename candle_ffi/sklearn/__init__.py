"""Neural networks as scikit-learn estimators, for pipelines, searches and cross-validation.

This module alone needs scikit-learn.

>>> from candle_ffi.sklearn import CandleClassifier
>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> X, y = load_iris(return_X_y=True)
>>> pipeline = make_pipeline(
...     StandardScaler(), CandleClassifier((20,), solver="lbfgs", random_state=0)
... )
>>> pipeline.fit(X, y).score(X, y) > 0.95
True
"""

from __future__ import annotations

from candle_ffi.sklearn.classifier import CandleClassifier
from candle_ffi.sklearn.regressor import CandleRegressor

__all__ = ["CandleClassifier", "CandleRegressor"]
