"""Clipping of gradients, parameters as a vector, and averages of models."""

from __future__ import annotations

import copy
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

utils = cf.nn.utils
swa = cf.optim.swa_utils
INFINITE = float("inf")


def with_gradients(*gradients: Any, dtype: str = "float32") -> list[Any]:
    parameters = []
    for gradient in gradients:
        array = np.asarray(gradient)
        p = backend.to_tensor(cf, np.zeros_like(array), dtype, requires_grad=True)
        p.grad = backend.to_tensor(cf, array, dtype)
        parameters.append(p)
    return parameters


def norm(parameters: list[Any], order: float) -> float:
    whole = np.concatenate([to_numpy(p.grad).ravel() for p in parameters]).astype(float)
    return float(np.linalg.norm(whole, order))


@pytest.mark.parametrize("order", [2.0, 1.0, 3.0, 0.5, INFINITE])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_norm_of_all_gradients_is_limited(order: float, dtype: str) -> None:
    rng = np.random.RandomState(0)
    parameters = with_gradients(rng.randn(3, 4), rng.randn(5), rng.randn(), dtype=dtype)
    without = cf.zeros(2, requires_grad=True)
    before = [to_numpy(p.grad).copy() for p in parameters]
    expected = norm(parameters, order)
    got = utils.clip_grad_norm_([*parameters, without], 0.5, norm_type=order)
    assert got.dtype == getattr(cf, dtype) and got.ndim == 0
    np.testing.assert_allclose(got.item(), expected, rtol=1e-5)
    factor = 0.5 / (expected + 1e-6)
    for p, gradient in zip(parameters, before, strict=True):
        np.testing.assert_allclose(to_numpy(p.grad), gradient * factor, rtol=1e-5)
    np.testing.assert_allclose(norm(parameters, order), 0.5, rtol=1e-4)


def test_small_gradients_stay() -> None:
    (p,) = with_gradients([0.3, -0.4])
    gradient = p.grad
    assert utils.clip_grad_norm_(p, 1.0).item() == 0.5
    assert p.grad.tolist() == gradient.tolist()
    np.testing.assert_allclose(p.grad.tolist(), [0.3, -0.4])


def test_half_precision_and_mixed_dtypes() -> None:
    half, single = (
        *with_gradients([3.0], dtype="bfloat16"), *with_gradients([4.0], dtype="float32")
    )  # fmt: skip
    total = utils.clip_grad_norm_([half, single], 1.0)
    assert total.item() == 5.0
    assert half.grad.dtype == cf.bfloat16 and single.grad.dtype == cf.float32
    np.testing.assert_allclose([half.grad.item(), single.grad.item()], [0.6, 0.8], rtol=1e-2)


def test_a_norm_that_is_not_finite() -> None:
    for value in (INFINITE, float("nan")):
        (p,) = with_gradients([1.0, value])
        with pytest.raises(RuntimeError, match="non-finite"):
            utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
        assert p.grad[0].item() == 1.0
        assert not np.isfinite(utils.clip_grad_norm_(p, 1.0).item())
        assert p.grad[0].item() != 1.0


def test_nothing_to_clip() -> None:
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    assert utils.clip_grad_norm_([cf.ones(2, requires_grad=True)], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="generator"):
        utils.clip_grad_norm_((p for p in ()), 1.0)


def test_elements_are_limited() -> None:
    parameters = with_gradients([0.1, -3.0, 2.0], [[5.0]])
    gradient = parameters[0].grad
    utils.clip_grad_value_(parameters, 0.5)
    np.testing.assert_allclose(parameters[0].grad.tolist(), [0.1, -0.5, 0.5])
    assert parameters[1].grad.tolist() == [[0.5]]
    assert gradient.tolist() == parameters[0].grad.tolist()  # in place


def test_total_norm() -> None:
    tensors = [cf.tensor([3.0]), cf.tensor([[4.0]])]
    assert utils.get_total_norm(tensors).item() == 5.0
    assert utils.get_total_norm(tensors, norm_type=INFINITE).item() == 4.0


