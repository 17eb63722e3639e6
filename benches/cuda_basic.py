"""Calls, elementwise operations, reductions, softmax, normalization and cross entropy on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from types import ModuleType

import lines_norm
from lines import Function, Line, add_one_element, method, on

Shape = tuple[int, int]

#: The call on a matrix of float32, and how many matrices pass through the GPU's memory at least.
CALLS: dict[str, tuple[Callable[[Shape], Callable[[ModuleType], Function]], int]] = {
    "add": (lambda shape: method("add", shape, shape), 3),
    "mul by a number": (lambda shape: on(shape, call=lambda lib, x: x * 2.0), 2),
    "add of a row": (lambda shape: method("add", shape, shape[1:]), 2),
    "relu": (lambda shape: method("relu", shape), 2),
    "exp": (lambda shape: method("exp", shape), 2),
    "gelu": (lambda shape: method("gelu", shape), 2),
    "copy of a transpose": (lambda shape: on(shape, call=lambda lib, x: x.T.contiguous()), 2),
    "sum of all": (lambda shape: method("sum", shape), 1),
    "sum of rows": (lambda shape: on(shape, call=lambda lib, x: x.sum(1)), 1),
    "sum of columns": (lambda shape: on(shape, call=lambda lib, x: x.sum(0)), 1),
    "argmax of rows": (lambda shape: on(shape, call=lambda lib, x: lib.argmax(x, 1)), 1),
    "softmax of rows": (lambda shape: on(shape, call=lambda lib, x: lib.softmax(x, 1)), 2),
}


def calls(shape: Shape) -> list[Line]:
    """Every call on matrices of this shape, with the bytes that it moves."""
    return [
        Line(
            f"{name}, {'x'.join(map(str, shape))}",
            make(shape),
            work=4 * matrices * prod(shape) / 1e9,
            rate="GB/s",
        )
        for name, (make, matrices) in CALLS.items()
    ]


def lines(tiny: bool) -> list[Line]:
    """The lines, or the same with next to nothing to compute."""
    shapes: list[Shape] = [(4, 6), (5, 7)] if tiny else [(1000, 1000), (8000, 8000)]
    rows, classes = (6, 10) if tiny else (8192, 1000)
    images = (2, 8, 4, 4) if tiny else (64, 64, 56, 56)
    matrix = (rows, 8 if tiny else 1024)
    size = "x".join(map(str, matrix))
    return [
        Line("add, one element", add_one_element, 1.0),
        *(line for shape in shapes for line in calls(shape)),
        Line(
            f"softmax and its gradient, {size}",
            partial(lines_norm.step, shape=matrix, name="softmax"),
        ),
        Line(
            f"layer_norm and its gradient, {size}",
            partial(lines_norm.step, shape=matrix, name="layer_norm"),
        ),
        Line(
            f"batch_norm (training) and its gradient, {'x'.join(map(str, images))}",
            partial(lines_norm.step, shape=images, name="batch_norm"),
        ),
        Line(
            f"group_norm and its gradient, {'x'.join(map(str, images))}",
            partial(lines_norm.step, shape=images, name="group_norm"),
        ),
        Line(
            f"cross_entropy and its gradient, {rows}x{classes}",
            partial(lines_norm.cross_entropy, rows=rows, classes=classes),
        ),
    ]
