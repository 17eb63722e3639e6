"""Gradients against central finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import numpy as np
from backend import cf
from reference import weights

STEP = 1e-6
RELATIVE, ABSOLUTE = 2e-6, 2e-7

Function = Callable[[list[Any]], list[Any]]


def _weighted(function: Function, tensors: list[Any]) -> float:
    """The outputs reduced to one number, with a different weight for each element."""
    return sum(
        float(np.sum(backend.to_numpy(y) * weights(i, tuple(y.shape))))
        for i, y in enumerate(function(tensors))
    )


def check(function: Function, tensors: list[Any]) -> None:
    """Assert that `function` gives the gradients that finite differences give.

    `tensors` are the inputs; those that require a gradient are float64 leaves and are varied.
    """
    leaves = [(i, x) for i, x in enumerate(tensors) if x.requires_grad]
    outputs = [(i, y) for i, y in enumerate(function(tensors)) if y.requires_grad]
    assert leaves, "no input requires a gradient"
    assert outputs, "no output requires a gradient although an input does"
    starts = [backend.to_tensor(cf, weights(i, tuple(y.shape)), "float64") for i, y in outputs]
    found = cf.autograd.grad(
        [y for _, y in outputs], [x for _, x in leaves], starts, allow_unused=True
    )
    for (position, leaf), gradient in zip(leaves, found, strict=True):
        array = backend.to_numpy(leaf).copy()
        expected = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            sides = []
            for step in (STEP, -STEP):
                moved = array.copy()
                moved[place] += step
                varied = list(tensors)
                varied[position] = backend.to_tensor(cf, moved, "float64", requires_grad=True)
                sides.append(_weighted(function, varied))
            expected[place] = (sides[0] - sides[1]) / (2 * STEP)
        actual = np.zeros_like(array) if gradient is None else backend.to_numpy(gradient)
        absolute = ABSOLUTE * max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(
            actual, expected, RELATIVE, absolute, err_msg=f"gradient of input {position}"
        )


def check_second(function: Function, tensors: list[Any]) -> None:
    """Assert that the gradient of `function` is itself differentiable, and rightly so."""
    count = len(tensors)
    first = [y for y in function(tensors) if y.requires_grad]
    starts = [
        backend.to_tensor(cf, weights(i + 1, tuple(y.shape)), "float64", requires_grad=True)
        for i, y in enumerate(first)
    ]

    def gradient(arguments: list[Any]) -> list[Any]:
        inputs = [x for x in arguments[:count] if x.requires_grad]
        outputs = [y for y in function(arguments[:count]) if y.requires_grad]
        found = cf.autograd.grad(
            outputs, inputs, arguments[count:], create_graph=True, allow_unused=True
        )
        return [g for g in found if g is not None and g.requires_grad]

    check(gradient, [*tensors, *starts])
