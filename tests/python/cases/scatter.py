"""Writing by tensors of indices."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from backend import ALL, BOOL, NUMBERS
from case import Row, index, integers, t

from cases.common import FORWARD


def _in_place(name: str) -> Any:
    return lambda cf, x, *arguments: getattr(x.clone(), name)(*arguments)


def rows() -> list[Row]:
    """Every element its own index, or whole entries of a dimension."""
    once, entries = integers([[1, 0], [3, 2], [0, 3]]), integers([2, 0])
    found = [
        Row("scatter", t(3, 4), 1, once, t(3, 2), dtypes=NUMBERS + BOOL),
        Row("scatter", t(3, 4), 0, integers([[2, 0, 1]]), t(2, 4), **FORWARD),
        Row("scatter", t(3, 4), -1, once, 2.5),
        Row("scatter", t(3, 4), 1, once, 2, dtypes=NUMBERS),
        Row(
            "scatter",
            t(3, 4),
            1,
            once,
            call=lambda cf, x, d, i: cf.scatter(x, d, i, value=3.0),
            label="value",
        ),
        Row(
            "scatter",
            t(5),
            0,
            integers([4, 1], "int32"),
            t(2),
            call=lambda cf, x, d, i, s: cf.scatter(x, d, i.to(cf.int64), s),
        ),
        Row("scatter", t(3, 4), 1, integers([[], [], []]), t(3, 0)),
        Row("scatter", t(), 0, integers(0), t()),
        Row("scatter", t(2, 3, 2), 1, index(2, 2, 1, below=3), 0.0, second=False),
        Row("index_copy", t(3, 4), 0, entries, t(2, 4), dtypes=NUMBERS),
        Row("index_copy", t(3, 4), -1, entries, t(3, 2)),
        Row("index_copy", t(3), 0, integers([]), t(0)),
        Row("index_fill", t(3, 4), 0, entries, 1.5),
        Row("index_fill", t(3, 4), 1, entries, 2, dtypes=NUMBERS),
        Row("index_fill", t(3, 4), 1, entries, t()),
        Row("tril", t(3, 3), dtypes=NUMBERS + BOOL),
        Row("tril", t(2, 3, 4), 1),
        Row("tril", t(4, 3), diagonal=-2),
        Row("triu", t(3, 3), dtypes=NUMBERS + BOOL),
        Row("triu", t(2, 3, 4), 1),
        Row("triu", t(4, 3), diagonal=-9),
        Row("triu", t(0, 3)),
        Row("tril", t(2, 3), call=lambda cf, x: x.tril(-1), label="method"),
        Row("tril_", t(3, 3), call=lambda cf, x: x.clone().tril_()),
        Row("triu_", t(3, 3), call=lambda cf, x: x.clone().triu_(1)),
        Row("scatter_", t(3, 4), 1, once, t(3, 2), call=_in_place("scatter_")),
        Row("scatter_", t(3, 4), 1, once, 2.0, call=_in_place("scatter_")),
        Row("scatter_add_", t(3, 4), 1, once, t(3, 2), call=_in_place("scatter_add_")),
        Row("index_add_", t(3, 4), 0, integers([2, 0, 2]), t(3, 4), call=_in_place("index_add_")),
        Row("index_copy_", t(3, 4), 0, entries, t(2, 4), call=_in_place("index_copy_")),
        Row("index_fill_", t(3, 4), 0, entries, 1.0, call=_in_place("index_fill_")),
    ]
    found += _rearranged()
    return found


def _rearranged() -> list[Row]:
    return [
        Row("flip", t(2, 3), (0,), dtypes=ALL),
        Row("flip", t(2, 3, 2), (-1, 0)),
        Row("flip", t(2, 3), ()),
        Row("flip", t(2, 0), (1,)),
        Row("flip", t(3), call=lambda cf, x: x.flip(0), label="method"),
        Row("roll", t(2, 3), 1, dtypes=NUMBERS),
        Row("roll", t(2, 3), 1, 0),
        Row("roll", t(2, 3, 2), (2, -1), (0, 1)),
        Row("roll", t(2, 3), 7, -1),
        Row("roll", t(0, 3), 1, 0),
        Row("roll", t()  , 1),
        Row("repeat", t(2, 3), call=lambda cf, x: x.repeat(2, 1), dtypes=ALL),
        Row("repeat", t(3), call=lambda cf, x: x.repeat((2, 1, 2)), label="new"),
        Row("repeat", t(3), call=lambda cf, x: x.repeat(0), label="none"),
        Row("repeat", t(), call=lambda cf, x: x.repeat(3), label="scalar"),
        Row("tile", t(2, 3), (2,)),
        Row("tile", t(2, 3), (2, 1, 2)),
        Row("repeat_interleave", t(2, 3), 2, dtypes=NUMBERS),
        Row("repeat_interleave", t(2, 3), 2, dim=1),
        Row("repeat_interleave", t(2, 3), integers([2, 0, 1]), dim=1),
        Row("repeat_interleave", t(3), integers([2]), dim=0, label="one"),
        Row("diagonal", t(3, 3), dtypes=NUMBERS),
        Row("diagonal", t(3, 4), 1),
        Row("diagonal", t(3, 4), -2),
        Row("diagonal", t(3, 4), 9),
        Row("diagonal", t(2, 3, 4), offset=1, dim1=-1, dim2=0),
        Row("diag", t(3, 4), 1),
        Row("diag", t(3), dtypes=NUMBERS),
        Row("diag", t(2), -1),
        Row("diag", t(0), **FORWARD),
        Row("bmm", t(2, 3, 2), t(2, 2, 4), tolerance=4),
        Row("bmm", t(0, 3, 2), t(0, 2, 4)),
        Row("addmm", t(3), t(2, 4), t(4, 3), tolerance=8),
        Row("addmm", t(2, 3), t(2, 4), t(4, 3), beta=0.5, alpha=2.0, tolerance=8),
        Row("addmm", t(2, 3), t(2, 4), t(4, 3), beta=0, alpha=2, tolerance=8, numeric=False, second=False),
        Row("addmm", t(), t(2, 0), t(0, 3)),
    ]  # fmt: skip
