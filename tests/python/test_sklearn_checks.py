"""The estimators keep scikit-learn's rules."""

from __future__ import annotations

from typing import Any

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no estimators", allow_module_level=True)

from sklearn.utils.estimator_checks import parametrize_with_checks

from candle_ffi.sklearn import CandleClassifier, CandleRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([CandleClassifier(), CandleRegressor()])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
