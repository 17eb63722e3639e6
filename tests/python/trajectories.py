"""Short trainings and schedules whose numbers after each step are compared with PyTorch's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import backend
import numpy as np

STEPS = 6
#: Options of SGD, which are also looked at after every one of the first steps.
SGD: dict[str, dict[str, Any]] = {
    "plain": {"lr": 0.1},
    "momentum": {"lr": 0.05, "momentum": 0.9},
    "dampening": {"lr": 0.05, "momentum": 0.9, "dampening": 0.3},
    "nesterov": {"lr": 0.05, "momentum": 0.8, "nesterov": True},
    "weight decay": {"lr": 0.1, "weight_decay": 0.05},
    "maximize": {"lr": 0.01, "maximize": True},
    "all": {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True, "maximize": True},
    "dampening and decay": {"lr": 0.1, "momentum": 0.5, "dampening": 0.5, "weight_decay": 0.2},
    "no rate": {"lr": 0.0, "momentum": 0.9},
}
DTYPES = ("float32", "float64", "bfloat16")

ADAM: dict[str, dict[str, Any]] = {
    "": {},
    "fast": {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
    "decay": {"lr": 0.05, "weight_decay": 0.1},
    "amsgrad": {"lr": 0.05, "amsgrad": True, "betas": (0.5, 0.5)},
    "all": {"lr": 0.01, "weight_decay": 0.05, "amsgrad": True, "maximize": True},
}
#: For each class of optimizers, sets of options.
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "SGD": {"": {}, "momentum": {"lr": 0.02, "momentum": 0.9}},
    "Adam": {
        **ADAM,
        "decoupled": {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True},
    },
    "AdamW": {**ADAM, "foreach": {"lr": 0.05, "foreach": True}},
    "Adamax": {
        "": {},
        "fast": {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3},
        "all": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
    },
    "NAdam": {
        "": {},
        "fast": {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "momentum_decay": 0.1},
        "decay": {"lr": 0.05, "weight_decay": 0.1},
        "decoupled": {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True},
        "maximize": {"lr": 0.01, "maximize": True},
    },
    "RAdam": {
        "": {},
        "fast": {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4},
        "decay": {"lr": 0.05, "weight_decay": 0.1},
        "decoupled": {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True},
        "maximize": {"lr": 0.01, "maximize": True},
    },
    "RMSprop": {
        "": {},
        "fast": {"lr": 0.02, "alpha": 0.8, "eps": 0.1},
        "momentum": {"lr": 0.002, "momentum": 0.9},
        "centered": {"lr": 0.005, "centered": True, "alpha": 0.9, "eps": 1e-2},
        "all": {
            "lr": 0.001, "momentum": 0.5, "centered": True, "weight_decay": 0.1, "eps": 0.1,
            "maximize": True,
        },
    },
    "Adagrad": {
        "": {},
        "decay": {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1},
        "start": {"lr": 0.5, "initial_accumulator_value": 2.0, "eps": 1e-3},
        "maximize": {"lr": 0.01, "maximize": True},
    },
    "Adadelta": {
        "": {},
        "fast": {"lr": 5.0, "rho": 0.5, "eps": 1e-3},
        "all": {"lr": 2.0, "weight_decay": 0.1, "maximize": True},
    },
    "ASGD": {
        "": {},
        "averaged": {"lr": 0.05, "t0": 10, "lambd": 0.01, "alpha": 0.5},
        "all": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
    },
    "Rprop": {
        "": {},
        "sizes": {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.5)},
        "maximize": {"lr": 0.001, "maximize": True, "step_sizes": (1e-6, 0.1)},
    },
}  # fmt: skip
CASES = {
    f"{kind} {name}".strip(): (kind, options)
    for kind, table in OPTIONS.items()
    for name, options in table.items()
}
#: The steps after which parameters are stored.
STORED = (1, 2, 3, 5, 8, 13, 21, 34, 47, 60)
#: Where a state is stored, to go on from.
RESUMED = 21

LBFGS: dict[str, dict[str, Any]] = {
    "": {},
    "slow": {"lr": 0.3, "max_iter": 5, "history_size": 2},
    "search": {"line_search_fn": "strong_wolfe"},
    "long search": {"lr": 10.0, "max_iter": 7, "line_search_fn": "strong_wolfe"},
    "few evaluations": {"max_iter": 10, "max_eval": 4, "line_search_fn": "strong_wolfe"},
    "maximize": {"lr": 0.01, "max_iter": 3, "maximize": True},
}
LBFGS_STEPS = 4


def start(library: ModuleType, dtype: str) -> list[Any]:
    """Two parameters, one of them a matrix."""
    arrays = [np.array([1.0, -2.0, 0.5]), np.array([[0.25, 3.0], [-1.0, 1.5]])]
    return [backend.to_tensor(library, array, dtype, requires_grad=True) for array in arrays]


def loss(parameters: list[Any]) -> Any:
    """A bowl whose axes differ in steepness, with a bend in it."""
    vector, matrix = parameters
    return (
        ((vector - 0.5) ** 2).sum()
        + (matrix * matrix).sum() * 0.3
        + (vector.sum() * matrix.sum()) * 0.1
    )


def valley(parameters: list[Any]) -> Any:
    """A bent valley, for methods that find the bottom of a bowl at once."""
    vector, matrix = parameters
    bend = matrix.reshape(-1)[:3] - vector * vector
    return ((1 - vector) ** 2).sum() + 5 * (bend * bend).sum() + (matrix**2).sum() * 0.1


def flat(parameters: list[Any]) -> np.ndarray:
    """Parameters end to end."""
    return np.concatenate([backend.to_numpy(p).ravel() for p in parameters])


def run(library: ModuleType, name: str, dtype: str) -> list[np.ndarray]:
    """The parameters after each step of SGD, end to end."""
    parameters = start(library, dtype)
    optimizer = library.optim.SGD(parameters, **SGD[name])
    rows = []
    for _ in range(STEPS):
        descend(optimizer, parameters, 1)
        rows.append(flat(parameters))
    return rows


def descend(optimizer: Any, parameters: list[Any], steps: int) -> None:
    """Make some steps."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss(parameters).backward()
        optimizer.step()


