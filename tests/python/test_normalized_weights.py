"""Weights that are computed: parametrizations, weight and spectral normalization."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from backend import cf, to_numpy

nn = cf.nn
utils = nn.utils
parametrize = utils.parametrize
deprecated = pytest.mark.filterwarnings("ignore:.*deprecated")


class Doubled(nn.Module):  # type: ignore[name-defined,misc]
    def forward(self, x: Any) -> Any:
        return x * 2

    def right_inverse(self, x: Any) -> Any:
        return x / 2


class TestParametrize:
    def test_the_weight_is_computed_and_trained(self) -> None:
        layer = nn.Linear(3, 2)
        before = to_numpy(layer.weight).copy()
        assert parametrize.register_parametrization(layer, "weight", Doubled()) is layer
        assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
        assert not parametrize.is_parametrized(layer, "bias")
        np.testing.assert_allclose(to_numpy(layer.weight), before)
        original = layer.parametrizations.weight.original
        np.testing.assert_allclose(to_numpy(original), before / 2)
        assert [name for name, _ in layer.named_parameters()] == [
            "bias",
            "parametrizations.weight.original",
        ]
        layer(cf.ones(1, 3)).sum().backward()
        assert original.grad.tolist() == [[2.0] * 3] * 2
        assert isinstance(layer, nn.Linear)

    def test_it_can_be_set(self) -> None:
        layer = parametrize.register_parametrization(nn.Linear(2, 1), "weight", Doubled())
        layer.weight = cf.tensor([[4.0, 6.0]])
        assert layer.parametrizations.weight.original.tolist() == [[2.0, 3.0]]
        assert layer.weight.tolist() == [[4.0, 6.0]]

    def test_several_and_removal(self) -> None:
        layer = nn.Linear(2, 1, bias=False)
        weight, kind = layer.weight, type(layer)
        before = to_numpy(weight).copy()
        parametrize.register_parametrization(layer, "weight", Doubled())
        parametrize.register_parametrization(layer, "weight", Doubled())
        np.testing.assert_allclose(to_numpy(layer.weight), before * 2)
        parametrize.remove_parametrizations(layer, "weight")
        assert type(layer) is kind and list(layer.state_dict()) == ["weight"]
        np.testing.assert_allclose(to_numpy(layer.weight), before * 2)
        assert layer.weight is weight
        with pytest.raises(ValueError, match="weight"):
            parametrize.remove_parametrizations(layer, "weight")

    def test_one_layer_alone_is_changed(self) -> None:
        one, two = nn.Linear(2, 1), nn.Linear(2, 1)
        parametrize.register_parametrization(one, "weight", Doubled())
        assert type(two) is nn.Linear and not parametrize.is_parametrized(two)

    def test_copies(self) -> None:
        one = parametrize.register_parametrization(nn.Linear(2, 1), "weight", Doubled())
        two = copy.deepcopy(one)
        with cf.no_grad():
            two.parametrizations.weight.original.add_(1.0)
        np.testing.assert_allclose(to_numpy(two.weight), to_numpy(one.weight) + 2, rtol=1e-5)
        with pytest.raises(RuntimeError, match="state_dict"):
            pickle.dumps(one)
        three = parametrize.register_parametrization(nn.Linear(2, 1), "weight", Doubled())
        three.load_state_dict(one.state_dict())
        np.testing.assert_array_equal(to_numpy(three.weight), to_numpy(one.weight))

    def test_errors(self) -> None:
        class Shorter(nn.Module):  # type: ignore[name-defined,misc]
            def forward(self, x: Any) -> Any:
                return x[:1]

        layer = nn.Linear(2, 2)
        with pytest.raises(ValueError, match="nothing"):
            parametrize.register_parametrization(layer, "nothing", Doubled())
        with pytest.raises(ValueError, match="shape"):
            parametrize.register_parametrization(layer, "weight", Shorter())
        assert list(layer.state_dict()) == ["weight", "bias"], "nothing has changed"


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim: int | None) -> None:
    layer = nn.Linear(3, 2)
    before = to_numpy(layer.weight).copy()
    utils.parametrizations.weight_norm(layer, dim=dim)
    np.testing.assert_allclose(to_numpy(layer.weight), before, rtol=1e-5)
    names = ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert list(layer.state_dict()) == names
    length = layer.parametrizations.weight.original0
    axis = None if dim is None else 1 - dim
    norms = np.linalg.norm(before, axis=axis, keepdims=dim is not None)
    np.testing.assert_allclose(to_numpy(length), norms, rtol=1e-5)
    with cf.no_grad():
        length.mul_(2.0)
    np.testing.assert_allclose(to_numpy(layer.weight), before * 2, rtol=1e-5)
    layer(cf.ones(1, 3)).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


@deprecated
def test_weight_norm_with_old_names() -> None:
    layer = nn.Linear(3, 2)
    before = to_numpy(layer.weight).copy()
    assert utils.weight_norm(layer) is layer
    assert list(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
    assert tuple(layer.weight_g.shape) == (2, 1)
    with cf.no_grad():
        layer.weight_g.mul_(3.0)
    x = cf.ones(1, 3)
    expected = to_numpy(x) @ (before * 3).T + to_numpy(layer.bias)
    np.testing.assert_allclose(to_numpy(layer(x)), expected, rtol=1e-5)
    layer(x).sum().backward()
    assert layer.weight_g.grad is not None and layer.weight_v.grad is not None
    with pytest.raises(RuntimeError, match="two weight_norm hooks"):
        utils.weight_norm(layer)
    utils.remove_weight_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(to_numpy(layer.weight), before * 3, rtol=1e-5)
    with pytest.raises(ValueError, match="not found"):
        utils.remove_weight_norm(layer)


def singular(weight: Any) -> float:
    return float(np.linalg.svd(to_numpy(weight), compute_uv=False)[0])


def test_spectral_norm() -> None:
    cf.manual_seed(0)
    layer = nn.Linear(5, 4)
    largest = singular(layer.weight)
    before = to_numpy(layer.weight).copy()
    utils.parametrizations.spectral_norm(layer, n_power_iterations=3)
    for _ in range(20):
        layer(cf.ones(1, 5))
    np.testing.assert_allclose(to_numpy(layer.weight), before / largest, rtol=1e-3)
    assert singular(layer.weight) == pytest.approx(1.0, rel=1e-3)
    names = ["bias", "parametrizations.weight.original"]
    assert list(layer.state_dict())[:2] == names
    assert "parametrizations.weight.0._u" in layer.state_dict()
    layer.eval()
    u = to_numpy(layer.parametrizations.weight[0]._u).copy()
    layer(cf.ones(1, 5)).sum().backward()
    assert np.array_equal(u, to_numpy(layer.parametrizations.weight[0]._u)), "fixed in evaluation"
    assert layer.parametrizations.weight.original.grad is not None


@deprecated
def test_spectral_norm_with_old_names() -> None:
    cf.manual_seed(0)
    layer = utils.spectral_norm(nn.Linear(5, 4))
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    for _ in range(50):
        layer(cf.ones(1, 5))
    assert singular(layer.weight) == pytest.approx(1.0, rel=1e-2)
    layer(cf.ones(1, 5)).sum().backward()
    assert layer.weight_orig.grad is not None
    utils.remove_spectral_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="n_power_iterations"):
        utils.spectral_norm(layer, n_power_iterations=0)
