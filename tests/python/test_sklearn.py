"""The estimators among scikit-learn's tools, on real data."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pandas as pd
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no estimators", allow_module_level=True)

import joblib
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import candle_ffi as cf
from candle_ffi.sklearn import CandleClassifier, CandleRegressor

DIGITS, DIGIT = load_digits(return_X_y=True)
IRIS, KIND = load_iris(return_X_y=True)
DIABETES, COURSE = load_diabetes(return_X_y=True)

settling = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def quick(**options: Any) -> CandleClassifier:
    """One that settles in no time."""
    return CandleClassifier((16,), solver="lbfgs", random_state=0, **options)


@settling
def test_digits() -> None:
    x, test_x, y, test_y = train_test_split(DIGITS / 16, DIGIT, random_state=0, stratify=DIGIT)
    classifier = CandleClassifier(random_state=0).fit(x, y)
    assert classifier.score(test_x, test_y) >= 0.97
    assert classifier.n_features_in_ == 64
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 200
    assert classifier.loss_ == classifier.loss_curve_[-1] < 0.05


@settling
def test_diabetes() -> None:
    """As good as scikit-learn's network, which gets four times as many epochs."""
    kinds = [CandleRegressor(random_state=0), MLPRegressor(random_state=0, max_iter=800)]
    ours, theirs = (
        cross_val_score(make_pipeline(StandardScaler(), kind), DIABETES, COURSE, cv=3).mean()
        for kind in kinds
    )
    assert ours > 0.42
    assert ours > theirs - 0.03


@settling
@pytest.mark.parametrize(
    "options",
    [
        {"solver": "adam"},
        {"solver": "adamw", "learning_rate": "cosine"},
        {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "adaptive"},
        {"solver": "lbfgs"},
        {"solver": lambda groups: cf.optim.RMSprop(groups, lr=0.003)},
        {"activation": "tanh", "hidden_layer_sizes": (32, 16)},
        {"activation": cf.nn.ELU, "hidden_layer_sizes": 32},
        {"hidden_layer_sizes": ()},
        {"early_stopping": True},
        {"class_weight": "balanced"},
        {"batch_size": 16, "max_iter": 60, "shuffle": False},
        {"alpha": 0.0},
    ],
    ids=str,
)
def test_options(options: dict[str, Any]) -> None:
    options = {"learning_rate_init": 0.01, "random_state": 0, **options}
    x = StandardScaler().fit_transform(IRIS)
    order = np.random.default_rng(0).permutation(len(x))
    classifier = CandleClassifier(**options).fit(x[order], KIND[order])
    assert classifier.score(x, KIND) > 0.92


def test_a_pipeline_in_a_search() -> None:
    pipeline = make_pipeline(StandardScaler(), quick())
    grid = {"candleclassifier__alpha": [1e-4, 1e4]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(IRIS, KIND)
    assert search.best_params_ == {"candleclassifier__alpha": 1e-4}
    assert search.best_score_ > 0.93
    assert search.cv_results_["mean_test_score"][1] < 0.9


def test_strings_and_frames() -> None:
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)
    frame = pd.DataFrame(IRIS, columns=["a", "b", "c", "d"])
    classifier = quick().fit(frame, names[KIND])
    assert classifier.classes_.tolist() == sorted(names)
    assert classifier.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert set(classifier.predict(frame)) == set(names)
    assert classifier.score(frame, names[KIND]) > 0.95
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(frame.rename(columns={"a": "z"}))


def test_probabilities() -> None:
    classifier = quick().fit(IRIS, KIND)
    found = classifier.predict_proba(IRIS)
    assert found.shape == (150, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert (found.argmax(axis=1) == classifier.predict(IRIS)).all()
    np.testing.assert_allclose(np.log(found), classifier.predict_log_proba(IRIS), rtol=1e-6)


def test_dtypes() -> None:
    for dtype, expected in ((np.float32, cf.float32), (np.float64, cf.float64), (int, cf.float64)):
        classifier = quick().fit(IRIS.astype(dtype), KIND)
        assert next(classifier.model_.parameters()).dtype is expected
        assert classifier.predict_proba(IRIS.astype(np.float32)).shape == (150, 3)


@settling
def test_random_states() -> None:
    def weights(state: Any) -> list[Any]:
        classifier = CandleClassifier((4,), max_iter=3, batch_size=32, random_state=state)
        return [each.tolist() for each in classifier.fit(IRIS, KIND).model_.parameters()]

    assert weights(0) == weights(0) != weights(1)
    assert weights(np.random.RandomState(3)) == weights(np.random.RandomState(3))
    np.random.seed(1)  # noqa: NPY002  # what no state at all means to scikit-learn
    first = weights(None)
    assert first != weights(None)
    np.random.seed(1)  # noqa: NPY002
    assert first == weights(None)
    # The numbers outside go on as if nothing had been drawn.
    cf.manual_seed(0)
    expected = cf.rand(3).tolist()
    cf.manual_seed(0)
    weights(5)
    assert cf.rand(3).tolist() == expected


@settling
def test_fits_in_threads_are_those_of_their_states() -> None:
    def fit(state: int) -> list[Any]:
        classifier = CandleClassifier((4,), max_iter=5, batch_size=10, random_state=state)
        return [each.tolist() for each in classifier.fit(IRIS, KIND).model_.parameters()]

    expected = [fit(state) for state in range(4)]
    cf.manual_seed(3)
    before = cf.get_rng_state().tolist()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(fit, range(4))) == expected
    assert cf.get_rng_state().tolist() == before


