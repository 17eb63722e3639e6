"""Matrix products of every combination of ranks."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from backend import FLOATS, INTEGERS
from case import Row, t


def rows() -> list[Row]:
    """Matrix products of every combination of ranks."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((1, 3), (3, 1)),
        ((2, 2, 3), (3,)), ((3,), (2, 3, 2)), ((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 2)),
        ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (3, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((2, 1, 1, 2), (2, 2, 1)),
        ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0, 2, 3), (3, 2)), ((0,), (0,)),
    ]  # fmt: skip
    found = [Row("matmul", t(*a), t(*b), dtypes=FLOATS + INTEGERS, tolerance=4) for a, b in shapes]
    found += [
        Row("matmul", t(17, 33), t(33, 9), numeric=False, second=False, tolerance=20),
        Row("matmul", t(4, 5, 40), t(4, 40, 6), numeric=False, second=False, tolerance=20),
        Row("matmul", t(3, 3), call=lambda cf, x: x @ x, label="itself", tolerance=4),
        Row("matmul", t(3, 2), call=lambda cf, x: x.T @ x, label="transposed", tolerance=4),
        Row("matmul", t(2, 3, 2), call=lambda cf, x: x.mT @ x, label="batch transposed", tolerance=4),
        Row("matmul", t(1, 2, 3), t(4, 3, 2), call=lambda cf, x, y: x.expand(4, 2, 3) @ y,
            label="expanded", tolerance=4),
        Row("linear", t(2, 3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 3), t(4, 3), tolerance=4),
        Row("linear", t(3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 2, 3), t(4, 3), t(4), tolerance=4, second=False),
        Row("linear", t(0, 3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 0), t(4, 0), t(4), tolerance=4),
    ]  # fmt: skip
    return found
