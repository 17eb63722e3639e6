"""The dtype of a result for every pair of dtypes: tensors, 0-d tensors and Python numbers."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import backend
import numpy as np
from backend import ALL

OPERATIONS = ("add", "mul", "div", "pow", "maximum", "eq", "where")
SCALARS: dict[str, Any] = {"True": True, "2": 2, "2.5": 2.5}


def pairs() -> Iterator[tuple[str, str, str, str]]:
    """Operation, how the two meet, left dtype, right dtype or number."""
    for op in OPERATIONS:
        for left in ALL:
            for right in ALL:
                for meeting in ("tensors", "with 0-d"):
                    yield op, meeting, left, right
            if op != "maximum":  # PyTorch's takes no numbers
                for number in SCALARS:
                    yield op, "with number", left, number


def result(library: ModuleType, op: str, meeting: str, left: str, right: str) -> str:
    """The name of the dtype that comes out."""
    first = backend.to_tensor(library, np.array([1.0, 1.0]), left)
    second: Any = SCALARS.get(right)
    if second is None:
        second = backend.to_tensor(
            library, np.array([1.0, 1.0][: 1 + (meeting == "tensors")]), right
        )
        if meeting == "with 0-d":
            second = second.reshape(())
    if op == "where":
        condition = backend.to_tensor(library, np.array([1.0, 0.0]), "bool")
        return backend.dtype_name(library.where(condition, first, second))
    return backend.dtype_name(getattr(library, op)(first, second))


def table(library: ModuleType) -> dict[str, str]:
    """Every pair, "refused" where the library has no answer."""
    answers = {}
    for pair in pairs():
        try:
            answers[" ".join(pair)] = result(library, *pair)
        except (RuntimeError, TypeError, NotImplementedError):
            answers[" ".join(pair)] = "refused"
    return answers
