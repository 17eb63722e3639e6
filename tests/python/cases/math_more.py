"""Elementwise functions that are made of others."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from backend import ALL, FLOATS, NUMBERS
from case import Row, nonzero, positive, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Results and gradients, and the ends of the numbers where they are handled."""
    found = []
    for op, domain in (
        ("log2", positive), ("log10", positive), ("exp2", t), ("tan", _small), ("sinh", t), ("cosh", t),
    ):  # fmt: skip
        found += [
            Row(op, domain(2, 3), tolerance=4),
            Row(op, domain(2, 3), dtypes=NUMBERS, label="every dtype", tolerance=4, **FORWARD),
            Row(op, domain(0, 3), dtypes=FLOATS),
            Row(op, values([0.0, 1.0, NAN, INF]), label="edges", tolerance=2, **FORWARD),
        ]
    ends = [0.0, 1.0, -2.0, NAN, INF, -INF]
    vague: dict[str, Any] = dict(FORWARD)
    found += [
        *[Row(op, values(ends), label="ends", **vague) for op in ("isinf", "isfinite")],
        *[Row(op, t(2, 3), dtypes=ALL, **vague) for op in ("isinf", "isfinite")],
        Row("sinh", values([1e-6, -1e-6]), label="small", **vague),
        Row("nan_to_num", values(ends), label="ends", **SMOOTH_ONLY),
        Row("nan_to_num", values(ends), label="ends", nan=1.0, posinf=5.0, neginf=-7.0, **vague),
        Row("nan_to_num", t(2, 3), dtypes=NUMBERS),
        Row("heaviside", values([-1.0, 0.0, -0.0, 2.0, NAN]), values([0.5]), **vague),
        Row("heaviside", t(2, 3), t(3), dtypes=NUMBERS, **vague),
        Row("lerp", t(2, 3), t(2, 3), 0.3, tolerance=4),
        Row("lerp", t(2, 3), t(3), t(2, 1), tolerance=8),
        Row("addcmul", t(2, 3), t(2, 3), t(3), tolerance=4),
        Row("addcmul", t(2, 3), t(2, 3), t(2, 3), value=0.5, tolerance=4),
        Row("addcmul", t(2, 3), t(2, 3), t(2, 3), dtypes=NUMBERS, label="every dtype", tolerance=4, **vague),
        Row("addcdiv", t(2, 3), t(2, 3), nonzero(3), tolerance=4),
        Row("addcdiv", t(2, 3), t(2, 3), nonzero(2, 3), value=0.5, tolerance=4),
        Row("logaddexp", t(2, 3), t(3), tolerance=2),
        Row("logaddexp", values([INF, -INF, 300.0, 0.0, NAN]), values([INF, -INF, 300.0, -300.0, 1.0]),
            label="ends", **vague),
        Row("hypot", nonzero(2, 3), nonzero(3), tolerance=4),
        Row("hypot", values([0.0, INF, 3e20, 1e-30]), values([0.0, 1.0, 4e20, 0.0]), label="ends",
            dtypes=("bfloat16", "float32", "float64"), **vague),
    ]  # fmt: skip
    return found


def _small(*shape: int) -> Any:
    return t(*shape, low=-1.2, high=1.2)
