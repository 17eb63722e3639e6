"""The table of layers, and what is observed of each: names, shapes, text, results, gradients.

The cases are in `layer_cases`, a file per family. As with operations, what PyTorch gives is stored
(`make parity` stores it) and compared in `test_layers.py`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import backend
import layer_cases
import numpy as np
from case import Input
from reference import FOLDER, weights

#: What is compared with a tolerance is computed in this dtype.
DTYPE = "float64"


@dataclass(frozen=True)
class LayerCase:
    """A layer, by its class or a function that makes it, and the inputs of a call."""

    label: str
    make: Callable[[Any], Any]
    inputs: tuple[Any, ...]

    @property
    def id(self) -> str:
        """The name of the case in reports and stored references."""
        return self.label

    @property
    def kind(self) -> str:
        """The name of the class."""
        return self.label.partition("(")[0]

    @property
    def is_random(self) -> bool:
        """Whether two calls in training give different results."""
        certain = ("Dropout", "(0.0)", "(1.0)"), ("RReLU", "(0.2, 0.2)")
        if any(kind in self.label and any(p in self.label for p in ps) for kind, *ps in certain):
            return False
        return any(word in self.label for word in ("Dropout", "dropout=", "RReLU"))

    def module(self, library: ModuleType) -> Any:
        """The layer in float64, with weights that are the same for every library."""
        module = self.make(library.nn).to(getattr(library, DTYPE))
        state = {
            name: backend.to_tensor(library, weight(name, tensor), backend.dtype_name(tensor))
            for name, tensor in module.state_dict().items()
        }
        module.load_state_dict(state)
        return module

    def tensors(self, library: ModuleType) -> list[Any]:
        """The inputs, leaves where a gradient can be."""
        found = []
        for place, item in enumerate(self.inputs):
            if not isinstance(item, Input):
                found.append(item)
                continue
            array = item.array((zlib.crc32(self.id.encode()) + place) % 2**32, DTYPE)
            differentiable = item.differentiable(DTYPE)
            found.append(backend.to_tensor(library, array, item.dtype or DTYPE, differentiable))
        return found


def weight(name: str, tensor: Any) -> np.ndarray:
    """Values for an entry of a state: small, seeded by the name, positive for variances."""
    shape = tuple(tensor.shape)
    if "num_batches_tracked" in name:
        return np.array(2)
    values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-0.5, 0.5, shape)
    return values + 1.0 if "var" in name else values


def _label(kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: list[Any]) -> str:
    words = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    shapes = " ".join(str(i.shape) if isinstance(i, Input) else repr(i) for i in inputs)
    return f"{kind}({', '.join(words)}) {shapes}"


def _case(entry: tuple[Any, ...]) -> LayerCase:
    kind, args, kwargs, inputs = entry
    if callable(kind):  # of other layers: a named function of `nn`
        return LayerCase(_label(kind.__name__, args, kwargs, inputs),
                         lambda nn: kind(nn, *args, **kwargs), tuple(inputs))  # fmt: skip
    return LayerCase(_label(kind, args, kwargs, inputs),
                     lambda nn: getattr(nn, kind)(*args, **kwargs), tuple(inputs))  # fmt: skip


LAYERS: list[LayerCase] = [
    _case(entry)
    for _, name, _ in sorted(pkgutil.iter_modules(layer_cases.__path__), key=lambda m: m[1])
    for entry in importlib.import_module(f"layer_cases.{name}").cases()
]


def flat(library: ModuleType, result: Any) -> list[Any]:
    """The tensors of a result."""
    if isinstance(result, backend.tensor_type(library)):
        return [result]
    if isinstance(result, (list, tuple)):
        return [tensor for item in result for tensor in flat(library, item)]
    return []


def copied(value: Any) -> Any:
    """A copy of a tensor, and anything else as it is."""
    return value.clone() if hasattr(value, "clone") else value


def observe(library: ModuleType, case: LayerCase) -> dict[str, Any]:
    """What is compared: texts as strings, tensors as arrays."""
    module = case.module(library)
    found: dict[str, Any] = {
        "repr": repr(case.make(library.nn)),
        "state": [f"{name} {tuple(tensor.shape)}" for name, tensor in module.state_dict().items()],
    }
    for mode in ("eval", "train"):
        module.train(mode == "train")
        if mode == "train" and case.is_random:
            break
        tensors = case.tensors(library)
        # Copies, since some layers change what they get.
        outputs = flat(library, module(*map(copied, tensors)))
        found |= {f"{mode} output {n}": backend.to_numpy(y) for n, y in enumerate(outputs)}
        module.zero_grad()
        graded = [(n, y) for n, y in enumerate(outputs) if y.requires_grad]
        if graded:
            total = sum(
                (y * backend.to_tensor(library, weights(n, tuple(y.shape)), DTYPE)).sum()
                for n, y in graded
            )
            total.backward()
        for n, x in enumerate(tensors):
            gradient = getattr(x, "grad", None)
            if gradient is not None:
                found[f"{mode} gradient {n}"] = backend.to_numpy(gradient)
        for name, parameter in module.named_parameters():
            if parameter.grad is not None:
                found[f"{mode} gradient {name}"] = backend.to_numpy(parameter.grad)
    found |= {f"buffer {name}": backend.to_numpy(b) for name, b in module.named_buffers()}
    return found


PATH = FOLDER / "layers.npz"


def write(version: str, found: dict[str, dict[str, Any]]) -> None:
    """Store what was observed: one array of numbers, and where each result lies in it."""
    numbers: list[np.ndarray] = []
    start = 0

    def place(value: Any) -> Any:
        nonlocal start
        if not isinstance(value, np.ndarray):
            return value
        numbers.append(value.astype(np.float32).ravel())
        start += value.size
        return {"shape": value.shape, "start": start - value.size}

    index = {
        name: {key: place(value) for key, value in seen.items()} for name, seen in found.items()
    }
    text = json.dumps({"torch": version, "layers": index}, separators=(",", ":"))
    np.savez_compressed(
        PATH, index=np.frombuffer(text.encode(), dtype=np.uint8), numbers=np.concatenate(numbers)
    )


@cache
def read() -> dict[str, dict[str, Any]]:
    """What was stored of every case."""
    with np.load(PATH) as file:
        numbers, index = file["numbers"], json.loads(file["index"].tobytes())

    def fetch(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        count = int(np.prod(value["shape"]))
        return numbers[value["start"] : value["start"] + count].reshape(value["shape"])

    return {
        name: {key: fetch(value) for key, value in seen.items()}
        for name, seen in index["layers"].items()
    }


def differences(got: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What is wrong, in words; the stored numbers have the precision of float32."""
    problems = [f"{key} is missing" for key in expected if key not in got]
    problems += [f"{key} should not be there" for key in got if key not in expected]
    for key in expected.keys() & got.keys():
        if not isinstance(expected[key], np.ndarray):
            if got[key] != expected[key]:
                problems.append(f"{key}: {got[key]!r}, expected {expected[key]!r}")
            continue
        try:
            np.testing.assert_allclose(got[key], expected[key], rtol=2e-6, atol=2e-7)
        except AssertionError as problem:
            problems.append(f"{key}: {problem}")
    return problems
