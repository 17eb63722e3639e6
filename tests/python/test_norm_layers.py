"""Normalisation layers: what PyTorch prints and keeps, statistics, modes, errors."""

from __future__ import annotations

import copy
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

nn = cf.nn
INPUTS = {1: (4, 3, 5), 2: (4, 3, 2, 2), 3: (4, 3, 2, 1, 2)}
BATCH = [f"BatchNorm{d}d" for d in INPUTS]
INSTANCE = [f"InstanceNorm{d}d" for d in INPUTS]
ALL = [(name, (3,)) for name in BATCH + INSTANCE] + [
    ("GroupNorm", (3, 3)),
    ("LayerNorm", (5,)),
    ("RMSNorm", (5,)),
    ("LocalResponseNorm", (2,)),
]


def made(name: str, seed: int = 0) -> Any:
    """An input for the layer of this name."""
    shape = INPUTS.get(int(name[-2]) if name[-1] == "d" else 0, (4, 3, 5))
    values = np.random.RandomState(seed).standard_normal(shape) * 2 + 1
    return cf.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize(
    "layer, text",
    [
        (
            lambda: nn.BatchNorm2d(3),
            "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, "
            "track_running_stats=True)",
        ),
        (
            lambda: nn.BatchNorm1d(2, momentum=None),
            "BatchNorm1d(2, eps=1e-05, momentum=None, affine=True, bias=True, "
            "track_running_stats=True)",
        ),
        (
            lambda: nn.InstanceNorm3d(4),
            "InstanceNorm3d(4, eps=1e-05, momentum=0.1, affine=False, bias=False, "
            "track_running_stats=False)",
        ),
        (lambda: nn.GroupNorm(2, 4), "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)"),
        (lambda: nn.RMSNorm((2, 3)), "RMSNorm((2, 3), eps=None, elementwise_affine=True)"),
        (lambda: nn.LocalResponseNorm(2), "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)"),
    ],
)
def test_repr(layer: Any, text: str) -> None:
    assert repr(layer()) == text


