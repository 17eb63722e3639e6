"""Every optimizer follows PyTorch's parameters, options and states."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from typing import Any

import backend
import devices
import numpy as np
import pytest
import trajectories
from backend import cf, to_numpy
from reference import FOLDER

ours = pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")
KINDS = [*trajectories.OPTIONS, *([] if backend.IS_TORCH else ["Lion"])]


@cache
def stored() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "trajectories.npz") as file:
        return dict(file)


def parameter(*values: float, dtype: Any = None) -> Any:
    return cf.tensor(list(values), requires_grad=True, dtype=dtype)


def make(kind: str, params: Any, **options: Any) -> Any:
    return getattr(cf.optim, kind)(params, **options)


@pytest.mark.parametrize("case", trajectories.CASES)
def test_parameters_follow_pytorch(case: str) -> None:
    narrow, wide, half = stored()[f"{case} long"]
    np.testing.assert_allclose(
        trajectories.long_run(cf, case, "float64"),
        wide,
        rtol=1e-11 * devices.lenience("float64"),
        atol=1e-13,
    )
    # Adamax divides by what may be the rounding of a gradient: with a large rate a sum in another
    # order shows after some steps.
    steps = None if backend.IS_CPU or case != "Adamax fast" else 8
    np.testing.assert_allclose(
        trajectories.long_run(cf, case, "float32")[:steps], narrow[:steps], rtol=1e-4, atol=1e-6
    )
    # Here PyTorch rounds after each operation of a step, which soon leads to other parameters.
    got = trajectories.long_run(cf, case, "bfloat16")
    np.testing.assert_allclose(got[:3], half[:3], rtol=0.03, atol=0.03)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("name", trajectories.LBFGS)
def test_lbfgs_follows_pytorch(name: str) -> None:
    narrow, wide = stored()[f"LBFGS {name} long"]
    got = trajectories.lbfgs_run(cf, name, "float64")
    np.testing.assert_allclose(got, wide, rtol=1e-8, atol=1e-10)
    # What is left of float32 near the bottom is noise: the first step says more.
    got = trajectories.lbfgs_run(cf, name, "float32")
    np.testing.assert_allclose(got[0], narrow[0], rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(got[:, -1], narrow[:, -1], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("case", trajectories.CASES)
def test_a_state_of_pytorch_goes_on(case: str) -> None:
    pool = stored()[f"{case} pool"]
    count = sum(p.numel() for p in trajectories.start(cf, "float64"))
    state = trajectories.restored(stored()[f"{case} state"].tobytes().decode(), pool[count:])
    kind, _ = trajectories.CASES[case]
    parameters = trajectories.start(cf, "float64")
    start = 0
    for p in parameters:
        values = pool[start : start + p.numel()].reshape(tuple(p.shape))
        p.data = backend.to_tensor(cf, values, "float64")
        start += p.numel()
    optimizer = make(kind, parameters, lr=123.0)
    optimizer.load_state_dict(backend_state(state))
    assert optimizer.param_groups[0]["lr"] != 123.0
    trajectories.descend(optimizer, parameters, trajectories.STORED[-1] - trajectories.RESUMED)
    expected = stored()[f"{case} long"][1][-1]
    np.testing.assert_allclose(
        trajectories.flat(parameters),
        expected,
        rtol=1e-11 * devices.lenience("float64"),
        atol=1e-13,
    )


def backend_state(state: Any) -> Any:
    """PyTorch itself takes no arrays."""
    if not backend.IS_TORCH:
        return state
    if isinstance(state, dict):
        return {key: backend_state(part) for key, part in state.items()}
    return cf.from_numpy(state.copy()) if isinstance(state, np.ndarray) else state


@pytest.mark.parametrize("case", trajectories.CASES)
def test_the_state_is_pytorchs(case: str) -> None:
    pool = stored()[f"{case} pool"]
    count = sum(p.numel() for p in trajectories.start(cf, "float64"))
    expected = trajectories.restored(stored()[f"{case} state"].tobytes().decode(), pool[count:])
    got, _ = trajectories.resumable(cf, case)
    assert len(got["param_groups"]) == 1
    ours, theirs = got["param_groups"][0], expected["param_groups"][0]
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        assert trajectories.plain(value) == theirs[name], name
    assert set(got["state"]) == set(expected["state"])
    for number, remembered in got["state"].items():
        assert list(remembered) == list(expected["state"][number])
        for name, value in remembered.items():
            wanted = expected["state"][number][name]
            assert value.dtype == (cf.float32 if value.ndim == 0 else cf.float64)
            np.testing.assert_allclose(
                to_numpy(value), wanted, rtol=1e-11 * devices.lenience("float64"), atol=1e-13
            )


@ours
def test_lion_follows_its_paper() -> None:
    rng = np.random.RandomState(0)
    x = rng.standard_normal(50)
    lr, (beta1, beta2), decay = 0.01, (0.9, 0.99), 0.1
    for maximize in (False, True):
        p = cf.tensor(x, requires_grad=True)
        optimizer = cf.optim.Lion([p], lr=lr, weight_decay=decay, maximize=maximize)
        expected, m = x.copy(), np.zeros(50)
        for _ in range(60):
            gradient = rng.standard_normal(50)
            p.grad = cf.tensor(gradient)
            optimizer.step()
            g = -gradient if maximize else gradient
            expected = expected * (1 - lr * decay) - lr * np.sign(beta1 * m + (1 - beta1) * g)
            m = beta2 * m + (1 - beta2) * g
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
        kept = optimizer.state_dict()["state"][0]["exp_avg"]
        np.testing.assert_allclose(kept.numpy(), m, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
class TestEach:
    def test_parameters_without_gradient_stay(self, kind: str) -> None:
        x, y, empty = parameter(1.0), parameter(2.0), cf.zeros(0, requires_grad=True)
        optimizer = make(kind, [x, y, empty], lr=0.1)
        (x * x).sum().backward()
        empty.grad = cf.zeros(0)
        optimizer.step()
        assert y.tolist() == [2.0] and x.tolist() != [1.0] and empty.tolist() == []

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision(self, kind: str, dtype: str) -> None:
        x = cf.tensor([1.0, -2.0, 3.0], dtype=getattr(cf, dtype), requires_grad=True)
        optimizer = make(kind, [x], lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
        values = to_numpy(x).astype(float)
        assert x.dtype == getattr(cf, dtype)
        assert (np.abs(values) <= [1.0, 2.0, 3.0]).all() and np.isfinite(values).all()
        kept = optimizer.state_dict()["state"].get(0, {})
        assert all(value.dtype == x.dtype for value in kept.values() if value.ndim)

    def test_groups_have_options_of_their_own(self, kind: str) -> None:
        x, y, z = parameter(1.0), parameter(1.0), parameter(1.0)
        optimizer = make(kind, [{"params": [x]}, {"params": [y], "lr": 0.0}], lr=0.1)
        optimizer.add_param_group({"params": z, "lr": 0.1})
        (x + y + z).sum().backward()
        optimizer.step()
        assert x.tolist() == z.tolist() != [1.0]
        # The first step of Rprop is as large as its rate.
        assert (y.tolist() == [1.0]) or kind == "Rprop"
        assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.0, 0.1]

    def test_maximize_goes_up(self, kind: str) -> None:
        x = parameter(1.0, -2.0)
        before = (x * x).sum().item()
        optimizer = make(kind, [x], lr=0.01, maximize=True)
        for _ in range(3):
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
        assert (x * x).sum().item() > before

    def test_closure(self, kind: str) -> None:
        x = parameter(1.0)
        optimizer = make(kind, [x], lr=0.1)

        def closure() -> Any:
            optimizer.zero_grad()
            value = (x * x).sum()
            value.backward()
            return value

        with cf.no_grad():
            assert optimizer.step(closure).item() == 1.0
        assert x.item() < 1.0

    @pytest.mark.parametrize("duplicate", ["copy", "pickle", "state"])
    def test_copies_go_on_alone(self, kind: str, duplicate: str) -> None:
        parameters = trajectories.start(cf, "float64")
        one = make(kind, parameters, lr=0.01)
        trajectories.descend(one, parameters, 3)
        if duplicate == "state":
            copies = [p.detach().clone().requires_grad_() for p in parameters]
            two = make(kind, copies, lr=9.0)
            two.load_state_dict(copy.deepcopy(one.state_dict()))
        else:
            two = copy.deepcopy(one) if duplicate == "copy" else pickle.loads(pickle.dumps(one))
            copies = two.param_groups[0]["params"]
        before = trajectories.flat(parameters)
        trajectories.descend(two, copies, 3)
        np.testing.assert_array_equal(trajectories.flat(parameters), before)
        trajectories.descend(one, parameters, 3)
        # PyTorch keeps a product of NAdam in another dtype after loading.
        np.testing.assert_allclose(
            trajectories.flat(parameters), trajectories.flat(copies), rtol=1e-10
        )

    @ours
    def test_strided_parameters_take_the_same_steps(self, kind: str) -> None:
        values = np.arange(6.0).reshape(2, 3) + 1
        plain = cf.tensor(values, requires_grad=True)
        turned = cf.tensor(values.T.copy()).transpose(0, 1).detach().requires_grad_()
        assert not turned.is_contiguous()
        for p in (plain, turned):
            optimizer = make(kind, [p], lr=0.1)
            for _ in range(4):
                p.grad = cf.tensor(np.cos(values))
                optimizer.step()
        np.testing.assert_allclose(
            turned.detach().numpy(), plain.detach().numpy(), rtol=1e-12, atol=1e-12
        )

    @ours
    def test_short_form(self, kind: str) -> None:
        x, y = parameter(1.0, 2.0), parameter(1.0, 2.0)
        optimizer, other = make(kind, None, learning_rate=0.1), make(kind, [y], lr=0.1)
        for _ in range(3):
            for p in (x, y):
                p.grad = None
                (p * p).sum().backward()
            optimizer.step([x])
            other.step()
        assert x.tolist() == y.tolist()
        with pytest.raises(ValueError, match="param"):
            make(kind, None, learning_rate=0.1).step()

    @ours
    def test_the_options_are_written_out(self, kind: str) -> None:
        text = repr(make(kind, [parameter(1.0)], lr=0.25))
        assert text.startswith(f"{kind} (") and "lr: 0.25" in text and "maximize: False" in text

    def test_no_parameters(self, kind: str) -> None:
        with pytest.raises(ValueError, match=r"(?i)empty"):
            make(kind, [])

    def test_negative_rates(self, kind: str) -> None:
        # PyTorch's SGD alone lets a NaN pass.
        for value in (-0.1, *([] if backend.IS_TORCH else [float("nan")])):
            with pytest.raises(ValueError):
                make(kind, [parameter(1.0)], lr=value)


BETAS = [{"betas": (1.0, 0.9)}, {"betas": (0.9, 1.0)}, {"betas": (-0.1, 0.9)}]
BAD: dict[str, list[dict[str, Any]]] = {
    "Adam": [*BETAS, {"eps": -1.0}, {"weight_decay": -1.0}],
    "AdamW": [*BETAS, {"eps": -1.0}, {"weight_decay": -1.0}],
    "Adamax": [*BETAS, {"eps": -1.0}, {"weight_decay": -1.0}],
    "NAdam": [*BETAS, {"eps": -1.0}, {"weight_decay": -1.0}, {"momentum_decay": -1.0}],
    "RAdam": [*BETAS, {"eps": -1.0}, {"weight_decay": -1.0}],
    "RMSprop": [{"alpha": -1.0}, {"eps": -1.0}, {"momentum": -1.0}, {"weight_decay": -1.0}],
    "Adagrad": [
        {"lr_decay": -1.0}, {"eps": -1.0}, {"weight_decay": -1.0},
        {"initial_accumulator_value": -1.0},
    ],
    "Adadelta": [{"rho": 1.1}, {"rho": -0.1}, {"eps": -1.0}, {"weight_decay": -1.0}],
    "ASGD": [{"lambd": -1.0}, {"alpha": -1.0}, {"weight_decay": -1.0}],
    "Rprop": [{"etas": (1.0, 1.2)}, {"etas": (0.5, 1.0)}, {"etas": (0.0, 1.2)}],
    "Lion": [*BETAS, {"weight_decay": -1.0}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"),
    [(kind, options) for kind, table in BAD.items() if kind in KINDS for options in table],
    ids=str,
)
def test_options_outside_their_domain(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        make(kind, [parameter(1.0)], **options)


@ours
@pytest.mark.parametrize("betas", [0.9, (0.9,), None, ("a", "b")], ids=str)
def test_betas_that_are_no_pair(betas: Any) -> None:
    with pytest.raises(TypeError, match="betas"):
        cf.optim.Adam([parameter(1.0)], betas=betas)


@ours
def test_what_is_not_supported_says_so() -> None:
    x = [parameter(1.0)]
    for switch in ("capturable", "differentiable"):
        with pytest.raises(NotImplementedError, match=switch):
            cf.optim.Adam(x, **{switch: True})
    with pytest.raises(RuntimeError, match="fused"):
        cf.optim.Adam(x, fused=True, foreach=True)
    for switch in ("fused", "foreach"):
        assert cf.optim.Adam(x, **{switch: True}).param_groups[0][switch] is True


@ours
def test_a_state_of_another_optimizer_is_refused() -> None:
    x = parameter(1.0)
    adam, sgd = cf.optim.Adam([x]), cf.optim.SGD([x], momentum=0.9)
    x.grad = cf.ones(1)
    adam.step()
    state = {**sgd.state_dict(), "state": adam.state_dict()["state"]}
    with pytest.raises(ValueError, match=r"momentum_buffer.*step"):
        sgd.load_state_dict(state)
    wrong = adam.state_dict()
    wrong["state"][0]["exp_avg"] = cf.ones(3)
    with pytest.raises(ValueError, match=r"exp_avg.*\(1,\).*\(3,\)"):
        adam.load_state_dict(wrong)


def test_options_may_change_between_steps() -> None:
    x = parameter(1.0)
    optimizer = cf.optim.Adam([x], lr=0.1)
    x.grad = cf.ones(1)
    optimizer.step()
    optimizer.param_groups[0]["betas"] = (0.0, 0.0)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    np.testing.assert_allclose(x.tolist(), [0.4], rtol=1e-5)


def test_state_by_parameter() -> None:
    x, y = parameter(1.0), parameter(1.0)
    optimizer = cf.optim.Adam([x, y])
    x.grad = cf.ones(1)
    optimizer.step()
    assert set(optimizer.state[x]) == {"step", "exp_avg", "exp_avg_sq"}
    assert not optimizer.state.get(y)
    optimizer.state = type(optimizer.state)(dict)
    assert not optimizer.state_dict()["state"]


def test_hooks_are_called_around_a_step() -> None:
    x = parameter(1.0)
    optimizer = cf.optim.SGD([x], lr=1.0)
    told = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: told.append(x.item()))
    optimizer.register_step_post_hook(lambda o, args, kwargs: told.append(x.item()))
    x.grad = cf.ones(1)
    optimizer.step()
    assert told == [1.0, 0.0]
    before.remove()
    optimizer.step()
    assert told == [1.0, 0.0, -1.0]
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: told.append(state["more"]))
    optimizer.load_state_dict(optimizer.state_dict())
    assert told[-1] == 1


def test_parameters_may_have_names() -> None:
    layer = cf.nn.Linear(2, 1)
    optimizer = cf.optim.Adam(layer.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="names"):
        optimizer.add_param_group({"params": [parameter(1.0)]})


def test_an_optimizer_of_ones_own() -> None:
    class Momentum(cf.optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.5) -> None:
            super().__init__(params, {"lr": lr})

        @cf.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["sum"] = state.get("sum", cf.zeros_like(p)) + p.grad
                    p.sub_(state["sum"] * group["lr"])

    x = parameter(1.0)
    optimizer = Momentum([x])
    x.grad = cf.ones(1)
    optimizer.step()
    optimizer.step()
    assert x.tolist() == [-0.5]
    again = Momentum([parameter(1.0)], lr=9.0)
    again.load_state_dict(optimizer.state_dict())
    (other,) = again.param_groups[0]["params"]
    other.grad = cf.ones(1)
    again.step()
    assert other.tolist() == [-0.5] and again.param_groups[0]["lr"] == 0.5


class TestLbfgs:
    def minimized(self, **options: Any) -> tuple[Any, Any, list[int]]:
        parameters = trajectories.start(cf, "float64")
        optimizer = cf.optim.LBFGS(parameters, **options)
        calls: list[int] = []

        def closure() -> Any:
            calls.append(1)
            return trajectories.closure(optimizer, parameters)

        with cf.no_grad():
            optimizer.step(closure)
        return parameters, optimizer, calls

    def test_it_finds_the_bottom(self) -> None:
        parameters, _, _ = self.minimized(line_search_fn="strong_wolfe", max_iter=100)
        for p in parameters:
            p.grad = None
        trajectories.valley(parameters).backward()
        assert max(np.abs(to_numpy(p.grad)).max() for p in parameters) < 1e-4

    def test_it_counts_its_evaluations(self) -> None:
        _, optimizer, calls = self.minimized(line_search_fn="strong_wolfe", max_eval=6)
        state = optimizer.state_dict()["state"][0]
        assert state["func_evals"] == len(calls)
        assert 6 <= len(calls) <= 7

    def test_its_state_goes_on(self) -> None:
        parameters, one, _ = self.minimized(max_iter=3, lr=0.3)
        copies = [p.detach().clone().requires_grad_() for p in parameters]
        two = cf.optim.LBFGS(copies)
        two.load_state_dict(copy.deepcopy(one.state_dict()))
        for optimizer in (one, two, *([] if backend.IS_TORCH else [copy.deepcopy(one)])):
            ps = optimizer.param_groups[0]["params"]
            optimizer.step(lambda o=optimizer, ps=ps: trajectories.closure(o, ps))
            np.testing.assert_array_equal(trajectories.flat(ps), trajectories.flat(parameters))

    def test_a_failing_closure_fails_the_step(self) -> None:
        x = parameter(1.0)
        optimizer = cf.optim.LBFGS([x])

        class OwnError(Exception):
            pass

        def closure() -> Any:
            raise OwnError("as asked")

        with pytest.raises(OwnError, match="as asked"):
            optimizer.step(closure)
        optimizer.zero_grad()
        (x * x).sum().backward()
        assert optimizer.step(lambda: 1.0) == 1.0

    @ours
    def test_a_step_within_a_step_is_refused(self) -> None:
        x = parameter(1.0)
        optimizer = cf.optim.LBFGS([x])
        with pytest.raises(RuntimeError, match="under way"):
            optimizer.step(lambda: optimizer.step(lambda: 1.0))

    @ours
    def test_bad_use(self) -> None:
        x, y = parameter(1.0), parameter(1.0)
        with pytest.raises(ValueError, match="group"):
            cf.optim.LBFGS([{"params": [x]}, {"params": [y]}])
        with pytest.raises(RuntimeError, match="strong_wolfe"):
            cf.optim.LBFGS([x], line_search_fn="weak")
        with pytest.raises(TypeError, match="function"):
            cf.optim.LBFGS([x]).step(None)
        with pytest.raises(ValueError, match="lr"):
            cf.optim.LBFGS([x], lr=-1.0)
