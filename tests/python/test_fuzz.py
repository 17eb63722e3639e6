"""Every operation with arguments drawn at random: any answer will do but a panic or a crash.

A panic inside one of Candle's large operations would poison its thread pool for the rest of the
process, so a caught panic is a failure too.
"""

from __future__ import annotations

import inspect
import os
import resource
from collections.abc import Iterator
from typing import Any

import backend
import numpy as np
import pytest
from backend import ALL, cf

if backend.IS_TORCH:
    pytest.skip("PyTorch's operations are its own business", allow_module_level=True)

from candle_ffi import _ops

ROUNDS = int(os.environ.get("CANDLE_FFI_FUZZ_ROUNDS", "40"))
SHAPES = [
    (),
    (1,),
    (3,),
    (2, 3),
    (3, 2),
    (3, 3),
    (2, 1, 3),
    (0,),
    (0, 3),
    (3, 0),
    (1, 1, 1, 1),
    (5, 4),
]
SIZES = [(), (2,), (3, 2), (-1,), (0,), (-1, 2), (2**62, 4), (-5,), (1,) * 20, (2**40,), (6, 1)]
INTEGERS = [0, 1, 2, 3, -1, -2, 5, 100, -100, 2**40, 2**63 - 1, -(2**63)]
FLOATS = [0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e30, float("inf"), float("-inf"), float("nan")]
WORDS = ["mean", "sum", "none", "tanh", "", "nonsense", "é\0"]
NAMES = [
    name for name, value in vars(_ops).items()
    if inspect.isfunction(value) and value.__module__ == _ops.__name__ and name[0] != "_"
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """A request for too much memory is to be refused, not to bring the machine down."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


class Source:
    """Random arguments."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)

    def pick(self, choices: Any) -> Any:
        return choices[self.random.randint(len(choices))]

    def tensor(self) -> Any:
        name, shape = self.pick(ALL), self.pick(SHAPES)
        values = self.random.randint(-3, 4, shape) * (1.0 if self.random.rand() < 0.8 else 1e4)
        x = backend.to_tensor(cf, np.asarray(values).astype("float64").clip(*_range(name)), name)
        kind = self.random.randint(5)
        if kind == 0 and name in backend.FLOATS:
            return x.requires_grad_()
        if kind == 1 and x.ndim:
            return x.transpose(0, -1)
        if kind == 2 and x.ndim:
            return x[::2]
        return x.expand(2, *x.shape) if kind == 3 else x

    def argument(self, name: str, annotation: str) -> Any:
        """Something for this parameter: mostly of its type, now and then of another."""
        wish = (
            annotation if self.random.rand() < 0.93 else self.pick(["Tensor", "int", "str", "None"])
        )
        if "Sequence[Tensor]" in wish:
            return [self.tensor() for _ in range(self.random.randint(0, 4))]
        if "Tensor" in wish:
            return (
                self.pick(FLOATS)
                if "Number" in wish and self.random.rand() < 0.3
                else self.tensor()
            )
        if "None" in wish and self.random.rand() < 0.4:
            return None
        if "Sequence[int]" in wish:
            return self.pick([*SIZES, *INTEGERS, [0], [1, 0], [0, 0], [-1, -2], (0, 1, 2)])
        if "DType" in wish:
            return getattr(cf, self.pick(ALL))
        if "Device" in wish:
            return self.pick([cf.device("cpu"), "cpu", "cuda:99"])
        if "Generator" in wish:
            return cf.Generator()
        if "bool" in wish:
            return bool(self.random.randint(2))
        if "float" in wish:
            return self.pick(FLOATS)
        return self.pick(WORDS) if "str" in wish else self.pick(INTEGERS)


def _range(name: str) -> tuple[float, float]:
    if name == "bool":
        return 0, 1
    if name.startswith(("int", "uint")):
        return float(np.iinfo(name).min), min(float(np.iinfo(name).max), 2**53)
    return -np.inf, np.inf


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_no_argument_makes_it_panic(name: str) -> None:
    function = getattr(_ops, name)
    parameters = inspect.signature(function).parameters.values()
    source = Source(NAMES.index(name))
    for _ in range(ROUNDS):
        arguments = {p.name: source.argument(p.name, str(p.annotation)) for p in parameters}
        optional = [p.name for p in parameters if p.default is not inspect.Parameter.empty]
        for option in optional:
            if source.random.rand() < 0.6:
                del arguments[option]
        try:
            result = function(**arguments)
            for y in result if isinstance(result, (list, tuple)) else [result]:
                if isinstance(y, cf.Tensor) and y.numel() < 10_000:
                    y.tolist()
                    if y.requires_grad:
                        y.sum().backward()
        except (cf.PanicError, cf.InternalError, cf.BackendError) as problem:
            shown = {k: _shown(v) for k, v in arguments.items()}
            pytest.fail(f"{type(problem).__name__}: {problem}\n{name}({shown})")
        except (cf.CandleError, TypeError, ValueError, OverflowError, AttributeError):
            pass


def _shown(value: Any) -> str:
    if isinstance(value, cf.Tensor):
        return f"{backend.dtype_name(value)}{tuple(value.shape)}"
    return repr(value)
