"""Comparisons, logic, and what depends on a condition."""

from __future__ import annotations

from backend import ALL, BOOL, FLOATS, INTEGERS, NUMBERS
from case import Row, booleans, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Comparisons, logic, and what depends on a condition."""
    found = []
    ties = [1.0, 2.0, NAN, INF, -0.0, 3.0]
    for op in ["eq", "ne", "lt", "le", "gt", "ge"]:
        found += [
            Row(op, t(2, 3), t(2, 3), dtypes=ALL, **FORWARD),
            Row(op, t(2, 1), t(3), dtypes=NUMBERS, **FORWARD),
            Row(op, t(2, 3), 1, dtypes=ALL, **FORWARD),
            Row(op, t(2, 3), 0.5, dtypes=NUMBERS, **FORWARD),
            Row(op, t(0), t(1), dtypes=NUMBERS, **FORWARD),
            Row(op, values(ties), values([1.0, 3.0, NAN, INF, 0.0, 2.0]), **FORWARD),
        ]
    for op in ("logical_and", "logical_or", "logical_xor"):
        found += [
            Row(op, booleans(2, 3), booleans(2, 3), dtypes=BOOL, **FORWARD),
            Row(op, values([0.0, 1.0, 2.0]), values([[0.0], [3.0]]), dtypes=ALL, **FORWARD),
        ]
    found += [
        Row("logical_not", booleans(2, 3), dtypes=BOOL, **FORWARD),
        Row("logical_not", values([0.0, 1.0, 2.0]), dtypes=ALL, **FORWARD),
        Row("where", booleans(2, 3), t(2, 3), t(2, 3), dtypes=ALL),
        Row("where", booleans(2, 1), t(3), t(1, 3), dtypes=NUMBERS),
        Row("where", booleans(2, 3), t(2, 3), 0.0),
        Row("where", booleans(2, 3), 1.5, t(2, 3)),
        Row("where", booleans(), t(2), t()),
        Row("where", booleans(0, 3), t(3), t(3)),
        Row("where", booleans(3), values([1.0, 2.0, NAN]), values([NAN, 1.0, 2.0]), **SMOOTH_ONLY),
        Row("clamp", t(2, 3), 1, 2, dtypes=NUMBERS),
        Row("clamp", t(2, 3), min=1, dtypes=NUMBERS),
        Row("clamp", t(2, 3), max=1, dtypes=NUMBERS),
        Row("clamp", t(2, 3), -0.5, 1.5, dtypes=FLOATS),
        Row("clamp", t(2, 3), min=0.5, dtypes=INTEGERS),
        Row("clamp", t(3, 3), 2, 1, dtypes=NUMBERS, label="crossed", **SMOOTH_ONLY),
        Row("clamp", values([-1.0, 0.0, 0.5, 1.0, 2.0, NAN]), 0.0, 1.0, **SMOOTH_ONLY),
        Row("clamp", t(0, 2), 0.0, 1.0),
    ]
    return found
