"""Dropout: its statistics, its channels, its generator, its modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("exception classes are candle_ffi's", allow_module_level=True)

nn = cf.nn
F = cf.nn.functional

CHANNELS = [
    (F.dropout1d, (60, 50, 3)),
    (F.dropout2d, (60, 50, 2, 2)),
    (F.dropout3d, (60, 50, 2, 1, 2)),
]


@pytest.mark.parametrize("op, shape", CHANNELS)
def test_channels_go_together(op: Callable[..., Any], shape: tuple[int, ...]) -> None:
    x = cf.ones(*shape, requires_grad=True)
    y = op(x, 0.3, generator=cf.Generator().manual_seed(2))
    channels = y.detach().numpy().reshape(shape[0] * shape[1], -1)
    assert (channels == channels[:, :1]).all()
    dropped = channels[:, 0] == 0
    np.testing.assert_allclose(channels[~dropped], 1 / 0.7, rtol=1e-6)
    assert abs(dropped.mean() - 0.3) < 0.03
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    generator = cf.Generator().manual_seed(4)
    x = cf.randn(200000, generator=generator)
    y = F.alpha_dropout(x, p, training=True, generator=generator).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    # The elements that were dropped are all the same number.
    numbers, counts = np.unique(y, return_counts=True)
    assert abs(counts.max() / y.size - p) < 0.01 and numbers[counts.argmax()] < 0


def test_feature_alpha_dropout_takes_whole_channels() -> None:
    x = cf.randn(200, 100, 4)
    y = F.feature_alpha_dropout(x, 0.4, training=True).numpy().reshape(-1, 4)
    same = (y == y[:, :1]).all(1)
    assert abs(same.mean() - 0.4) < 0.03 and len(np.unique(y[same])) == 1
    wanted = x.numpy().reshape(-1, 4)[~same]
    slope = np.polyfit(wanted.ravel(), y[~same].ravel(), 1)
    np.testing.assert_allclose(np.polyval(slope, wanted), y[~same], atol=1e-4)


@pytest.mark.parametrize(
    "layer, shape",
    [
        ("Dropout", (50, 40)),
        ("Dropout1d", (50, 40, 3)),
        ("Dropout2d", (50, 40, 2, 2)),
        ("Dropout3d", (50, 40, 1, 2, 2)),
        ("AlphaDropout", (50, 40)),
        ("FeatureAlphaDropout", (50, 40, 2)),
    ],
)
def test_layers_differ_in_training_and_evaluation(layer: str, shape: tuple[int, ...]) -> None:
    made = getattr(nn, layer)(0.4)
    assert repr(made) == f"{layer}(p=0.4, inplace=False)"
    x = cf.randn(*shape)
    cf.manual_seed(7)
    first = made(x).numpy()
    assert (first != x.numpy()).mean() > 0.3
    cf.manual_seed(7)
    np.testing.assert_array_equal(made(x).numpy(), first)
    assert (made(x).numpy() != first).any()
    np.testing.assert_array_equal(made.eval()(x).numpy(), x.numpy())
    with pytest.raises(backend.error("InvalidArgumentError"), match=r"1\.5"):
        getattr(nn, layer)(1.5)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: F.dropout1d(cf.ones(3)), "ShapeError", ["dropout1d", "[3]"]),
        (lambda: F.dropout1d(cf.ones(1, 2, 3, 4)), "ShapeError", ["[1, 2, 3, 4]"]),
        (lambda: F.feature_alpha_dropout(cf.ones(3), training=True), "ShapeError", ["[3]"]),
        (lambda: F.dropout2d(cf.ones(1, 1, 1, 1), -0.1), "InvalidArgumentError", ["-0.1"]),
        (
            lambda: F.dropout3d(cf.ones(1, 1, 1, 1, 1), float("nan")),
            "InvalidArgumentError",
            ["NaN"],
        ),
        (lambda: F.alpha_dropout(cf.ones(2), 1.1), "InvalidArgumentError", ["1.1"]),
        (lambda: F.dropout1d(cf.ones(2, 2).long()), "DTypeError", ["dropout1d", "int64"]),
        (lambda: F.alpha_dropout(cf.ones(2).long(), training=True), "DTypeError", ["int64"]),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: str, words: list[str]) -> None:
    with pytest.raises(backend.error(error)) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_unusual_shapes_warn() -> None:
    with pytest.warns(UserWarning, match="dropout2d"):
        F.dropout2d(cf.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="dropout3d"):
        F.dropout3d(cf.ones(2, 3, 4))


def test_in_place() -> None:
    x = cf.ones(1000)
    y = F.dropout(x, 0.5, True, True)
    assert y is x and {0.0, 2.0} == set(x.tolist())
