"""Tables looked up by number, bags of their rows, bilinear maps."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, index, integers, t, values

from cases.common import FORWARD, SMOOTH_ONLY

BAG = "embedding_bag"
SMOOTH: Any = SMOOTH_ONLY


def renormed(cf: Any, weight: Any, numbers: Any, *options: float) -> list[Any]:
    """The table after its rows were scaled."""
    table = weight.clone()
    cf.embedding_renorm_(table, numbers, *options)
    return [table]


def looked_up(cf: Any, numbers: Any, weight: Any) -> list[Any]:
    """The result and the table, which a norm has changed."""
    table = weight.clone()
    return [cf.nn.functional.embedding(numbers, table, max_norm=2.0), table]


def rows() -> list[Row]:
    """Tables looked up by number, bags of their rows, bilinear maps."""
    numbers, starts = integers([1, 2, 2, 0, 3]), integers([0, 2, 2])
    floats: Any = {"dtypes": ("float32", "float64")}
    return [
        Row("embedding", integers([1, 1, 0, 1]), t(3, 2), scale_grad_by_freq=True, **SMOOTH),
        Row("embedding", integers([[1, 1], [0, 2]]), t(3, 2), padding_idx=-1, scale_grad_by_freq=True, **SMOOTH),
        Row("embedding", integers([[1, 1], [0, 2]]), t(3, 2), call=looked_up, label="max_norm", tolerance=4, **{**FORWARD, **floats}),
        Row("embedding_renorm_", t(4, 3), integers([[1, 1], [0, 3]]), 2.0, 2.0, call=renormed, tolerance=4, **{**FORWARD, **floats}),
        Row("embedding_renorm_", t(4, 3), integers([0, 1]), 1.5, 1.0, call=renormed, tolerance=4, **{**FORWARD, **floats}),
        Row("embedding_renorm_", t(4, 3), integers([0, 1]), 1.5, 3.0, call=renormed, tolerance=4, **{**FORWARD, **floats}),
        Row("embedding_renorm_", t(4, 3), integers([2, 1]), 1.5, float("inf"), call=renormed, tolerance=4, **{**FORWARD, **floats}),
        Row("embedding_renorm_", t(4, 3), integers([], "int64"), 1.5, 2.0, call=renormed, label="nothing", **{**FORWARD, **floats}),
        *(
            row
            for mode in ("sum", "mean", "max")
            for row in (
                Row(BAG, numbers, t(4, 3), starts, mode=mode, tolerance=4, **floats),
                Row(BAG, index(2, 3, below=4), t(4, 3), mode=mode, tolerance=4, **floats),
                Row(BAG, numbers, t(4, 3), integers([0, 2, 5]), mode=mode, include_last_offset=True, tolerance=4, **SMOOTH, **floats),
                Row(BAG, numbers, t(4, 3), starts, mode=mode, padding_idx=2, tolerance=4, **SMOOTH, **floats),
                Row(BAG, integers([2, 2, 1]), t(4, 3), integers([0, 2]), mode=mode, padding_idx=-2, tolerance=4, label="all padding", **SMOOTH, **floats),
                Row(BAG, integers([1, 0], "int32"), t(4, 3), integers([0, 1], "int32"), mode=mode, **SMOOTH, **floats),
                Row(BAG, integers([], "int64"), t(4, 3), integers([0, 0]), mode=mode, label="empty", **SMOOTH, **floats),
            )
        ),
        Row(BAG, numbers, t(4, 3), starts, **floats),
        Row(BAG, numbers, t(4, 3), starts, mode="sum", scale_grad_by_freq=True, tolerance=4, **SMOOTH, **floats),
        Row(BAG, numbers, t(4, 3), starts, mode="sum", per_sample_weights=t(5), tolerance=4, **floats),
        Row(BAG, index(2, 2, below=4), t(4, 3), mode="sum", per_sample_weights=t(2, 2), tolerance=4, **floats),
        Row(BAG, integers([3, 0, 3]), t(4, 3), integers([0]), mode="sum", per_sample_weights=t(3), padding_idx=0, tolerance=4, **SMOOTH, **floats),
        Row(BAG, integers([0, 1]), values([[1.0, 5.0], [1.0, 4.0]]), integers([0]), mode="max", label="tie", **SMOOTH, **floats),
        Row("bilinear", t(2, 3), t(2, 4), t(2, 3, 4), t(2), tolerance=10),
        Row("bilinear", t(2, 3), t(2, 4), t(2, 3, 4), tolerance=10),
        Row("bilinear", t(2, 2, 3), t(2, 2, 2), t(3, 3, 2), t(3), second=False, tolerance=10),
        Row("bilinear", t(3), t(2), t(2, 3, 2), t(2), tolerance=10),
        Row("bilinear", t(0, 3), t(0, 2), t(2, 3, 2), t(2)),
    ]  # fmt: skip
