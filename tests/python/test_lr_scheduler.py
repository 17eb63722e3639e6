"""Schedules set PyTorch's learning rates."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import backend
import numpy as np
import pytest
import trajectories
from backend import cf
from reference import FOLDER

schedules = cf.optim.lr_scheduler
NAMES = [*trajectories.SCHEDULES, *trajectories.OF_SWA]
pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def stored(name: str) -> np.ndarray:
    with np.load(FOLDER / "trajectories.npz") as file:
        return file[f"schedule {name}"]


def optimizer_of(lr: float = 1.0, kind: str = "SGD", **options: Any) -> Any:
    return getattr(cf.optim, kind)([cf.ones(1, requires_grad=True)], lr=lr, **options)


@pytest.mark.parametrize("name", NAMES)
def test_rates_follow_pytorch(name: str) -> None:
    got = trajectories.schedule_run(cf, name)
    np.testing.assert_allclose(got, stored(name), rtol=1e-12, atol=1e-15)
    assert len(np.unique(got[:, 0])) > 1


@pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
def test_the_first_beta_is_a_momentum(name: str) -> None:
    got = trajectories.schedule_run(cf, name, "Adam")
    np.testing.assert_allclose(got, stored(f"{name} of Adam"), rtol=1e-12, atol=1e-15)
    assert len(np.unique(got[:, 2])) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_goes_on_where_it_was_kept(name: str) -> None:
    def advance(schedule: Any, optimizer: Any, steps: range) -> list[float]:
        rates = []
        for step in steps:
            optimizer.step()
            measured = [trajectories.measure(step)] if name.startswith("ReduceLR") else []
            schedule.step(*measured)
            rates += schedule.get_last_lr()
        return rates

    first = trajectories.scheduled(cf)
    one = trajectories.schedule_of(cf, name, first)
    advance(one, first, range(45))
    second = trajectories.scheduled(cf)
    two = trajectories.schedule_of(cf, name, second)
    two.load_state_dict(pickle.loads(pickle.dumps(one.state_dict())))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert two.get_last_lr() == one.get_last_lr()
    expected = advance(one, first, range(45, 110))
    assert advance(two, second, range(45, 110)) == expected
    assert len(expected) == 2 * 65


def test_the_optimizer_takes_the_rate() -> None:
    x = cf.tensor([0.0], requires_grad=True)
    optimizer = cf.optim.Adam([x], lr=1.0)
    schedule = schedules.StepLR(optimizer, 1, gamma=0.5)
    values = []
    for _ in range(3):
        x.grad = cf.ones(1)
        optimizer.step()
        schedule.step()
        values.append(x.item())
    np.testing.assert_allclose(values, [-1.0, -1.5, -1.75], rtol=1e-5)


def test_the_order_of_steps() -> None:
    optimizer = optimizer_of()
    schedule = schedules.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    schedule.step()  # it is said once

    stepped = optimizer_of()
    stepped.step()
    schedule = schedules.StepLR(stepped, 2)
    with pytest.warns(UserWarning, match="before"):
        schedule.step()

    good = optimizer_of()
    schedule = schedules.StepLR(good, 2)
    good.step()
    schedule.step()

    replaced = optimizer_of()
    schedule = schedules.StepLR(replaced, 2)
    replaced.step = lambda: None
    with pytest.warns(UserWarning, match="overridden"):
        schedule.step()


def test_get_lr_is_not_for_users() -> None:
    schedule = schedules.StepLR(optimizer_of(), 2)
    with pytest.warns(UserWarning, match="get_last_lr"):
        schedule.get_lr()


def test_a_number_of_the_step() -> None:
    optimizer = optimizer_of()
    schedule = schedules.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch"):
        schedule.step(4)
    assert schedule.get_last_lr() == [0.5**4]
    warm = schedules.CosineAnnealingWarmRestarts(optimizer_of(), T_0=4, T_mult=2)
    warm.step(4.5)
    assert warm.last_epoch == 4 and warm.T_i == 8


def test_going_on_needs_the_first_rate() -> None:
    with pytest.raises(KeyError, match="initial_lr"):
        schedules.StepLR(optimizer_of(), 2, last_epoch=3)
    optimizer = optimizer_of(0.5)
    optimizer.param_groups[0]["initial_lr"] = 1.0
    assert schedules.LambdaLR(optimizer, lambda n: 1 / n, last_epoch=3).get_last_lr() == [0.25]


def test_functions_that_are_objects_are_kept() -> None:
    class Scale:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, step: int) -> float:
            return self.factor

    one = schedules.LambdaLR(optimizer_of(), [Scale(0.5)])
    two = schedules.LambdaLR(optimizer_of(), [Scale(0.1)])
    state = one.state_dict()
    two.load_state_dict(state)
    assert two.lr_lambdas[0].factor == 0.5
    assert state["lr_lambdas"] == [{"factor": 0.5}]


@pytest.mark.parametrize(
    "make",
    [
        lambda o: schedules.ConstantLR(o, factor=1.5),
        lambda o: schedules.LinearLR(o, start_factor=0.0),
        lambda o: schedules.LinearLR(o, end_factor=1.1),
        lambda o: schedules.CosineAnnealingWarmRestarts(o, T_0=0),
        lambda o: schedules.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=0),
        lambda o: schedules.LambdaLR(o, [abs, abs]),
        lambda o: schedules.OneCycleLR(o, max_lr=1.0),
        lambda o: schedules.OneCycleLR(o, max_lr=1.0, total_steps=0),
        lambda o: schedules.OneCycleLR(o, max_lr=1.0, total_steps=9, pct_start=2.0),
        lambda o: schedules.OneCycleLR(o, max_lr=1.0, total_steps=9, anneal_strategy="no"),
        lambda o: schedules.OneCycleLR(o, max_lr=[1.0, 2.0], total_steps=9),
        lambda o: schedules.CyclicLR(o, 0.1, 1.0, mode="no"),
        lambda o: schedules.CyclicLR(o, [0.1, 0.2], 1.0),
        lambda o: schedules.ReduceLROnPlateau(o, factor=1.0),
        lambda o: schedules.ReduceLROnPlateau(o, mode="no"),
        lambda o: schedules.ReduceLROnPlateau(o, threshold_mode="no"),
        lambda o: schedules.ReduceLROnPlateau(o, min_lr=[0.1, 0.2]),
        lambda o: schedules.SequentialLR(o, [], []),
        lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [3]),
        lambda o: schedules.SequentialLR(o, [schedules.StepLR(optimizer_of(), 1)], []),
        lambda o: schedules.ChainedScheduler([]),
        lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]),
        lambda o: cf.optim.swa_utils.SWALR(o, 0.1, anneal_epochs=-1),
        lambda o: cf.optim.swa_utils.SWALR(o, 0.1, anneal_strategy="no"),
    ],
)
def test_bad_arguments(make: Any) -> None:
    with pytest.raises(ValueError):
        make(optimizer_of(momentum=0.9))


def test_wrong_kinds() -> None:
    with pytest.raises(TypeError, match="Optimizer"):
        schedules.StepLR(1.0, 2)
    with pytest.raises(TypeError):
        schedules.MultiplicativeLR(optimizer_of(), 0.5)
    adagrad = optimizer_of(kind="Adagrad")
    with pytest.raises(ValueError, match="momentum"):
        schedules.OneCycleLR(adagrad, max_lr=1.0, total_steps=5)
    schedule = schedules.OneCycleLR(optimizer_of(momentum=0.9), max_lr=1.0, total_steps=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schedule.step()
        schedule.step()
        with pytest.raises(ValueError, match="3 times"):
            schedule.step()


@pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")
def test_a_state_of_pytorch_fits() -> None:
    """The names of what a schedule remembers are PyTorch's."""
    schedule = schedules.StepLR(optimizer_of(), 2)
    assert {"step_size", "gamma", "base_lrs", "last_epoch", "_step_count", "_last_lr"} <= set(
        schedule.state_dict()
    )
