"""Two tensors that broadcast."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from backend import ALL, FLOATS, NUMBERS
from case import Row, integers, nonzero, positive, t, values

from cases.common import EDGES, FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Two tensors that broadcast."""
    found = []
    for op in ["add", "sub", "mul", "div", "maximum", "minimum", "pow"]:
        left, right = {"div": (t, nonzero), "pow": (positive, nonzero)}.get(op, (t, t))
        found += [
            Row(op, left(2, 3), right(2, 3), dtypes=ALL),
            Row(op, left(2, 3), right(3), dtypes=NUMBERS),
            Row(op, left(2, 1), right(1, 3), dtypes=NUMBERS),
            Row(op, left(), right(2, 3)),
            Row(op, left(2, 3), right()),
            Row(op, left(), right()),
            Row(op, left(0, 3), right(1, 3), dtypes=NUMBERS),
            Row(op, left(2, 1, 3), right(4, 1), second=False),
            Row(op, left(6, 5), right(6, 1), second=False),
            Row(op, values(EDGES), values(EDGES[::-1]), label="edges", **FORWARD),
        ]
    for op in ("floor_divide", "remainder"):
        grads: dict[str, Any] = FORWARD if op == "floor_divide" else {}
        found += [
            Row(op, t(2, 3), nonzero(2, 3), dtypes=ALL, **grads),
            Row(op, t(2, 1), nonzero(3), dtypes=NUMBERS, **grads),
            Row(op, t(2, 3), 2, dtypes=NUMBERS, **grads),
            Row(op, t(2, 3), -1.5, **grads),
            Row(op, values([7.0, -7.0, 7.0, -7.0, 0.0]), values([2.0, 2.0, -2.0, -2.0, 3.0]),
                dtypes=("int16", "int32", "int64", *FLOATS), label="signs", **FORWARD),
            Row(op, values([1.0, -1.0, 0.0, 5.0]), values([0.0, 0.0, 0.0, INF]), label="edges", **FORWARD),
        ]  # fmt: skip
    found += [
        Row("floor_divide", t(2, 3), nonzero(2, 3), call=lambda cf, x, y: x // y, label="operator",
            dtypes=NUMBERS, **FORWARD),
        Row("remainder", t(2, 3), nonzero(2, 3), call=lambda cf, x, y: x % y, label="operator", dtypes=NUMBERS),
        Row("remainder", nonzero(2, 3), call=lambda cf, x: 5 % x, label="reflected", dtypes=NUMBERS, **FORWARD),
    ]  # fmt: skip
    found += [
        Row(op, t(2, 3), number, dtypes=ALL)
        for op in ("add", "sub", "mul", "div")
        for number in (2, 0.5, True)
        if not (op == "sub" and number is True)
    ]
    found += [
        Row("add", t(2, 3), t(2, 3), alpha=2, dtypes=NUMBERS),
        Row("add", t(2, 3), t(3), alpha=0.5),
        Row("sub", t(2, 3), t(2, 3), alpha=3, dtypes=NUMBERS),
        Row("div", integers([1, -7, 0]), integers([0, 2, 0]), label="zero", dtypes=("int64",)),
        Row("maximum", values([1.0, NAN, 2.0, 3.0]), values([NAN, 1.0, 2.0, 1.0]), **SMOOTH_ONLY),
        Row("minimum", values([1.0, NAN, 2.0, 3.0]), values([NAN, 1.0, 2.0, 1.0]), **SMOOTH_ONLY),
        Row("add", t(3), call=lambda cf, x: x + x, label="itself"),
        Row("mul", t(3), call=lambda cf, x: x * x, label="itself"),
        Row("sub", t(2, 3), call=lambda cf, x: 2 - x, label="reflected", dtypes=NUMBERS),
        Row("div", nonzero(2, 3), call=lambda cf, x: 2 / x, label="reflected", dtypes=NUMBERS),
        Row("pow", t(2, 3), call=lambda cf, x: 2**x, label="reflected"),
        Row("mul", t(2, 3), call=lambda cf, x: -(+x) * 3, label="operators"),
        *[Row("pow", t(2, 3), n, dtypes=NUMBERS) for n in (0, 1, 2, 3)],
        *[Row("pow", nonzero(2, 3), n) for n in (-1, -2, 2.0)],
        *[Row("pow", positive(2, 3), n, dtypes=NUMBERS) for n in (0.5, 1.5)],
        Row("pow", 2, t(2, 3), dtypes=FLOATS),
        Row(
            "pow", values([0.0, 0.0, -2.0, -2.0, NAN]), values([0.0, 2.0, 3.0, 0.5, 0.0]), **FORWARD
        ),
        Row("pow", values([0.0, 1.0, 2.0]), 2, label="zero", **SMOOTH_ONLY),
        Row("pow", values([0.0, 1.0, 2.0]), 0, label="zero", **SMOOTH_ONLY),
    ]
    return found