def long_run(library: ModuleType, case: str, dtype: str) -> np.ndarray:
    """The parameters after the stored steps."""
    kind, options = CASES[case]
    parameters = start(library, dtype)
    optimizer = getattr(library.optim, kind)(parameters, **options)
    rows, done = [], 0
    for step in STORED:
        descend(optimizer, parameters, step - done)
        done = step
        rows.append(flat(parameters))
    return np.stack(rows)


def lbfgs_run(library: ModuleType, name: str, dtype: str) -> np.ndarray:
    """The parameters after each step of LBFGS, and the loss that it began with."""
    parameters = start(library, dtype)
    optimizer = library.optim.LBFGS(parameters, **LBFGS[name])
    rows = []
    for _ in range(LBFGS_STEPS):
        first = optimizer.step(lambda: closure(optimizer, parameters, "maximize" in LBFGS[name]))
        rows.append(np.append(flat(parameters), float(first.detach())))
    return np.stack(rows)


def closure(optimizer: Any, parameters: list[Any], maximize: bool = False) -> Any:
    """What LBFGS asks for the loss; where it shall climb, the valley is a hill."""
    optimizer.zero_grad()
    value = valley(parameters) * (-1 if maximize else 1)
    value.backward()
    return value


def resumable(library: ModuleType, case: str) -> tuple[dict[str, Any], np.ndarray]:
    """The state of an optimizer in the middle of its steps, and the parameters there."""
    kind, options = CASES[case]
    parameters = start(library, "float64")
    optimizer = getattr(library.optim, kind)(parameters, **options)
    descend(optimizer, parameters, RESUMED)
    return optimizer.state_dict(), flat(parameters)


Make = Callable[[Any, Any], Any]


def measure(step: int) -> float:
    """Something that gets better, and then does not."""
    return max(2.0 - 0.1 * step, 1.0 + 0.01 * math.sin(step))


def _sequence(schedules: Any, optimizer: Any) -> Any:
    first = schedules.ConstantLR(optimizer, factor=0.1, total_iters=20)
    second = schedules.ExponentialLR(optimizer, gamma=0.98)
    third = schedules.CosineAnnealingLR(optimizer, T_max=15)
    return schedules.SequentialLR(optimizer, [first, second, third], milestones=[20, 90])


def _chain(schedules: Any, optimizer: Any) -> Any:
    first = schedules.ConstantLR(optimizer, factor=0.1, total_iters=20)
    return schedules.ChainedScheduler([first, schedules.ExponentialLR(optimizer, gamma=0.98)])


