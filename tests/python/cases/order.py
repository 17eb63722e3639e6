"""Sorting, and choosing by order."""

from __future__ import annotations

from typing import Any

from backend import BOOL, FLOATS, NUMBERS
from case import Row, booleans, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY

MIXED = [3.0, NAN, -1.0, 0.0, -0.0, INF, 3.0, -INF, NAN]
WITHOUT_U32 = tuple(name for name in NUMBERS if name != "uint32")


def _values(op: str) -> Any:
    """The values alone: which of equal elements is chosen is not said."""
    return lambda cf, *arguments, **options: getattr(cf, op)(*arguments, **options)[0]


def rows() -> list[Row]:
    """Along every dimension, with ties, NaN and infinities."""
    found = []
    for descending in (False, True):
        options = {"descending": descending}
        found += [
            Row("sort", t(3, 4), **options, dtypes=FLOATS, second=False),
            Row("sort", t(3, 4), stable=True, dim=0, **options, dtypes=WITHOUT_U32, second=False),
            Row("sort", t(2, 3, 2), dim=1, **options, second=False),
            Row("sort", values(MIXED), stable=True, dim=-1, **options, **FORWARD),
            Row("sort", booleans(6), stable=True, dim=0, **options, dtypes=BOOL, **FORWARD),
            Row("argsort", t(3, 4), **options, **FORWARD),
            Row("argsort", values(MIXED), stable=True, dim=0, **options, **FORWARD),
        ]
    found += [
        Row("sort", t()),
        Row("sort", t(0, 3)),
        Row("sort", t(3, 0)),
        Row("sort", t(2, 70), dim=1, second=False, numeric=False),
        Row("sort", t(4), call=lambda cf, x: x.sort(descending=True), label="method", second=False),
        Row("argsort", t(4), call=lambda cf, x: x.argsort(), label="method", **FORWARD),
    ]
    for largest in (True, False):
        found += [
            Row("topk", t(3, 5), 2, largest=largest, second=False),
            Row("topk", t(5, 3), 3, dim=0, largest=largest, second=False),
            Row(
                "topk",
                t(3, 5),
                5,
                largest=largest,
                dtypes=NUMBERS,
                call=_values("topk"),
                second=False,
            ),
            Row("topk", values(MIXED), 3, largest=largest, call=_values("topk"), **FORWARD),
            Row("kthvalue", t(3, 5), 2 if largest else 5, second=False),
        ]
    found += [
        Row("topk", t(3, 5), 0),
        Row("topk", t(), 1, second=False),
        Row("topk", t(0, 3), 2),
        Row("topk", t(2, 60), 7, second=False, numeric=False),
        Row("topk", t(5), call=lambda cf, x: x.topk(2).values, label="method", second=False),
        Row("kthvalue", t(3, 4), 1, dim=0, keepdim=True, second=False),
        Row("kthvalue", t(), 1, second=False),
        Row("kthvalue", values(MIXED), 8, call=_values("kthvalue"), **FORWARD),
        Row("median", t(3, 5), second=False),
        Row("median", t(2, 4), dtypes=WITHOUT_U32, second=False),
        Row("median", values([1.0, NAN, 3.0]), **FORWARD),
        Row("median", t(0), **FORWARD),
        Row("median", t(3, 5), 1, covers="median_dim", second=False),
        Row("median", t(3, 4), dim=0, keepdim=True, covers="median_dim", second=False),
        Row(
            "median",
            values([[1.0, NAN, 3.0], [2.0, 1.0, 0.0]]),
            dim=1,
            covers="median_dim",
            **SMOOTH_ONLY,
        ),
        Row("median", t(), 0, covers="median_dim", second=False),
    ]
    return found
