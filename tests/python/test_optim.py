"""Optimizers take PyTorch's steps."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import backend
import numpy as np
import pytest
import trajectories
from backend import cf, to_numpy
from reference import FOLDER, TOLERANCES

ours = pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")
SGD = cf.optim.SGD


def parameter(*values: float) -> Any:
    return cf.tensor(list(values), requires_grad=True)


@pytest.mark.parametrize("dtype", trajectories.DTYPES)
@pytest.mark.parametrize("name", trajectories.SGD)
def test_sgd_follows_pytorch(name: str, dtype: str) -> None:
    with np.load(FOLDER / "trajectories.npz") as file:
        expected = file[f"{name} {dtype}"]
    relative, absolute = TOLERANCES[dtype]
    got = trajectories.run(cf, name, dtype)
    np.testing.assert_allclose(got, expected, rtol=4 * relative, atol=8 * absolute)


def test_parameters_without_gradient_stay() -> None:
    x, y = parameter(1.0), parameter(2.0)
    optimizer = SGD([x, y], lr=0.1, momentum=0.9, weight_decay=0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert y.tolist() == [2.0] and x.tolist() != [1.0]


def test_zero_grad_forgets() -> None:
    x = parameter(1.0)
    optimizer = SGD([x], lr=0.1)
    (x * x).sum().backward()
    optimizer.zero_grad()
    assert x.grad is None
    (x * x).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert x.grad.tolist() == [0.0]


def test_a_step_changes_the_parameter_itself() -> None:
    x = parameter(1.0)
    view = x.detach()
    optimizer = SGD([x], lr=0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert x.tolist() == [0.0]
    assert x.is_leaf and x.requires_grad
    assert view.tolist() in ([0.0], [1.0])  # whether memory is shared is not promised


def test_groups() -> None:
    x, y, z = parameter(1.0), parameter(1.0), parameter(1.0)
    optimizer = SGD([{"params": [x]}, {"params": [y], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": z, "lr": 1.0})
    (x + y + z).sum().backward()
    optimizer.step()
    np.testing.assert_allclose([x.item(), y.item(), z.item()], [0.9, 0.5, 0.0], rtol=1e-6)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 1.0]


def test_the_rate_may_change_between_steps() -> None:
    x = parameter(1.0)
    optimizer = SGD([x], lr=0.1)
    x.sum().backward()
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    np.testing.assert_allclose(x.tolist(), [0.4], rtol=1e-6)


def test_state_goes_on_where_it_was_kept() -> None:
    def steps(parameters: list[Any], optimizer: Any, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            trajectories.loss(parameters).backward()
            optimizer.step()

    options = {"lr": 0.05, "momentum": 0.9}
    one = trajectories.start(cf, "float32")
    first = SGD(one, **options)
    steps(one, first, 3)
    two = [p.detach().clone().requires_grad_() for p in one]
    second = SGD(two, lr=9.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.param_groups[0]["lr"] == 0.05
    steps(one, first, 3)
    steps(two, second, 3)
    for p, q in zip(one, two, strict=True):
        np.testing.assert_array_equal(to_numpy(p), to_numpy(q))


def test_state_dict_is_pytorchs() -> None:
    x = parameter(1.0, 2.0)
    optimizer = SGD([x], lr=0.1, momentum=0.9)
    (x * x).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert set(state) == {"state", "param_groups"}
    assert state["param_groups"][0]["params"] == [0]
    assert {"lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"} <= set(
        state["param_groups"][0]
    )
    assert state["state"][0]["momentum_buffer"].tolist() == [2.0, 4.0]


def test_closure() -> None:
    x = parameter(1.0)
    optimizer = SGD([x], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        value = (x * x).sum()
        value.backward()
        return value

    assert optimizer.step(closure).item() == 1.0
    np.testing.assert_allclose(x.tolist(), [0.8], rtol=1e-6)


def test_parameters_may_come_from_a_generator() -> None:
    layer = cf.nn.Linear(2, 1)
    optimizer = SGD((p for p in layer.parameters()), lr=0.1)
    assert len(optimizer.param_groups[0]["params"]) == 2


@ours
class TestShortForm:
    def test_step_takes_the_parameters(self) -> None:
        x = parameter(1.0, 2.0)
        optimizer = SGD(learning_rate=0.1)
        (x * x).sum().backward()
        optimizer.step([x])
        np.testing.assert_allclose(x.tolist(), [0.8, 1.6], rtol=1e-6)

    def test_momentum_stays_with_its_parameter(self) -> None:
        for name in ("momentum", "nesterov"):
            options = dict(trajectories.SGD[name])
            parameters = trajectories.start(cf, "float64")
            optimizer = SGD(learning_rate=options.pop("lr"), **options)
            for _ in range(trajectories.STEPS):
                for p in parameters:
                    p.grad = None
                trajectories.loss(parameters).backward()
                optimizer.step(parameters)
            got = np.concatenate([to_numpy(p).ravel() for p in parameters])
            np.testing.assert_allclose(got, trajectories.run(cf, name, "float64")[-1], rtol=1e-12)

    def test_a_module_gives_its_parameters(self) -> None:
        layer = cf.nn.Linear(2, 1)
        before = to_numpy(layer.weight).copy()
        optimizer = SGD(learning_rate=0.1)
        layer(cf.ones(1, 2)).sum().backward()
        optimizer.step(layer.parameters())
        np.testing.assert_allclose(to_numpy(layer.weight), before - 0.1, rtol=1e-5)

    def test_a_step_without_parameters_says_what_is_missing(self) -> None:
        with pytest.raises((TypeError, ValueError), match="param"):
            SGD(learning_rate=0.1).step()


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -0.1},
        {"lr": 0.1, "momentum": -1.0},
        {"lr": 0.1, "weight_decay": -1.0},
        {"lr": 0.1, "nesterov": True},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "nesterov": True},
    ],
    ids=str,
)
def test_options_outside_their_domain(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        SGD([parameter(1.0)], **options)


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match=r"(?i)empty"):
        SGD([], lr=0.1)
    with pytest.raises(TypeError):
        SGD([1.0], lr=0.1)
    with pytest.raises(TypeError):
        SGD(cf.ones(1), lr=0.1)
    x = parameter(1.0)
    with pytest.raises(ValueError):
        SGD([x * 2], lr=0.1)
    with pytest.raises(ValueError):
        SGD([{"params": [x]}, {"params": [x]}], lr=0.1)


@ours
@pytest.mark.parametrize("value", [None, "0.1", [0.1]], ids=str)
@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
def test_options_that_are_no_numbers(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        SGD([parameter(1.0)], **{name: value})
    with pytest.raises(TypeError, match=name):
        SGD(**{name: value})


@ours
def test_groups_that_are_none() -> None:
    x = parameter(1.0)
    with pytest.raises(ValueError, match="params"):
        SGD([{"lr": 0.1}])
    with pytest.raises(TypeError, match="dictionary"):
        SGD([{"params": [x]}, x])
    assert SGD([{"params": [x], "learning_rate": 0.7}]).param_groups[0]["lr"] == 0.7


def test_parameters_may_join_and_leave_a_group() -> None:
    x, y = parameter(1.0), parameter(1.0)
    optimizer = SGD([x], lr=0.1, momentum=0.5)
    (x * 1).sum().backward()
    optimizer.step()
    optimizer.param_groups[0]["params"].append(y)
    optimizer.zero_grad()
    (x + y).sum().backward()
    optimizer.step()
    np.testing.assert_allclose([x.item(), y.item()], [0.75, 0.9], rtol=1e-6)
    optimizer.param_groups[0]["params"] = [y]
    optimizer.step()
    np.testing.assert_allclose([x.item(), y.item()], [0.75, 0.75], rtol=1e-6)


@ours
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_on_alone(duplicate: Any) -> None:
    x = parameter(1.0)
    one = SGD([x], lr=0.1, momentum=0.5)
    x.sum().backward()
    one.step()
    two = duplicate(one)
    (copied,) = two.param_groups[0]["params"]
    copied.grad = cf.ones(1)
    two.step()
    np.testing.assert_allclose([x.item(), copied.item()], [0.9, 0.75], rtol=1e-6)


@ours
def test_a_state_is_loaded_whole_or_not_at_all() -> None:
    x, y = parameter(1.0), parameter(1.0, 2.0)
    optimizer = SGD([x, y], lr=0.1, momentum=0.5)
    before = repr(optimizer)
    state = optimizer.state_dict()
    wrong = {**state["param_groups"][0], "lr": 9.0}
    fits, too_long = cf.ones(1), cf.ones(3)
    remembered = {0: {"momentum_buffer": fits}, 1: {"momentum_buffer": too_long}}
    for bad in (
        {"state": remembered, "param_groups": [wrong]},
        {"state": {}, "param_groups": [{**wrong, "momentum": -1.0}]},
        {"state": {}, "param_groups": [{**wrong, "params": [0]}]},
        {},
    ):
        with pytest.raises(ValueError):
            optimizer.load_state_dict(bad)
        assert repr(optimizer) == before and not optimizer.state_dict()["state"]
