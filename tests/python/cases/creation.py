"""Tensors made from numbers; `compare=False` where the values are random or unspecified."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

import numpy as np
from backend import ALL, FLOATS, NUMBERS
from case import DTYPE, Row, t

from cases.common import FORWARD, INF, SMOOTH_ONLY


def rows() -> list[Row]:
    """Tensors made from numbers; `compare=False` where the values are random or unspecified."""
    plain: dict[str, Any] = {"dtypes": ("float32",), **FORWARD}
    every: dict[str, Any] = {"dtypes": ALL, **FORWARD}
    vague: dict[str, Any] = {"compare": False, **FORWARD}
    return [
        *[Row(op, (2, 3), dtype=DTYPE, **every) for op in ("zeros", "ones")],
        *[Row(op, 2, 3, **plain) for op in ("zeros", "ones", "rand", "randn", "empty") if op[0] in "zo"],
        *[Row(op, shape, **plain) for op in ("zeros", "ones") for shape in ((), (0, 2), (3,))],
        Row("zeros", 3, call=lambda cf, n: cf.zeros(n, requires_grad=True) * 2, label="grad", **plain),
        Row("full", (2, 3), 2, dtype=DTYPE, **every),
        *[Row("full", (2,), value, **plain) for value in (2, 2.5, True, -INF)],
        Row("full", (), 7.0, **plain),
        Row("empty", (2, 3), dtype=DTYPE, dtypes=ALL, **vague),
        Row("empty", 0, 2, dtypes=("float32",), **vague),
        *[Row("arange", *a, **plain) for a in ((5,), (1, 7, 2), (5, 0, -2), (3, 3), (0.0, 1.0, 0.25), (2.5,))],
        Row("arange", 1, 6, dtype=DTYPE, dtypes=NUMBERS, **FORWARD),
        Row("arange", 0, 1, 0.1, dtype=DTYPE, dtypes=("float32", "float64"), **FORWARD),
        *[Row("linspace", *a, **plain) for a in ((0, 1, 5), (1, -1, 4), (3, 8, 1), (0, 1, 0), (-5.0, 5.0, 11))],
        Row("linspace", 0, 10, 4, dtype=DTYPE, dtypes=FLOATS, **FORWARD),
        *[Row("eye", *a, **plain) for a in ((3,), (2, 4), (4, 2), (0,))],
        Row("eye", 2, dtype=DTYPE, **every),
        *[Row(op, t(2, 3), **every) for op in ("zeros_like", "ones_like")],
        Row("zeros_like", t(2, 3), dtype=DTYPE, **every),
        Row("full_like", t(2, 3), 3, **every),
        *[Row(op, t(2, 3), dtypes=FLOATS, **vague) for op in ("empty_like", "rand_like", "randn_like")],
        *[Row(op, (2, 3), dtype=DTYPE, dtypes=FLOATS, **vague) for op in ("rand", "randn")],
        *[Row(op, 2, 0, dtypes=("float32",), **vague) for op in ("rand", "randn")],
        Row("randint", 10, (2, 3), dtypes=("int64",), **vague),
        Row("randint", -3, 10, (4,), dtype=DTYPE, dtypes=("int32", "int64", "float32"), **vague),
        Row("randperm", 5, dtypes=("int64",), **vague),
        Row("randperm", 0, dtypes=("int64",), **vague),
        Row("dropout", t(3, 4), 0.0),
        Row("dropout", t(3, 4), 0.9, training=False),
        Row("dropout", t(3, 4), 1.0, **SMOOTH_ONLY),
        Row("dropout", t(3, 4), 0.5, **vague),
        *[
            Row("tensor", call=lambda cf, content=content: cf.tensor(content), label=repr(content), **plain)
            for content in (1, 2.5, True, [1, 2], [1.5, 2], [True, False], [[1, 2], [3, 4]], [], [[], []], [2**40])
        ],
        Row("tensor", call=lambda cf: cf.tensor([1, 2], dtype=cf.float64), label="dtype", **plain),
        Row("tensor", call=lambda cf: cf.tensor(np.arange(6.0).reshape(2, 3)), label="array", **plain),
        Row("from_numpy", call=lambda cf: cf.from_numpy(np.arange(6, dtype=np.int16)[::2].copy()), **plain),
        Row("as_tensor", call=lambda cf: cf.as_tensor([[1.0, 2.0]]), **plain),
    ]  # fmt: skip
