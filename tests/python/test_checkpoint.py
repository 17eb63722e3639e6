"""Checkpoints: what they keep, how they refuse what does not fit, and all or none."""

from __future__ import annotations

import copy
import json
import math
import os
import random
import struct
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

if backend.IS_TORCH:
    pytest.skip("PyTorch has no such checkpoints", allow_module_level=True)

from candle_ffi import checkpoint, nn
from candle_ffi.optim import lr_scheduler


def same(left: Any, right: Any) -> bool:
    """Whether two states are equal in values and types, NaN included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, cf.Tensor):
        return left.dtype == right.dtype and same(to_numpy(left), to_numpy(right))
    if isinstance(left, (np.ndarray, np.generic)):
        equal_nan = left.dtype.kind in "fc"
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=equal_nan)
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, cf.Generator):
        return same(left.get_state(), right.get_state())
    return bool(left == right)


def kept(path: Path, extra: Any) -> Any:
    checkpoint.save(path / "a", extra=extra)
    return checkpoint.read(path / "a").extra


KEPT: dict[str, Any] = {
    "constants": [None, True, False],
    "integers": [0, -1, 2**53 + 1, 2**64, -(2**200)],
    "floats": [0.1, -0.0, 1e308, 5e-324, math.pi, 1 / 3, math.inf, -math.inf, math.nan],
    "texts": ["", "ü 名", "\0", "\ud800", '"\\', '{"float":"inf"}', '"sha256":"' + "0" * 64 + '"'],
    "bytes": [b"", b"\x00\xff", bytes(range(256))],
    "complex": [1j, complex(math.inf, -0.0)],
    "tuples": [(), (1,), (1, (2, [3]))],
    "sets": [{1, 2}, frozenset(["a"]), set()],
    "keys": {1: "a", "1": "b", None: "c", (1, 2): "d", False: "e", 2.5: "f", b"x": "g"},
    "words of the format": {"tensor": "x", "dict": {"tensor": 1}, "float": 1, "items": [1]},
    "mappings": [OrderedDict([("b", 1), ("a", 2)]), Counter("aab"), {}, {"": {}}],
    "names that meet": {"a.b": cf.ones(1), "a": {"b": cf.zeros(2)}, "a\0": cf.ones(3)},
    "tensors": [cf.ones(2, 3), cf.tensor(1.5), cf.zeros(0, 4), cf.arange(6).reshape(2, 3).T],
    "sizes": cf.ones(2, 3).shape,
    "dtypes and devices": [cf.float32, cf.bfloat16, cf.device("cpu")],
    "generators": cf.Generator().manual_seed(7),
    "NumPy's numbers": [np.float64(1 / 3), np.int8(-1), np.bool_(True), np.uint64(2**64 - 1)],
    "NumPy's arrays": [
        np.arange(3, dtype=np.uint64),
        np.ones((2, 2), ">f4"),
        np.array(1j),
        np.zeros((0, 3), np.int8),
        np.array(["a", "ü"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([math.nan, -0.0], np.float16),
    ],
}


@pytest.mark.parametrize("kind", KEPT)
def test_values_return_as_they_were(tmp_path: Path, kind: str) -> None:
    assert same(kept(tmp_path, KEPT[kind]), KEPT[kind])


@pytest.mark.parametrize("name", backend.ALL)
def test_every_dtype_returns(tmp_path: Path, name: str) -> None:
    x = backend.to_tensor(cf, np.arange(5) % 2, name)
    assert same(kept(tmp_path, {"x": x}), {"x": x})


def test_what_becomes_something_plainer(tmp_path: Path) -> None:
    found = defaultdict(list, a=[1])
    assert same(kept(tmp_path, found), {"a": [1]})
    weight = nn.Parameter(cf.ones(2))
    back = kept(tmp_path, weight)
    assert type(back) is cf.Tensor and not back.requires_grad


class Odd(dict):  # type: ignore[type-arg]
    """A dictionary of another class, which would come back as something else."""


@pytest.mark.parametrize(
    "value",
    [object(), len, Odd(), Path("a"), np.array([None]), np.ma.masked_array([1.0]), range(3)],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_named_with_its_place(tmp_path: Path, value: Any) -> None:
    checkpoint.save(tmp_path / "a", epoch=1)
    with pytest.raises(TypeError, match=r"\['extra'\]\['list'\]\[1\] is a .* cannot be kept"):
        checkpoint.save(tmp_path / "a", extra={"list": [0, value]})
    assert checkpoint.read(tmp_path / "a").epoch == 1
    assert os.listdir(tmp_path) == ["a"]


def test_loops_and_huge_numbers_are_refused(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="levels"):
        checkpoint.save(tmp_path / "a", extra=loop)
    with pytest.raises(ValueError, match="cannot be kept"):
        checkpoint.save(tmp_path / "a", extra=10**5000)
    assert os.listdir(tmp_path) == []


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


def step(model: nn.Module, optimizer: Any) -> None:
    optimizer.zero_grad()
    (model(cf.randn(5, 3)) ** 2).mean().backward()
    optimizer.step()


OPTIMIZERS = [
    name
    for name in cf.optim.__all__
    if isinstance(getattr(cf.optim, name), type) and name not in ("Optimizer", "LBFGS")
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(tmp_path: Path, name: str) -> None:
    def made() -> tuple[nn.Module, Any]:
        model = net()
        return model, getattr(cf.optim, name)(model.parameters(), lr=0.01)

    model, optimizer = made()
    for _ in range(3):
        step(model, optimizer)
    checkpoint.save(tmp_path / "a", model=model, optimizer=optimizer)
    for _ in range(3):
        step(model, optimizer)
    other, other_optimizer = made()
    checkpoint.load(tmp_path / "a", model=other, optimizer=other_optimizer)
    for _ in range(3):
        step(other, other_optimizer)
    assert same(other.state_dict(), model.state_dict())
    assert same(other_optimizer.state_dict(), optimizer.state_dict())


SCHEDULES: dict[str, Any] = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 2, 5]),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda n: 1 / (n + 1)),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 7),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_go_on(tmp_path: Path, name: str) -> None:
    def made() -> tuple[Any, Any]:
        optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=0.1, momentum=0.9)
        return optimizer, SCHEDULES[name](optimizer)

    def lrs(optimizer: Any, schedule: Any) -> list[float]:
        found = []
        for _ in range(4):
            optimizer.step()
            schedule.step(*([1.0] if name == "ReduceLROnPlateau" else []))
            found.append(optimizer.param_groups[0]["lr"])
        return found

    optimizer, schedule = made()
    lrs(optimizer, schedule)
    checkpoint.save(tmp_path / "a", optimizer=optimizer, schedule=schedule)
    expected = lrs(optimizer, schedule)
    other, other_schedule = made()
    checkpoint.load(tmp_path / "a", optimizer=other, schedule=other_schedule)
    assert lrs(other, other_schedule) == expected
    assert same(other_schedule.state_dict(), schedule.state_dict())


def test_random_numbers_go_on(tmp_path: Path) -> None:
    def draw() -> list[Any]:
        return [
            cf.rand(3).tolist(),
            random.random(),
            random.gauss(0, 1),
            np.random.rand(),  # noqa: NPY002
            np.random.randn(),  # noqa: NPY002
        ]

    draw()
    checkpoint.save(tmp_path / "a")
    expected = draw()
    other = draw()
    checkpoint.load(tmp_path / "a")
    assert draw() == expected
    checkpoint.load(tmp_path / "a")
    checkpoint.load(tmp_path / "a", random_state=False)
    assert draw() == expected != other


def generators() -> list[Any]:
    """Where the generators stand."""
    numpy = np.random.get_state()[1]  # noqa: NPY002
    return [cf.get_rng_state().tolist(), random.getstate(), numpy.tolist()]


class TestAllOrNone:
    """When anything does not fit, everything stays as it was."""

    def saved(self, path: Path) -> dict[str, Any]:
        model = net()
        optimizer = cf.optim.Adam(model.parameters(), lr=0.1)
        schedule = lr_scheduler.StepLR(optimizer, 2)
        step(model, optimizer)
        schedule.step()
        parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
        checkpoint.save(path, epoch=2, **parts)
        step(model, optimizer)
        schedule.step()
        return parts

    def refused(self, path: Path, parts: dict[str, Any], message: str, **options: Any) -> None:
        before = {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}
        numbers = generators()
        with pytest.raises(cf.StateDictError, match=message) as caught:
            checkpoint.load(path, **parts, **options)
        assert str(path) in str(caught.value)
        assert same({name: part.state_dict() for name, part in parts.items()}, before)
        assert generators() == numbers

    def test_a_part_that_the_file_lacks(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        parts["average"] = net()
        self.refused(tmp_path / "a", parts, "no state of 'average', only of 'model', 'optimizer'")

    def test_a_part_that_is_left_over(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        del parts["schedule"]
        self.refused(tmp_path / "a", parts, "also has the state of 'schedule'")
        assert checkpoint.load(tmp_path / "a", strict=False, **parts).epoch == 2

    def test_a_model_of_other_shapes(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        # The optimizer comes first here, and is brought back.
        parts = {"optimizer": parts["optimizer"], "schedule": parts["schedule"]}
        parts["model"] = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
        self.refused(tmp_path / "a", parts, "size mismatch|Unexpected key")

    def test_an_optimizer_of_other_groups(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        parts["optimizer"] = cf.optim.Adam(nn.Linear(2, 2).parameters())
        self.refused(tmp_path / "a", parts, "groups have")

    def test_another_optimizer(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        parts["optimizer"] = cf.optim.SGD(parts["model"].parameters(), lr=0.1)
        self.refused(tmp_path / "a", parts, "is a SGD, and the state is that of a Adam")
        self.refused(tmp_path / "a", parts, "another optimizer", strict=False)

    def test_another_schedule(self, tmp_path: Path) -> None:
        parts = self.saved(tmp_path / "a")
        parts["schedule"] = lr_scheduler.ExponentialLR(parts["optimizer"], 0.9)
        self.refused(tmp_path / "a", parts, "is a ExponentialLR")
        self.refused(tmp_path / "a", parts, "do not share gamma|step_size", strict=False)

    def test_an_object_that_fails_in_the_middle(self, tmp_path: Path) -> None:
        class Fragile:
            def __init__(self) -> None:
                self.numbers = [1, 2]

            def state_dict(self) -> dict[str, Any]:
                return {"numbers": self.numbers}

            def load_state_dict(self, state: dict[str, Any]) -> None:
                self.numbers = state["numbers"]
                if len(self.numbers) == 3:
                    raise RuntimeError("three is one too many")

        model, fragile = nn.Linear(2, 1), Fragile()
        fragile.numbers = [1, 2, 3]
        checkpoint.save(tmp_path / "a", model=nn.Linear(2, 1), fragile=fragile)
        fragile.numbers = [4]
        self.refused(tmp_path / "a", {"model": model, "fragile": fragile}, "one too many")
        assert fragile.numbers == [4]

    def test_interrupted(self, tmp_path: Path) -> None:
        class Interrupted(nn.Linear):
            def load_state_dict(self, *args: Any, **options: Any) -> Any:
                result = super().load_state_dict(*args, **options)
                if not self.bias[0].item() < -50:
                    raise KeyboardInterrupt
                return result

        model, other = nn.Linear(2, 1), Interrupted(2, 1)
        checkpoint.save(tmp_path / "a", model=model, other=other)
        with cf.no_grad():
            model.bias.fill_(-99.0)
            other.bias.fill_(-99.0)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.load(tmp_path / "a", model=model, other=other)
        assert model.bias.item() == other.bias.item() == -99.0


class TestArguments:
    def test_no_state(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="model is a int, which has no state_dict"):
            checkpoint.save(tmp_path / "a", model=3)
        with pytest.raises(TypeError, match="which has no state_dict"):
            checkpoint.load(tmp_path / "a", model=3)

    def test_names_that_are_taken(self, tmp_path: Path) -> None:
        for name in ("random", "kinds", "strict", "random_state"):
            with pytest.raises(TypeError, match=name):
                checkpoint.save(tmp_path / "a", **{name: nn.Linear(1, 1)})

    def test_an_epoch_that_is_no_number(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="epoch"):
            checkpoint.save(tmp_path / "a", epoch="last")  # type: ignore[arg-type]

    def test_no_file(self, tmp_path: Path) -> None:
        for call in (checkpoint.read, checkpoint.load):
            with pytest.raises(cf.MissingFileError, match="nothing") as caught:
                call(tmp_path / "nothing")
            assert isinstance(caught.value, FileNotFoundError)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(cf.MissingFileError, match="no/a"):
            checkpoint.save(tmp_path / "no" / "a")

    def test_weights_alone(self, tmp_path: Path) -> None:
        cf.save_file({"x": cf.ones(1)}, tmp_path / "a")
        with pytest.raises(cf.FileFormatError, match=r"no checkpoint.*candle_ffi\.load"):
            checkpoint.read(tmp_path / "a")


def test_other_programs_find_the_tensors(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    model = nn.Linear(2, 1)
    checkpoint.save(tmp_path / "a", epoch=3, model=model)
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        assert file.get_tensor("model.weight").tolist() == model.weight.tolist()
        assert json.loads(file.metadata()["state"])["dict"]["epoch"] == 3


def test_the_model_alone(tmp_path: Path) -> None:
    model = net()
    checkpoint.save(tmp_path / "a", model=model, other=nn.Linear(1, 1))
    assert same(net().load(tmp_path / "a").state_dict(), model.state_dict())
    assert "other.weight" in cf.load_file(tmp_path / "a")


def test_a_link_stays_and_permissions_too(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a", epoch=1)
    os.chmod(tmp_path / "a", 0o640)
    (tmp_path / "link").symlink_to("a")
    checkpoint.save(tmp_path / "link", epoch=2)
    assert (tmp_path / "link").is_symlink()
    assert checkpoint.read(tmp_path / "a").epoch == 2
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


class Keeper:
    """Keeps the very tensor that it is given, on whichever device that is."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self.kept, "again": [self.kept]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = state["kept"]
        assert state["again"][0] is self.kept