SCHEDULES: dict[str, Make] = {
    "StepLR": lambda s, o: s.StepLR(o, step_size=30, gamma=0.1),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, milestones=[30, 80, 80, 120], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=40),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=70),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, gamma=0.97),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=150, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, T_max=37, eta_min=0.001),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(
        o, T_0=10, T_mult=2, eta_min=0.001
    ),
    "CosineAnnealingWarmRestarts of one length": lambda s, o: s.CosineAnnealingWarmRestarts(o, 13),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=200),
    "OneCycleLR linear, three phases": lambda s, o: s.OneCycleLR(
        o, max_lr=[0.5, 0.2], epochs=20, steps_per_epoch=10, pct_start=0.4,
        anneal_strategy="linear", three_phase=True, base_momentum=0.7, div_factor=10.0,
    ),
    "CyclicLR": lambda s, o: s.CyclicLR(o, base_lr=0.01, max_lr=0.1, step_size_up=15),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(
        o, 0.01, [0.1, 0.2], step_size_up=15, step_size_down=30, mode="triangular2"
    ),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=15, mode="exp_range", gamma=0.99, cycle_momentum=False
    ),
    "CyclicLR of a function": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, 15, scale_fn=lambda x: 1 / x, scale_mode="cycle"
    ),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda n: 0.95**n, lambda n: 1 / (1 + n)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda n: 0.99 if n % 2 else 1.0),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, factor=0.5, patience=5, cooldown=3),
    "ReduceLROnPlateau abs": lambda s, o: s.ReduceLROnPlateau(
        o, mode="max", patience=2, threshold=0.01, threshold_mode="abs", min_lr=[0.001, 0.01]
    ),
    "SequentialLR": _sequence,
    "ChainedScheduler": _chain,
}  # fmt: skip
OF_SWA = {
    "SWALR": lambda swa, o: swa.SWALR(o, swa_lr=0.05),
    "SWALR linear": lambda swa, o: swa.SWALR(
        o, swa_lr=[0.5, 0.01], anneal_epochs=20, anneal_strategy="linear"
    ),
}
SCHEDULE_STEPS = 200


def scheduled(library: ModuleType, kind: str = "SGD") -> Any:
    """An optimizer with two groups."""
    one, two = start(library, "float32")
    options: dict[str, Any] = {"lr": 0.1}
    if kind == "SGD":
        options["momentum"] = 0.9
    groups = [{"params": [one]}, {"params": [two], "lr": 0.3}]
    return getattr(library.optim, kind)(groups, **options)


def schedule_of(library: ModuleType, name: str, optimizer: Any) -> Any:
    """The schedule of a name."""
    if name in OF_SWA:
        return OF_SWA[name](library.optim.swa_utils, optimizer)
    return SCHEDULES[name](library.optim.lr_scheduler, optimizer)


def schedule_run(library: ModuleType, name: str, kind: str = "SGD") -> np.ndarray:
    """Learning rate and momentum of both groups before each step."""
    optimizer = scheduled(library, kind)
    schedule = schedule_of(library, name, optimizer)
    rows = []
    for step in range(SCHEDULE_STEPS):
        rows.append(
            [group["lr"] for group in optimizer.param_groups]
            + [
                group["betas"][0] if "betas" in group else group["momentum"]
                for group in optimizer.param_groups
            ]
        )
        optimizer.step()
        schedule.step(*([measure(step)] if name.startswith("ReduceLR") else []))
    return np.array(rows)


def plain(value: Any) -> Any:
    """A state with arrays in place of its tensors."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return backend.to_numpy(value) if hasattr(value, "detach") else value


def _placed(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        return {key: _placed(part, arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [_placed(part, arrays) for part in value]
    if isinstance(value, np.ndarray):
        at = sum(array.size for array in arrays)
        arrays.append(value)
        return {"at": at, "shape": list(value.shape)}
    return value


def restored(text: str, pool: np.ndarray) -> Any:
    """A state that was stored; the numbers of parameters are integers again."""

    def of(value: Any) -> Any:
        if isinstance(value, list):
            return [of(part) for part in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"at", "shape"}:
            count = int(np.prod(value["shape"]))
            return pool[value["at"] : value["at"] + count].reshape(value["shape"])
        return {int(key) if key.isdigit() else key: of(part) for key, part in value.items()}

    return of(json.loads(text))


def table(library: ModuleType) -> dict[str, np.ndarray]:
    """All numbers, by their names."""
    found = {
        f"{name} {dtype}": np.stack(run(library, name, dtype)) for name in SGD for dtype in DTYPES
    }
    for case in CASES:
        runs = [long_run(library, case, dtype) for dtype in DTYPES]
        found[f"{case} long"] = np.stack(runs).astype(np.float64)
        state, parameters = resumable(library, case)
        arrays: list[np.ndarray] = []
        text = json.dumps(_placed(plain(state), arrays))
        found[f"{case} state"] = np.frombuffer(text.encode(), dtype=np.uint8)
        pool = [array.ravel().astype(np.float64) for array in arrays]
        found[f"{case} pool"] = np.concatenate([parameters, *pool])
    for name in LBFGS:
        runs = [lbfgs_run(library, name, dtype) for dtype in ("float32", "float64")]
        found[f"LBFGS {name} long"] = np.stack(runs).astype(np.float64)
    for name in [*SCHEDULES, *OF_SWA]:
        found[f"schedule {name}"] = schedule_run(library, name)
    found["schedule OneCycleLR of Adam"] = schedule_run(library, "OneCycleLR", "Adam")
    found["schedule CyclicLR of Adam"] = schedule_run(library, "CyclicLR", "Adam")
    return found
