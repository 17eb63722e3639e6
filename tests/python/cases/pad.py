"""Padding."""

from __future__ import annotations

from backend import ALL, NUMBERS
from case import Row, t

from cases.common import FORWARD


def rows() -> list[Row]:
    """Padding."""
    found = [
        Row("pad", t(2, 3), (1, 2), dtypes=ALL),
        Row("pad", t(2, 3), (1, 0, 2, 1), value=1.5, dtypes=NUMBERS),
        Row("pad", t(2, 3), (-1, 2)),
        Row("pad", t(2, 3), (-1, -1, -1, 0)),
        Row("pad", t(2, 3), (-2, -1)),
        Row("pad", t(2, 3), ()),
        Row("pad", t(2, 3), (0, 0)),
        Row("pad", t(), ()),
        Row("pad", t(0, 3), (1, 1, 1, 0)),
        Row("pad", t(2, 2, 2, 2), (1, 1, 0, 1, 1, 0, 0, 1), mode="constant", value=-2),
        Row("pad", t(2, 3), (1, 1), dtypes=("bool",), value=1, **FORWARD),
    ]
    shapes = {1: (2, 2, 4), 2: (1, 2, 3, 4), 3: (1, 1, 3, 3, 2)}
    for mode in ("reflect", "replicate", "circular"):
        for n, shape in shapes.items():
            sizes = (1, 0) * n
            found += [
                Row("pad", t(*shape), (1,) * 2 * n, mode=mode),
                Row("pad", t(*shape[1:]), sizes, mode=mode),
                Row("pad", t(0, *shape[1:]), sizes, mode=mode),
                Row("pad", t(*shape), (-1, 1, *(0,) * (2 * n - 2)), mode=mode, second=False),
            ]
    found += [
        Row("pad", t(1, 1, 4), (3, 3), mode="reflect"),
        Row("pad", t(1, 1, 4), (6, 5), mode="replicate"),
        Row("pad", t(1, 1, 4), (4, 4), mode="circular"),
        Row(
            "pad", t(1, 2, 3), (1, 2), mode="circular", dtypes=("int64", "bool", "uint8"), **FORWARD
        ),
        Row("pad", t(1, 2, 3), (1, 2), mode="replicate", dtypes=("int64", "uint8"), **FORWARD),
    ]
    return found
