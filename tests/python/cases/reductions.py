"""Along none, one or several dimensions."""

from __future__ import annotations

from typing import Any

from backend import ALL, BOOL, FLOATS, NUMBERS
from case import DTYPE, Row, booleans, integers, nonzero, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Along none, one or several dimensions."""
    found = []
    over: list[dict[str, Any]] = [
        {}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": 1},
    ]  # fmt: skip
    several: list[dict[str, Any]] = [{"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}]
    for op in ("sum", "mean"):
        dtypes = ALL if op == "sum" else FLOATS
        found += [Row(op, t(2, 3, 2), **o, dtypes=dtypes, tolerance=2) for o in over + several]
        found += [
            Row(op, t(), dtypes=dtypes),
            Row(op, t(0, 3), dtypes=dtypes, numeric=False),
            Row(op, t(0, 3), dim=0, dtypes=dtypes),
            Row(op, t(0, 3), dim=1, dtypes=dtypes),
            Row(op, t(3, 40), dim=1, second=False, tolerance=8),
            Row(op, t(40, 3), dim=0, second=False, tolerance=8),
            Row(op, values([1.0, INF, NAN, 2.0]), **FORWARD),
            Row(op, t(2, 3), dtype=DTYPE, dtypes=("float32", "float64"), tolerance=2),
        ]
    found += [
        Row(
            "sum", t(3), call=lambda cf, x: cf.sum(x, dtype=cf.float64), label="float64", **FORWARD
        ),
        Row("sum", integers([200, 100, 5], "uint8"), label="no wrap", dtypes=("uint8",)),
        Row("sum", t(2, 3), call=lambda cf, x: x.sum(1), label="method"),
        Row("sum", t(1, 3), call=lambda cf, x: x.expand(4, 3).sum(0), label="expanded"),
    ]
    for op in ("var", "std"):
        found += [Row(op, t(2, 3, 2), **o, tolerance=4) for o in over[1:] + several]
        found += [
            Row(op, t(5), tolerance=4),
            Row(op, t(2, 3), dim=1, correction=0, tolerance=4),
            Row(op, t(2, 3), dim=1, correction=2, keepdim=True, tolerance=4),
            Row(op, t(1), **FORWARD),
            Row(op, t(3, 1), dim=1, **FORWARD),
            Row(op, t(4, low=1000.0, high=1003.0), dtypes=("float32", "float64"), tolerance=500),
        ]
    for op in ("amax", "amin"):
        found += [Row(op, t(2, 3, 2), **o, dtypes=ALL, second=False) for o in over + several]
        found += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **SMOOTH_ONLY),
            Row(op, values([[1.0, NAN], [NAN, 2.0], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, t(0, 3), dim=1, dtypes=NUMBERS, second=False),
        ]
    for op in ("max", "min"):
        found += [
            Row(op, t(2, 3, 2), **o, dtypes=ALL, second=False, covers=f"{op}_dim" if o else op)
            for o in over
        ]
        found += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **SMOOTH_ONLY),
            Row(op, values([1.0, 3.0, 3.0]), label="ties", **SMOOTH_ONLY),
            Row(op, values([[1.0, NAN], [NAN, 2.0], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, values([1.0, NAN, 3.0]), **FORWARD),
            Row(op, t(2, 3), t(3), dtypes=NUMBERS, label="two"),
            Row(op, t(), dtypes=NUMBERS, second=False),
        ]
    for op in ("argmax", "argmin"):
        found += [Row(op, t(2, 3, 2), **o, dtypes=ALL, **FORWARD) for o in over]
        found += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **FORWARD),
            Row(op, values([[1.0, NAN], [NAN, NAN], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, t(7, 30), dim=1, dtypes=NUMBERS, **FORWARD),
            Row(op, t(), dtypes=NUMBERS, **FORWARD),
        ]
    found += [Row("prod", nonzero(2, 3, 2), **o, dtypes=ALL, tolerance=8) for o in over]
    found += [
        Row(
            "prod",
            values([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0], [1.5, -2.0, 3.0]]),
            dim=1,
            label="zeros",
        ),
        Row("prod", values([2.0, 0.0, 3.0]), label="zero"),
        Row("prod", t(0, 3), dim=0),
        Row("prod", t()),
    ]
    for op in ("all", "any"):
        found += [Row(op, booleans(2, 3, 2), **o, dtypes=BOOL, **FORWARD) for o in over + several]
        found += [
            Row(op, values([[0.0, 1.0], [2.0, 3.0]]), dim=1, dtypes=ALL, **FORWARD),
            Row(op, values([[0.0, NAN], [-0.0, 0.0]]), dim=1, label="nan", **FORWARD),
            Row(op, booleans(0), dtypes=BOOL, **FORWARD),
            Row(op, booleans(2, 0), dim=1, dtypes=BOOL, **FORWARD),
        ]
    return found
