"""Initial values: bounds, deviations, structure, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from backend import cf, to_numpy

init = cf.nn.init


def drawn(name: str, shape: tuple[int, ...], **options: Any) -> np.ndarray:
    cf.manual_seed(0)
    x = cf.nn.Parameter(cf.empty(*shape))
    assert getattr(init, name)(x, **options) is x
    assert x.requires_grad and x.grad_fn is None
    return to_numpy(x)


@pytest.mark.parametrize("shape", [(200, 300), (40, 20, 5, 5)])
def test_deviations(shape: tuple[int, ...]) -> None:
    field = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * field, shape[0] * field
    expected = {
        "xavier_uniform_": math.sqrt(2 / (fan_in + fan_out)),
        "xavier_normal_": math.sqrt(2 / (fan_in + fan_out)),
        "kaiming_uniform_": math.sqrt(2 / fan_in),
        "kaiming_normal_": math.sqrt(2 / fan_in),
    }
    for name, deviation in expected.items():
        x = drawn(name, shape)
        assert abs(x.mean()) < 5 * deviation / math.sqrt(x.size), name
        assert x.std() == pytest.approx(deviation, rel=0.03), name
        if "uniform" in name:
            assert np.abs(x).max() <= deviation * math.sqrt(3) * (1 + 1e-6), name
    backwards = drawn("kaiming_normal_", shape, mode="fan_out", nonlinearity="tanh")
    assert backwards.std() == pytest.approx(5 / 3 / math.sqrt(fan_out), rel=0.03)
    assert drawn("xavier_normal_", shape, gain=3.0).std() == pytest.approx(
        3 * expected["xavier_normal_"], rel=0.03
    )


def test_plain_ones() -> None:
    assert drawn("uniform_", (1000,), a=2.0, b=3.0).min() >= 2
    assert drawn("normal_", (1000,), mean=5.0, std=0.1).mean() == pytest.approx(5, abs=0.02)
    assert (drawn("constant_", (3,), val=2.5) == 2.5).all()
    assert (drawn("ones_", (3,)) == 1).all() and (drawn("zeros_", (3,)) == 0).all()
    assert np.array_equal(drawn("eye_", (2, 3)), np.eye(2, 3))


def test_a_dirac_convolution_passes_on() -> None:
    x = drawn("dirac_", (4, 2, 3, 3), groups=2)
    expected = np.zeros((4, 2, 3, 3))
    for out, channel in enumerate([0, 1, 0, 1]):
        expected[out, channel, 1, 1] = 1
    assert np.array_equal(x, expected)


def test_truncated_normal() -> None:
    x = drawn("trunc_normal_", (20_000,), mean=1.0, std=2.0, a=-1.0, b=2.0)
    assert x.min() >= -1 and x.max() <= 2
    # The mean of the normal distribution cut at -1 and +0.5 deviations.
    density = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in (-1.0, 0.5)]
    mass = (math.erf(0.5 / math.sqrt(2)) - math.erf(-1 / math.sqrt(2))) / 2
    assert x.mean() == pytest.approx(1 + 2 * (density[0] - density[1]) / mass, abs=0.02)
    quarters, _ = np.histogram(x, bins=3, range=(-1, 2))
    edges = [math.erf((e - 1) / 2 / math.sqrt(2)) / 2 for e in (-1, 0, 1, 2)]
    assert np.allclose(quarters / x.size, np.diff(edges) / mass, atol=0.015)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (3, 2, 2), (5, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    x = drawn("orthogonal_", shape, gain=2.0).reshape(shape[0], -1)
    product = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_sparse() -> None:
    x = drawn("sparse_", (10, 6), sparsity=0.25)
    assert ((x == 0).sum(axis=0) == 3).all()


def test_gains() -> None:
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 0.1) == math.sqrt(2 / 1.01)
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("conv2d") == init.calculate_gain("sigmoid") == 1
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.calculate_gain("nothing")


def test_a_generator_decides() -> None:
    def one(seed: int) -> Any:
        generator = cf.Generator()
        generator.manual_seed(seed)
        return to_numpy(init.kaiming_uniform_(cf.empty(5, 4), generator=generator))

    assert np.array_equal(one(3), one(3)) and not np.array_equal(one(3), one(4))


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_uniform_(cf.empty(3))
    for name in ("eye_", "orthogonal_", "dirac_"):
        with pytest.raises(ValueError, match="dimensions"):
            getattr(init, name)(cf.empty(3))
    with pytest.raises(ValueError, match="divisible"):
        init.dirac_(cf.empty(3, 2, 1), 2)
    with pytest.raises(ValueError, match="not supported"):
        init.kaiming_normal_(cf.empty(3, 2), mode="fan_middle")
    with pytest.warns(UserWarning, match="zero-element"):
        init.kaiming_normal_(cf.empty(0, 2))