def test_state_has_pytorchs_keys() -> None:
    statistics = ["running_mean", "running_var", "num_batches_tracked"]
    assert list(nn.BatchNorm2d(3).state_dict()) == ["weight", "bias", *statistics]
    assert list(nn.BatchNorm1d(3, affine=False).state_dict()) == statistics
    assert list(nn.InstanceNorm2d(3, track_running_stats=True).state_dict()) == statistics
    assert list(nn.InstanceNorm1d(3).state_dict()) == []
    assert list(nn.GroupNorm(1, 2).state_dict()) == ["weight", "bias"]
    assert list(nn.RMSNorm(2).state_dict()) == ["weight"]
    state = nn.BatchNorm3d(2).state_dict()
    assert state["num_batches_tracked"].dtype == cf.int64
    assert state["num_batches_tracked"].item() == 0
    assert state["running_var"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name, arguments", ALL)
def test_every_weight_gets_a_gradient(name: str, arguments: tuple[Any, ...]) -> None:
    options = {"affine": True} if name in INSTANCE else {}
    layer = getattr(nn, name)(*arguments, **options)
    x = made(name).requires_grad_()
    (layer(x) ** 3).sum().backward()
    for parameter in [x, *layer.parameters()]:
        assert parameter.grad is not None
        assert np.abs(backend.to_numpy(parameter.grad)).max() > 1e-4


@pytest.mark.parametrize("name", BATCH)
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_running_statistics_follow_the_batches(name: str, momentum: float | None) -> None:
    layer = getattr(nn, name)(3, momentum=momentum)
    mean, var = np.zeros(3), np.ones(3)
    for step in range(3):
        x = made(name, step)
        layer(x)
        values = np.moveaxis(backend.to_numpy(x).astype(np.float64), 1, 0).reshape(3, -1)
        share = 1 / (step + 1) if momentum is None else momentum
        mean = (1 - share) * mean + share * values.mean(1)
        var = (1 - share) * var + share * values.var(1, ddof=1)
    np.testing.assert_allclose(backend.to_numpy(layer.running_mean), mean, rtol=1e-5)
    np.testing.assert_allclose(backend.to_numpy(layer.running_var), var, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 3
    layer.eval()
    layer(made(name))
    assert layer.num_batches_tracked.item() == 3
    np.testing.assert_allclose(backend.to_numpy(layer.running_mean), mean, rtol=1e-5)


@pytest.mark.parametrize("name", BATCH + INSTANCE)
def test_training_and_evaluation_differ(name: str) -> None:
    layer = getattr(nn, name)(3, track_running_stats=True)
    x = made(name)
    training = backend.to_numpy(layer(x))
    layer.eval()
    evaluation = backend.to_numpy(layer(x))
    assert np.abs(training - evaluation).max() > 0.1
    own = getattr(nn, name)(3, track_running_stats=False)
    assert own.running_mean is None
    np.testing.assert_array_equal(backend.to_numpy(own(x)), backend.to_numpy(own.eval()(x)))


@pytest.mark.parametrize("name", BATCH)
def test_a_loaded_layer_gives_the_same(name: str) -> None:
    layer = getattr(nn, name)(3)
    layer(made(name, 1))
    other = getattr(nn, name)(3)
    other.load_state_dict(layer.state_dict())
    assert other.num_batches_tracked.item() == 1
    x = made(name)
    np.testing.assert_array_equal(
        backend.to_numpy(layer.eval()(x)), backend.to_numpy(other.eval()(x))
    )
    twin = copy.deepcopy(layer).train()
    twin(x)
    assert layer.num_batches_tracked.item() == 1
    assert twin.num_batches_tracked.item() == 2


def test_reset() -> None:
    layer = nn.BatchNorm1d(3)
    layer(made("BatchNorm1d"))
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_mean.tolist() == [0.0, 0.0, 0.0]


def test_half_precision_keeps_its_dtype() -> None:
    layer = nn.BatchNorm1d(3, dtype=cf.bfloat16)
    x = made("BatchNorm1d").to(cf.bfloat16).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == layer.weight.grad.dtype == cf.bfloat16
    assert layer.running_mean.dtype == cf.bfloat16
    mixed = nn.BatchNorm1d(3)(x)
    assert mixed.dtype == cf.bfloat16


@pytest.mark.parametrize(
    "name, shape, text",
    [
        ("BatchNorm1d", (2, 3, 4, 4), "expected 2D or 3D input (got 4D input"),
        ("BatchNorm2d", (2, 3), "expected 4D input (got 2D input"),
        ("BatchNorm3d", (2, 3, 4, 4), "expected 5D input (got 4D input"),
        ("InstanceNorm1d", (3,), "expected 2D or 3D input (got 1D input"),
        ("InstanceNorm2d", (2, 3), "expected 3D or 4D input (got 2D input"),
        ("BatchNorm1d", (1, 3), "Expected more than 1 value per channel when training"),
        ("BatchNorm2d", (1, 3, 1, 1), "Expected more than 1 value per channel when training"),
        ("InstanceNorm2d", (2, 3, 1, 1), "Expected more than 1 spatial element when training"),
        ("BatchNorm1d", (4, 5), "running_mean"),
    ],
)
def test_wrong_inputs(name: str, shape: tuple[int, ...], text: str) -> None:
    layer = getattr(nn, name)(3)
    with pytest.raises(backend.error("ShapeError")) as caught:
        layer(cf.zeros(*shape))
    if not backend.IS_TORCH:
        assert text in str(caught.value), caught.value
        assert "(" in str(caught.value) or "[" in str(caught.value)


def test_a_batch_of_one_is_no_error_in_evaluation() -> None:
    assert tuple(nn.BatchNorm1d(3).eval()(cf.zeros(1, 3)).shape) == (1, 3)


def test_wrong_options() -> None:
    with pytest.raises(backend.error("InvalidArgumentError"), match="divisible"):
        nn.GroupNorm(2, 3)
    with pytest.raises(backend.error("InvalidArgumentError")):
        nn.BatchNorm1d(-1)
    with pytest.raises(backend.error("ShapeError")):
        nn.GroupNorm(1, 3)(cf.zeros(2, 4))
    with pytest.raises(backend.error("ShapeError"), match="dimensionality"):
        nn.LocalResponseNorm(2)(cf.zeros(2, 4))


def test_affine_instance_norm_checks_its_channels() -> None:
    with pytest.raises(backend.error("ShapeError"), match="num_features"):
        nn.InstanceNorm1d(3, affine=True)(cf.zeros(2, 4, 5))


def test_statistics_come_in_pairs_and_eps_is_positive() -> None:
    x = cf.randn(4, 3)
    with pytest.raises((ValueError, RuntimeError)):
        cf.nn.functional.batch_norm(x, cf.zeros(3), None, training=True)
    with pytest.raises((ValueError, RuntimeError)):
        cf.nn.functional.batch_norm(x, None, None, training=True, eps=-1.0)