def test_copies_and_files(tmp_path: Path) -> None:
    classifier = quick().fit(IRIS, KIND)
    expected = classifier.predict_proba(IRIS)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(IRIS), expected)
    joblib.dump(classifier, tmp_path / "classifier.joblib")
    loaded = joblib.load(tmp_path / "classifier.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(IRIS), expected)
    assert len(pickle.dumps(classifier)) < 60_000  # no data in it
    fresh = clone(classifier)
    with pytest.raises(NotFittedError):
        fresh.predict(IRIS)
    assert fresh.get_params() == classifier.get_params()


@settling
def test_partial_fit() -> None:
    x = StandardScaler().fit_transform(IRIS)
    classifier = CandleClassifier((16,), learning_rate_init=0.01, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier.partial_fit(x[:100], KIND[:100])
    classifier.partial_fit(x[:50], KIND[:50], classes=[0, 1, 2])
    assert classifier.predict_proba(x).shape == (150, 3)
    for _ in range(150):
        classifier.partial_fit(x, KIND)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 151
    assert classifier.score(x, KIND) > 0.95
    again = pickle.loads(pickle.dumps(classifier))
    for each in (classifier, again):
        each.partial_fit(x, KIND)
    np.testing.assert_array_equal(classifier.predict_proba(x), again.predict_proba(x))
    with pytest.raises(ValueError, match="is not the same as on last call"):
        classifier.partial_fit(x, KIND, classes=[0, 1])
    with pytest.raises(ValueError, match=r"\[7\] that are not in classes_"):
        classifier.partial_fit(x[:2], [7, 1])
    regressor = CandleRegressor((16,), learning_rate_init=0.01, random_state=0)
    for _ in range(150):
        regressor.partial_fit(x[:, :3], x[:, 3])
    assert regressor.score(x[:, :3], x[:, 3]) > 0.9


@settling
def test_warm_starts() -> None:
    classifier = CandleClassifier((8,), max_iter=5, warm_start=True, random_state=0)
    losses = [classifier.fit(IRIS, KIND).loss_ for _ in range(4)]
    assert losses == sorted(losses, reverse=True)
    assert classifier.n_iter_ == 5
    classifier.set_params(warm_start=False)
    assert classifier.fit(IRIS, KIND).loss_ == losses[0]
    classifier.set_params(warm_start=True)
    with pytest.raises(ValueError, match="not in classes_"):
        classifier.fit(IRIS[:10], [5] * 10)


def test_weights_of_rows() -> None:
    """A weight of 2 is a row twice; one of 0 is none."""
    x, y = IRIS[50:90], np.r_[KIND[50:70], KIND[130:150]]
    x = np.r_[x[:20], IRIS[130:150]]
    weights = np.random.default_rng(0).integers(0, 3, len(x))
    weighted = quick().fit(x, y, sample_weight=weights)
    repeated = quick().fit(x.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(
        weighted.predict_proba(x), repeated.predict_proba(x), rtol=1e-6, atol=1e-9
    )
    plain = quick().fit(x, y)
    assert np.abs(plain.predict_proba(x) - weighted.predict_proba(x)).max() > 1e-6
    regressor = CandleRegressor((8,), solver="lbfgs", max_iter=5, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=5"):
        one = regressor.fit(x[:, :3], x[:, 3], weights).predict(x[:, :3])
    with pytest.warns(ConvergenceWarning):
        other = regressor.fit(x[:, :3].repeat(weights, axis=0), x[:, 3].repeat(weights))
    np.testing.assert_allclose(one, other.predict(x[:, :3]), rtol=1e-8)


def test_several_outputs() -> None:
    y = np.c_[COURSE, DIABETES[:, 2] * 1e-3, np.ones(len(COURSE))]
    regressor = CandleRegressor((32,), solver="lbfgs", random_state=0).fit(DIABETES, y)
    found = regressor.predict(DIABETES)
    assert found.shape == y.shape
    assert (r2_score(y[:, :2], found[:, :2], multioutput="raw_values") > [0.45, 0.9]).all()
    np.testing.assert_allclose(found[:, 2], 1, atol=0.02)
    assert regressor.n_outputs_ == 3
    column = regressor.fit(DIABETES, COURSE.reshape(-1, 1)).predict(DIABETES)
    assert column.shape == (len(COURSE), 1)
    with pytest.raises(ValueError, match="2 outputs, and the network 1"):
        regressor.partial_fit(DIABETES, y[:, :2])


def test_early_stopping_keeps_the_best() -> None:
    classifier = CandleClassifier(
        early_stopping=True, learning_rate_init=0.01, n_iter_no_change=5, random_state=0
    ).fit(DIGITS / 16, DIGIT)
    scores = classifier.validation_scores_
    assert len(scores) == classifier.n_iter_ == int(np.argmax(scores)) + 1 + 5
    assert classifier.best_validation_score_ == max(scores) > 0.9
    regressor = CandleRegressor(
        early_stopping=True, learning_rate_init=0.01, validation_fraction=0.2, random_state=0
    )
    regressor.fit(StandardScaler().fit_transform(DIABETES), COURSE)
    assert regressor.best_validation_score_ == max(regressor.validation_scores_) > 0.3


class Convolutional(cf.nn.Module):
    """A network of somebody's own, for images."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = cf.nn.Conv2d(1, 8, 3, padding=1)
        self.norm = cf.nn.BatchNorm2d(8)
        self.out = cf.nn.Linear(8 * 4 * 4, classes)

    def forward(self, x: cf.Tensor) -> cf.Tensor:
        x = cf.nn.functional.max_pool2d(self.norm(self.conv(x)).relu(), 2)
        return self.out(x.flatten(1))


@settling
def test_networks_of_ones_own() -> None:
    images = (DIGITS / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    seen: list[Any] = []

    def make(inputs: Any, outputs: int) -> cf.nn.Module:
        seen.append((inputs, outputs))
        return Convolutional(outputs)

    classifier = CandleClassifier(
        module=make, learning_rate_init=0.01, max_iter=6, batch_size=64, random_state=0
    )
    classifier.fit(images[:1200], DIGIT[:1200])
    assert seen == [((1, 8, 8), 10)]
    assert classifier.score(images[1200:], DIGIT[1200:]) > 0.88
    # From arrays of two dimensions, as a network itself, whose weights stay as they are.
    cf.manual_seed(0)
    network = cf.nn.Sequential(cf.nn.Unflatten(1, (1, 8, 8)), Convolutional(10))
    before = network[1].out.weight.tolist()
    flat = make_pipeline(
        StandardScaler(),
        CandleClassifier(module=network, learning_rate_init=0.01, max_iter=8, random_state=0),
    )
    assert cross_val_score(flat, DIGITS[:600], DIGIT[:600], cv=2).mean() > 0.7
    assert network[1].out.weight.tolist() == before


def test_networks_that_do_not_fit() -> None:
    with pytest.raises(cf.ShapeError, match=r"results of shape \[442\], and \[442, 1\] are needed"):
        CandleRegressor(
            module=cf.nn.Sequential(cf.nn.Linear(10, 1), cf.nn.Flatten(0)), batch_size=1000
        ).fit(DIABETES, COURSE)
    with pytest.raises(TypeError, match="made a int, not a Module"):
        CandleRegressor(module=lambda inputs, outputs: 3).fit(DIABETES, COURSE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "newton"}, "solver must be one of"),
        ({"activation": "square"}, "activation must be one of"),
        ({"learning_rate": "random"}, "learning_rate must be one of"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be at least 1"),
        ({"learning_rate_init": 0.0}, "learning_rate_init must be above 0"),
        ({"alpha": -1.0}, "alpha must not be negative"),
        ({"validation_fraction": 1.0}, "validation_fraction must be between"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": "all"}, "batch_size must be"),
        ({"max_iter": 1.5}, "max_iter must be at least 1, and whole"),
    ],
    ids=str,
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CandleClassifier(**options).fit(IRIS, KIND)


def test_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(ConvergenceWarning):
        CandleClassifier(max_iter=2, verbose=True, random_state=0).fit(IRIS, KIND)
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert "solver='lbfgs'" in repr(quick())