def test_parameters_as_a_vector() -> None:
    layer = cf.nn.Linear(2, 3)
    vector = utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (9,) and vector.requires_grad
    new = cf.arange(9.0)
    utils.vector_to_parameters(new, layer.parameters())
    assert layer.weight.tolist() == [[0, 1], [2, 3], [4, 5]] and layer.bias.tolist() == [6, 7, 8]
    assert layer.weight.requires_grad and layer.weight.is_leaf
    with pytest.raises(TypeError):
        utils.vector_to_parameters([1.0], layer.parameters())


class TestAverages:
    def models(self, **options: Any) -> tuple[Any, Any]:
        model = cf.nn.Linear(2, 1)
        return model, swa.AveragedModel(model, **options)

    def follow(self, model: Any, average: Any, values: list[float]) -> list[float]:
        got = []
        for value in values:
            with cf.no_grad():
                for p in model.parameters():
                    p.fill_(value)
            average.update_parameters(model)
            found = [to_numpy(p) for p in average.module.parameters()]
            assert all((f == found[0].ravel()[0]).all() for f in found)
            got.append(float(found[0].ravel()[0]))
        return got

    def test_the_mean(self) -> None:
        for function in (None, swa.get_swa_avg_fn()):
            model, average = self.models(avg_fn=function)
            got = self.follow(model, average, [1.0, 3.0, 8.0])
            np.testing.assert_allclose(got, [1.0, 2.0, 4.0], rtol=1e-6)
            assert average.n_averaged.item() == 3

    def test_the_exponential_average(self) -> None:
        for options in (
            {"avg_fn": swa.get_ema_avg_fn(0.9)},
            {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)},
        ):
            model, average = self.models(**options)
            got = self.follow(model, average, [1.0, 2.0, 2.0])
            np.testing.assert_allclose(got, [1.0, 1.1, 1.19], rtol=1e-6)

    def test_the_model_itself_stays(self) -> None:
        model, average = self.models()
        self.follow(model, average, [1.0, 3.0])
        assert model.weight.tolist() == [[3.0, 3.0]]
        assert average(cf.ones(1, 2)).item() == 6.0
        assert list(average.state_dict()) == ["n_averaged", "module.weight", "module.bias"]
        again = swa.AveragedModel(cf.nn.Linear(2, 1))
        again.load_state_dict(average.state_dict())
        assert again.module.weight.tolist() == [[2.0, 2.0]] and again.n_averaged.item() == 2
        assert copy.deepcopy(average).module.weight.tolist() == [[2.0, 2.0]]

    def test_buffers(self) -> None:
        class Counter(cf.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = cf.nn.Parameter(cf.zeros(1))
                self.register_buffer("mean", cf.zeros(1))

        for use, expected in ((False, 4.0), (True, 3.0)):
            model = Counter()
            average = swa.AveragedModel(model, use_buffers=use)
            for value in (2.0, 4.0):
                model.mean.fill_(value)
                average.update_parameters(model)
            assert average.module.mean.item() == expected

    def test_bad_options(self) -> None:
        model = cf.nn.Linear(2, 1)
        with pytest.raises(AssertionError):
            swa.AveragedModel(model, avg_fn=max, multi_avg_fn=max)
        for make in (swa.get_ema_avg_fn, swa.get_ema_multi_avg_fn):
            with pytest.raises(ValueError, match="decay"):
                make(1.5)

    def test_update_bn(self) -> None:
        model = cf.nn.Sequential(cf.nn.BatchNorm1d(3), cf.nn.Linear(3, 1))
        model.eval()
        batches = [cf.randn(16, 3) * 2 + 5 for _ in range(4)]
        swa.update_bn([(x, None) for x in batches], model)
        norm = model[0]
        whole = np.concatenate([to_numpy(x) for x in batches])
        np.testing.assert_allclose(to_numpy(norm.running_mean), whole.mean(0), rtol=1e-4)
        assert norm.momentum == 0.1 and not model.training
        swa.update_bn(batches, cf.nn.Linear(3, 1))  # nothing to do
