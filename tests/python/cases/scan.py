"""Running sums and products."""

from __future__ import annotations

from backend import BOOL, FLOATS, NUMBERS
from case import DTYPE, Row, booleans, nonzero, t, values

from cases.common import FORWARD, INF, NAN


def rows() -> list[Row]:
    """Along every dimension; products with and without zeros."""
    found = []
    for op in ("cumsum", "cumprod"):
        found += [
            Row(op, t(2, 3), 1, dtypes=NUMBERS, tolerance=4),
            Row(op, t(2, 3), dim=0, tolerance=4),
            Row(op, t(2, 3, 2), -2, second=False, tolerance=4),
            Row(op, t(), 0),
            Row(op, t(0, 3), 0),
            Row(op, t(0, 3), 1),
            Row(op, booleans(4), 0, dtypes=BOOL, **FORWARD),
            Row(op, t(2, 3), 1, dtype=DTYPE, dtypes=("int32", "float32", "float64"), tolerance=4),
            Row(op, values([1.0, 2.0, INF, 3.0, NAN]), 0, **FORWARD),
            Row(op, t(4), call=lambda cf, x, op=op: getattr(x, op)(0), label="method", tolerance=4),
        ]
    found += [
        Row("cumsum", t(3, 70), 1, second=False, numeric=False, tolerance=40),
        Row("cumprod", nonzero(2, 4), 1, tolerance=8),
        Row("cumprod", values([[2.0, 0.0, 3.0, 4.0], [0.0, 2.0, 0.0, 5.0]]), 1, label="zeros"),
        Row("cumprod", values([[0.0, 1.0], [3.0, 0.0], [2.0, 4.0]]), 0, label="zeros"),
        Row("cumprod", values([[0.0, 1.0], [3.0, 0.0]]), 0, dtypes=FLOATS, label="zero columns"),
    ]
    return found
