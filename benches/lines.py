"""What is measured: each line makes the same function for either library."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Function = Callable[[], object]
MEGABYTES_64 = 16 * 2**20  # float32 numbers


@dataclass(frozen=True)
class Line:
    """One line of the table.

    `bar` is the least ratio (PyTorch's time divided by ours) that is accepted, where one is agreed.
    `against` is "memcpy" where the measure is not PyTorch but a copy by NumPy. `work` is what a
    call does, counted so that `rate` is its unit in a second, such as 0.002 and "TFLOP/s"; `tf32`
    whether both libraries may round factors of float32 products and convolutions on a GPU.
    """

    name: str
    make: Callable[[ModuleType], Function]
    bar: float | None = None
    against: str = "torch"
    work: float | None = None
    rate: str = ""
    tf32: bool = False


#: Where a library computes, by its name, if not on the CPU. `run.py --device` fills it in.
DEVICES: dict[str, str] = {}


def put(library: ModuleType, thing: Any) -> Any:
    """An array's numbers as a tensor, or a layer, where its library is measured."""
    if isinstance(thing, np.ndarray):
        thing = library.from_numpy(thing)
    device = DEVICES.get(library.__name__)
    return thing.to(device) if device else thing


def array(*shape: int) -> np.ndarray:
    """Reproducible float32 numbers."""
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def on(*shapes: tuple[int, ...], call: Callable[..., Any]) -> Callable[[ModuleType], Function]:
    """A call on tensors of these shapes."""

    def make(library: ModuleType) -> Function:
        tensors = [put(library, array(*shape)) for shape in shapes]
        return lambda: call(library, *tensors)

    return make


def method(name: str, *shapes: tuple[int, ...]) -> Callable[[ModuleType], Function]:
    """A function of the top level or of `nn.functional`, without a closure's detour."""

    def make(library: ModuleType) -> Function:
        tensors = [put(library, array(*shape)) for shape in shapes]
        function = getattr(library, name, None) or getattr(library.nn.functional, name)
        if len(tensors) == 1:
            (x,) = tensors
            return lambda: function(x)
        x, y = tensors
        return lambda: function(x, y)

    return make


def network(sizes: list[int], batch: int, classes: bool) -> Callable[[ModuleType], Function]:
    """A training step of an MLP: forward, backward, SGD."""

    def make(library: ModuleType) -> Function:
        nn = library.nn
        layers: list[Any] = []
        for fan_in, out in itertools.pairwise(sizes):
            layers += [nn.Linear(fan_in, out), nn.ReLU()]
        model = put(library, nn.Sequential(*layers[:-1]))
        optimizer = library.optim.SGD(model.parameters(), lr=0.01)
        x = put(library, array(batch, sizes[0]))
        if classes:
            target = put(library, np.random.RandomState(0).randint(0, sizes[-1], batch))
            loss = nn.functional.cross_entropy
        else:
            target = put(library, array(batch, sizes[-1]))
            loss = nn.functional.mse_loss

        def step() -> None:
            optimizer.zero_grad()
            loss(model(x), target).backward()
            optimizer.step()

        return step

    return make


def add_one_element(library: ModuleType) -> Function:
    """The price of a call."""
    x, y = put(library, library.ones(1)), put(library, library.ones(1))
    return lambda: x + y


def from_numpy(library: ModuleType) -> Function:
    """A copy into a new tensor; its memory is touched for the first time, and freed again."""
    source = array(MEGABYTES_64)
    if library is np:
        return lambda: np.copyto(np.empty_like(source), source)
    return lambda: library.tensor(source)


def to_numpy(library: ModuleType) -> Function:
    """A copy into a new array."""
    source = array(MEGABYTES_64)
    if library is np:
        return lambda: np.copyto(np.empty_like(source), source)
    x = library.tensor(source)
    if library.__name__ == "torch":
        return lambda: x.numpy().copy()
    return lambda: x.to_numpy()


def cross_entropy(library: ModuleType) -> Function:
    """Forward and backward over 1,000 classes."""
    x = library.from_numpy(array(256, 1000)).requires_grad_()
    target = library.from_numpy(np.random.RandomState(0).randint(0, 1000, 256))

    def step() -> None:
        x.grad = None
        library.nn.functional.cross_entropy(x, target).backward()

    return step


def layer_norm(library: ModuleType) -> Function:
    """Rows of 768, as in a small transformer."""
    x, w, b = (library.from_numpy(array(*shape)) for shape in ((1024, 768), (768,), (768,)))
    function = library.nn.functional.layer_norm
    return lambda: function(x, (768,), w, b)


MILLION = (1000, 1000)
LINES = [
    Line("add, one element", add_one_element, 1.0),
    Line("training step, MLP 2-10-1, batch 100", network([2, 10, 1], 100, False), 1.5),
    Line("matmul 256x784x512", method("matmul", (256, 784), (784, 512)), 1.0),
    Line("matmul 1024x1024x1024", method("matmul", (1024, 1024), (1024, 1024)), 1.0),
    Line(
        "training step, MLP 784-512-256-10, batch 64", network([784, 512, 256, 10], 64, True), 1.0
    ),
    Line("copy from NumPy, 64 MB", from_numpy, 1 / 1.2, "memcpy"),
    Line("copy to NumPy, 64 MB", to_numpy, 1 / 1.2, "memcpy"),
    Line("copy from NumPy, 64 MB (PyTorch)", from_numpy),
    Line("copy to NumPy, 64 MB (PyTorch)", to_numpy),
    Line("add, 1M", method("add", MILLION, MILLION)),
    Line("mul by a number, 1M", on(MILLION, call=lambda lib, x: x * 2.0)),
    Line("add of a row, 1M", method("add", MILLION, (1000,))),
    Line("relu, 1M", method("relu", MILLION)),
    Line("exp, 1M", method("exp", MILLION)),
    Line("tanh, 1M", method("tanh", MILLION)),
    Line("sigmoid, 1M", method("sigmoid", MILLION)),
    Line("gelu, 1M", method("gelu", MILLION)),
    Line("softmax, rows of 1,000", on(MILLION, call=lambda lib, x: lib.softmax(x, 1))),
    Line("layer_norm, 1,024 rows of 768", layer_norm),
    Line("sum of rows, 1M", on(MILLION, call=lambda lib, x: x.sum(1))),
    Line("sum of columns, 1M", on(MILLION, call=lambda lib, x: x.sum(0))),
    Line("sum of all, 1M", method("sum", MILLION)),
    Line("argmax of rows, 1M", on(MILLION, call=lambda lib, x: lib.argmax(x, 1))),
    Line("copy of a transpose, 1M", on(MILLION, call=lambda lib, x: x.T.contiguous())),
    Line("cross entropy and its gradient, 256x1,000", cross_entropy),
    Line("reshape, tiny", on((2, 3), call=lambda lib, x: x.reshape(3, 2))),
    Line("matmul 2x3x4", method("matmul", (2, 3), (3, 4))),
    Line("matmul 100x2x10", method("matmul", (100, 2), (2, 10))),
    Line("index one row", on((100, 3), call=lambda lib, x: x[5])),
]
