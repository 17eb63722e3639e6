"""Normalisation, softmax and cross entropy: forward and backward over a million elements."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from lines import Function, Line, array, put


def step(library: ModuleType, shape: tuple[int, ...], name: str) -> Function:
    """Forward and backward of an operation of `nn.functional`, with its weight and bias."""
    x = put(library, array(*shape)).requires_grad_()
    grad = put(library, array(*shape))
    size = shape[-1] if name == "layer_norm" else shape[1]
    weight, bias = (put(library, array(size)).requires_grad_() for _ in range(2))
    leaves = (x, weight, bias)
    functional = library.nn.functional
    if name == "softmax":
        forward, leaves = lambda: functional.softmax(x, 1), (x,)
    elif name == "layer_norm":
        forward = lambda: functional.layer_norm(x, (size,), weight, bias)  # noqa: E731
    elif name == "group_norm":
        forward = lambda: functional.group_norm(x, 8, weight, bias)  # noqa: E731
    else:
        mean, var = put(library, library.zeros(size)), put(library, library.ones(size))
        forward = lambda: functional.batch_norm(x, mean, var, weight, bias, True)  # noqa: E731

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        forward().backward(grad)

    return run


def cross_entropy(library: ModuleType, rows: int = 1000, classes: int = 1000) -> Function:
    """Forward and backward."""
    x = put(library, array(rows, classes)).requires_grad_()
    target = put(library, np.random.RandomState(0).randint(0, classes, rows))

    def step() -> None:
        x.grad = None
        library.nn.functional.cross_entropy(x, target).backward()

    return step


LINES = [
    Line("softmax and its gradient, 1M", lambda lib: step(lib, (1000, 1000), "softmax"), 0.8),
    Line("layer_norm and its gradient, 1M", lambda lib: step(lib, (1000, 1000), "layer_norm"), 0.8),
    Line(
        "batch_norm (training) and its gradient, 32x32x32x32",
        lambda lib: step(lib, (32, 32, 32, 32), "batch_norm"),
        0.8,
    ),
    Line(
        "batch_norm (training) and its gradient, 1000x1000",
        lambda lib: step(lib, (1000, 1000), "batch_norm"),
        0.8,
    ),
    Line("cross_entropy and its gradient, 1M", cross_entropy, 0.8),
    Line(
        "group_norm and its gradient, 32x32x32x32",
        lambda lib: step(lib, (32, 32, 32, 32), "group_norm"),
    ),
]
