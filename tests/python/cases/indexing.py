"""Basic indexing, and the operations that take indices."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from backend import ALL, BOOL, FLOATS, NUMBERS
from case import Row, booleans, index, integers, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Basic indexing, and the operations that take indices."""
    picks: dict[str, Any] = {
        "one": 1, "last": -1, "slice": slice(1, 3), "step": slice(None, None, 2), "tail": slice(-2, None),
        "empty": slice(3, 1), "ellipsis": (..., 1), "none": (None, 0), "mixed": (1, slice(None), None),
        "two": (0, 2), "beyond": slice(1, 100), "full": (1, 2, 0), "stepped": (slice(0, 4, 3), slice(1, None)),
    }  # fmt: skip
    found = [
        Row("__getitem__", t(4, 3, 2), call=lambda cf, x, pick=pick: x[pick], label=name,
            dtypes=ALL if name in ("one", "step") else FLOATS, second=False)
        for name, pick in picks.items()
    ]  # fmt: skip
    found += [
        Row("gather", t(3, 4), 1, index(3, 2, below=4), dtypes=ALL),
        Row("gather", t(3, 4), 0, index(2, 3, below=3)),
        Row("gather", t(3, 4), -1, index(3, 6, below=4), label="repeats"),
        Row("gather", t(2, 3, 4), 1, index(2, 2, 3, below=3), second=False),
        Row("gather", t(5), 0, index(3, below=5)),
        Row("gather", t(3, 4), 1, index(3, 0, below=4)),
        Row("index_select", t(3, 4), 1, index(2, below=4), dtypes=ALL),
        Row("index_select", t(3, 4), 0, integers([2, 0, 2, 2]), label="repeats"),
        Row("index_select", t(3, 4), -1, integers([1, 1], "int32"), label="int32"),
        Row("index_select", t(2, 3, 2), 1, index(5, below=3), second=False),
        Row("index_select", t(3, 4), 0, index(0, below=3)),
        Row("index_add", t(3, 4), 0, integers([2, 0, 2]), t(3, 4), dtypes=NUMBERS),
        Row("index_add", t(3, 4), -1, integers([1]), t(3, 1)),
        Row("index_add", t(3, 4), 0, integers([]), t(0, 4)),
        Row("scatter_add", t(3, 4), 1, index(3, 2, below=4), t(3, 2), dtypes=NUMBERS),
        Row("scatter_add", t(3, 4), 0, index(2, 3, below=3), t(5, 4), **FORWARD),
        Row("scatter_add", t(5), 0, integers([1, 1, 1, 4]), t(4), label="repeats"),
        Row("masked_fill", t(2, 3), booleans(2, 3), 1.5, dtypes=FLOATS),
        Row("masked_fill", t(2, 3), booleans(3), 2, dtypes=NUMBERS),
        Row("masked_fill", t(2, 3), booleans(2, 1), -INF, **SMOOTH_ONLY),
        Row("masked_fill", t(2, 3), booleans(2, 3), t()),
        Row("masked_select", t(2, 3), booleans(2, 3), dtypes=ALL),
        Row("masked_select", t(2, 3), booleans(3)),
        Row("masked_select", t(3), booleans(2, 1)),
        Row("nonzero", values([[0.0, 1.0, -0.0], [2.0, NAN, 0.0]]), **FORWARD),
        Row("nonzero", booleans(3, 2), dtypes=BOOL, **FORWARD),
        Row("nonzero", t(2, 3), dtypes=ALL, **FORWARD),
        Row("nonzero", t(0, 2), **FORWARD),
        Row("nonzero", t(), **FORWARD),
        Row("select", t(3, 4), 1, 2, dtypes=ALL),
        Row("select", t(3, 4), -1, -1),
        Row("select", t(3), 0, 1),
        Row("one_hot", index(4, below=5), 5, dtypes=("int64",)),
        Row("one_hot", integers([[0, 2], [1, 1]]), dtypes=("int64",)),
        Row("one_hot", integers([0, 3]), num_classes=6, dtypes=("int64",)),
        Row("embedding", index(2, 3, below=5), t(5, 4)),
        Row("embedding", integers([1, 1, 0]), t(3, 2), label="repeats"),
        Row("embedding", integers(2), t(3, 2), label="one"),
        Row("embedding", index(0, below=3), t(3, 2)),
        Row("embedding", integers([1, 2, 0], "int32"), t(3, 2), label="int32"),
        Row("embedding", integers([0, 1, 2]), t(3, 2), padding_idx=1, **SMOOTH_ONLY),
    ]
    return found