class Refusing:
    """Takes no state."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        raise ValueError("no")


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if cf.cuda.is_available() else [])])
def test_what_is_undone_is_where_it_was(tmp_path: Path, device: str) -> None:
    model = cf.nn.Linear(3, 2, device=device)
    optimizer = cf.optim.Adam(model.parameters(), lr=0.1)
    model(cf.ones(1, 3, device=device)).sum().backward()
    optimizer.step()
    keeper = Keeper(cf.ones(2, device=device))
    objects = {"model": model, "optimizer": optimizer, "keeper": keeper, "last": Refusing()}
    path = tmp_path / "a.safetensors"
    cf.checkpoint.save(path, **objects)
    optimizer.step()
    keeper.kept = cf.zeros(2, device=device)
    weights, moments = model.weight.tolist(), optimizer.state[model.weight]["exp_avg"].tolist()
    with pytest.raises(cf.StateDictError, match="nothing was changed"):
        cf.checkpoint.load(path, **objects)
    assert model.weight.tolist() == weights and model.weight.device.type == device
    found = optimizer.state[model.weight]["exp_avg"]
    assert found.tolist() == moments and found.device.type == device
    assert keeper.kept.tolist() == [0.0, 0.0] and keeper.kept.device.type == device


@pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device")
def test_saving_and_loading_take_little_memory_of_the_device(tmp_path: Path) -> None:
    mib = 2**20
    model = cf.nn.Sequential(*(cf.nn.Linear(512, 512, bias=False) for _ in range(4))).to("cuda")
    optimizer = cf.optim.Adam(model.parameters(), lr=0.1)
    model(cf.ones(1, 512, device="cuda")).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    path = tmp_path / "a.safetensors"
    for work in (cf.checkpoint.save, cf.checkpoint.load):
        cf.cuda.synchronize()
        cf.cuda.reset_peak_memory_stats()
        before = cf.cuda.memory_allocated()
        work(path, model=model, optimizer=optimizer)
        # The weights are 4 MiB and what Adam remembers is 8 MiB, in parts of 1 MiB.
        assert cf.cuda.max_memory_allocated() - before <= 2 * mib, work
