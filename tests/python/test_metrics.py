"""Metrics, gathered batch by batch, are those that scikit-learn computes of all rows at once."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no metrics", allow_module_level=True)

from sklearn import metrics as reference

import candle_ffi as cf
from candle_ffi.training import (
    Accuracy,
    ConfusionMatrix,
    F1Score,
    MeanAbsoluteError,
    MeanMetric,
    MeanSquaredError,
    Metric,
    Precision,
    R2Score,
    Recall,
)

ROWS, CLASSES = 97, 5
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, CLASSES, ROWS)
LABELS[LABELS == 3] = 2  # a class that is predicted, but never right
SCORES = RANDOM.normal(size=(ROWS, CLASSES)).astype(np.float32)
SCORES[np.arange(ROWS), LABELS] += 1.0
SAID = SCORES.argmax(axis=1)
NUMBERS = RANDOM.normal(size=(ROWS, 3)) + 5
GUESSES = NUMBERS + RANDOM.normal(size=(ROWS, 3))


def gathered(metric: Metric, preds: np.ndarray, target: np.ndarray) -> Any:
    """The result of batches of different sizes, the second time after a reset."""
    for _ in range(2):
        metric.reset()
        for rows in np.split(np.arange(len(preds)), [1, 11, 40, 90]):
            metric.update(cf.tensor(preds[rows]), cf.tensor(target[rows]))
    return metric.compute()


def averaged(function: Callable[..., Any], average: str | None) -> Any:
    return function(LABELS, SAID, average=average, labels=None, zero_division=0)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        (Precision, reference.precision_score),
        (Recall, reference.recall_score),
        (F1Score, reference.f1_score),
    ],
)
def test_averages(kind: type, function: Callable[..., Any], average: str) -> None:
    got = gathered(kind(average=average), SCORES, LABELS)
    assert got == pytest.approx(averaged(function, average), rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        (Precision, reference.precision_score),
        (Recall, reference.recall_score),
        (F1Score, reference.f1_score),
    ],
)
def test_each_class(kind: type, function: Callable[..., Any]) -> None:
    got = gathered(kind(average="none"), SCORES, LABELS)
    np.testing.assert_allclose(got, averaged(function, None), rtol=1e-12)


def test_the_confusion_matrix() -> None:
    expected = reference.confusion_matrix(LABELS, SAID, labels=range(CLASSES))
    np.testing.assert_array_equal(gathered(ConfusionMatrix(), SCORES, LABELS), expected)
    np.testing.assert_array_equal(gathered(ConfusionMatrix(), SAID, LABELS), expected)
    wider = gathered(ConfusionMatrix(num_classes=7), SCORES, LABELS)
    np.testing.assert_array_equal(wider, np.pad(expected, (0, 2)))


@pytest.mark.parametrize("top_k", [1, 2, 3, 4])
def test_the_accuracy_of_the_highest_scores(top_k: int) -> None:
    got = gathered(Accuracy(top_k=top_k), SCORES, LABELS)
    labels = range(CLASSES)
    expected = reference.top_k_accuracy_score(LABELS, SCORES, k=top_k, labels=labels)
    assert got == pytest.approx(expected, rel=1e-12)
    assert gathered(Accuracy(top_k=CLASSES + top_k), SCORES, LABELS) == 1.0


def test_the_accuracy_of_images() -> None:
    scores = RANDOM.normal(size=(6, 3, 4, 5)).astype(np.float32)
    labels = RANDOM.integers(0, 3, (6, 4, 5))
    got = Accuracy()(scores, labels)
    assert got == pytest.approx((scores.argmax(axis=1) == labels).mean(), rel=1e-12)


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_single_scores_against_a_threshold(shape: tuple[int, ...], dtype: type) -> None:
    logits, right = SCORES[:, 0], LABELS < 2
    target = right.astype(dtype)
    preds = logits.reshape(shape)
    assert gathered(Accuracy(), preds, target) == pytest.approx(((logits > 0) == right).mean())
    got = gathered(Accuracy(threshold=0.5), preds, target)
    assert got == pytest.approx(((logits > 0.5) == right).mean())
    assert gathered(F1Score(), preds, target) == pytest.approx(
        reference.f1_score(right, logits > 0, average="macro")
    )


def test_targets_that_do_not_count() -> None:
    labels = LABELS.copy()
    labels[::3] = -100
    kept = labels != -100
    got = gathered(Accuracy(ignore_index=-100), SCORES, labels)
    assert got == pytest.approx((labels == SAID)[kept].mean(), rel=1e-12)
    got = gathered(F1Score(ignore_index=-100), SCORES, labels)
    expected = reference.f1_score(labels[kept], SAID[kept], average="macro")
    assert got == pytest.approx(expected, rel=1e-12)
    assert math.isnan(Accuracy(ignore_index=1)(SCORES[:2], np.array([1, 1])))


def test_errors_of_numbers() -> None:
    pairs = [
        (MeanAbsoluteError(), reference.mean_absolute_error),
        (MeanSquaredError(), reference.mean_squared_error),
        (MeanSquaredError(squared=False), reference.root_mean_squared_error),
        (R2Score(), reference.r2_score),
    ]
    for metric, function in pairs:
        for preds, target in ((GUESSES, NUMBERS), (GUESSES[:, 0], NUMBERS[:, 0])):
            if metric.name.startswith("root") and preds.ndim > 1:
                continue  # scikit-learn takes the root of each output by itself
            assert gathered(metric, preds, target) == pytest.approx(function(target, preds))
        column = gathered(metric, GUESSES[:, :1], NUMBERS[:, 0])
        assert column == pytest.approx(function(NUMBERS[:, 0], GUESSES[:, 0]))


def test_sums_of_many_rows_stay_exact() -> None:
    """Sums in float32 would stop to grow at 2**24."""
    metric = MeanAbsoluteError()
    ones, zeros = cf.ones(1 << 22), cf.zeros(1 << 22)
    for _ in range(9):
        metric.update(ones, zeros)
    metric.update(cf.full((4,), 3.0), cf.zeros(4))
    assert metric.compute() == (9 * (1 << 22) + 12) / (9 * (1 << 22) + 4)


def test_the_coefficient_of_numbers_far_from_zero() -> None:
    target = NUMBERS + 1e8
    got = gathered(R2Score(), GUESSES + 1e8, target)
    assert got == pytest.approx(reference.r2_score(target, GUESSES + 1e8), rel=1e-6)


def test_the_coefficient_of_constant_targets() -> None:
    same = np.full(4, 2.0)
    assert R2Score()(same, same) == reference.r2_score(same, same) == 1.0
    assert R2Score()(same + 1, same) == reference.r2_score(same, same + 1) == 0.0
    assert math.isnan(R2Score()(same[:1], same[:1]))


@pytest.mark.parametrize(
    "metric",
    [Accuracy(), Accuracy(top_k=2), Precision(), F1Score(average="micro"), MeanAbsoluteError()],
    ids=lambda metric: metric.name,
)
def test_nothing_is_no_number(metric: Metric) -> None:
    assert math.isnan(metric.compute())


def test_names() -> None:
    every = [
        Accuracy(),
        Accuracy(top_k=5),
        ConfusionMatrix(),
        F1Score(),
        MeanAbsoluteError(),
        MeanSquaredError(),
        MeanSquaredError(squared=False),
        Precision(),
        R2Score(),
        Recall(),
        MeanMetric(cf.mse_loss),
        MeanMetric(cf.mse_loss, name="mine"),
    ]
    assert [metric.name for metric in every] == [
        "accuracy",
        "top5_accuracy",
        "confusion_matrix",
        "f1_score",
        "mean_absolute_error",
        "mean_squared_error",
        "root_mean_squared_error",
        "precision",
        "r2_score",
        "recall",
        "mse_loss",
        "mine",
    ]


def test_a_call_leaves_the_metric_as_it_is() -> None:
    metric = Accuracy()
    metric.update(cf.tensor([0, 1]), cf.tensor([0, 0]))
    assert metric(cf.tensor([1]), cf.tensor([1])) == 1.0
    assert metric.compute() == 0.5
    twin = metric.clone()
    assert math.isnan(twin.compute())
    assert metric.compute() == copy.deepcopy(metric).compute() == 0.5
    assert pickle.loads(pickle.dumps(metric)).compute() == 0.5


class Kept(Metric):
    """A metric that needs all rows, as those of ranks do."""

    def reset(self) -> None:
        self.rows: list[cf.Tensor] = []

    def update(self, preds: cf.Tensor, target: cf.Tensor) -> None:
        self.rows.append(preds)

    def compute(self) -> Any:
        return cf.cat(self.rows).numpy()


@pytest.mark.parametrize("make", [ConfusionMatrix, Accuracy, MeanAbsoluteError, Kept])
def test_a_state_is_a_copy(make: Callable[[], Metric]) -> None:
    preds, target = cf.tensor([0, 1, 1]), cf.tensor([0, 1, 0])
    metric = make()
    metric.update(preds, target)
    state, expected = metric.state_dict(), np.asarray(metric.compute()).tolist()
    metric.update(target, target)
    first, second = make(), make()
    first.load_state_dict(state)
    second.load_state_dict(state)
    second.update(target, target)
    assert np.asarray(first.compute()).tolist() == expected
    assert np.asarray(second.compute()).tolist() == np.asarray(metric.compute()).tolist()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(cf.ShapeError, match=r"\(4, 3\).*\(5,\)"):
        Accuracy()(cf.zeros(4, 3), cf.zeros(5))
    with pytest.raises(cf.ShapeError, match="top_k=2 needs"):
        Accuracy(top_k=2)(cf.zeros(4), cf.zeros(4))
    with pytest.raises(cf.ShapeError, match=r"\(4, 3\).*\(4,\)"):
        MeanAbsoluteError()(cf.zeros(4, 3), cf.zeros(4))
    with pytest.raises(cf.InvalidArgumentError, match="class 5 is not below num_classes=3"):
        ConfusionMatrix(num_classes=3)(cf.tensor([0, 5]), cf.tensor([0, 1]))
    with pytest.raises(cf.InvalidArgumentError, match="negative"):
        F1Score()(cf.tensor([0, 1]), cf.tensor([0, -1]))
    with pytest.raises(cf.InvalidArgumentError, match="average"):
        F1Score(average="mean")
    with pytest.raises(cf.InvalidArgumentError, match="top_k"):
        Accuracy(top_k=0)
