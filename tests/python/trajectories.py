"""Short trainings whose parameters after each step are compared with PyTorch's."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import backend
import numpy as np

STEPS = 6
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


def run(library: ModuleType, name: str, dtype: str) -> list[np.ndarray]:
    """The parameters after each step, end to end."""
    parameters = start(library, dtype)
    optimizer = library.optim.SGD(parameters, **SGD[name])
    rows = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(parameters).backward()
        optimizer.step()
        rows.append(np.concatenate([backend.to_numpy(p).ravel() for p in parameters]))
    return rows
