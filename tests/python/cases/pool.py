"""Pooling: the largest element or the average of windows."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from backend import INTEGERS
from case import Input, Row, integers, positive, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Pooling: the largest element or the average of windows."""
    return [*_max(), *_average(), *_adaptive(), *_unpool()]


def _max() -> list[Row]:
    wide = ("float32", "float64")
    found = [
        Row("max_pool1d", t(2, 3, 7), 2),
        Row("max_pool1d", t(2, 9), 3, stride=2, padding=1),
        Row("max_pool1d", t(1, 2, 10), 3, 2, 1, 2),
        Row("max_pool1d", t(1, 2, 6), kernel_size=(2,), stride=(3,), ceil_mode=True),
        Row("max_pool1d", t(0, 2, 6), 2),
        Row("max_pool1d", t(1, 1, 70), 70, second=False),
        Row("max_pool2d", t(2, 2, 4, 6), 2),
        Row("max_pool2d", t(3, 5, 6), (2, 3), stride=(1, 2)),
        Row("max_pool2d", t(1, 2, 7, 7), 3, stride=2, padding=1),
        Row("max_pool2d", t(1, 2, 6, 8), (3, 2), 2, (1, 0), (1, 3)),
        Row("max_pool2d", t(1, 1, 5, 6), 2, ceil_mode=True),
        Row("max_pool2d", t(1, 1, 6, 6), 3, stride=2, padding=1, ceil_mode=True),
        Row("max_pool2d", t(1, 1, 5, 5), 2, stride=3, dilation=2),
        Row("max_pool2d", t(0, 2, 4, 4), 2),
        Row("max_pool2d", t(1, 1, 3, 40), (2, 2), stride=2, second=False, dtypes=wide),
        Row("max_pool2d", t(1, 1, 3, 37), 3, stride=1, padding=1, second=False, dtypes=wide),
        Row("max_pool2d", t(1, 1, 3, 40), 2, stride=4, second=False, dtypes=wide),
        Row("max_pool2d", t(1, 1, 2, 40), 3, stride=3, padding=1, second=False, dtypes=wide),
        Row("max_pool2d", t(1, 2, 4, 4), 2, dtypes=INTEGERS, label="integers", **FORWARD),
        Row("max_pool2d", values([[[[1.0, 1.0, NAN, 0.0], [1.0, 1.0, 2.0, NAN]]]]), 2, label="ties", **SMOOTH_ONLY),
        Row("max_pool2d", values([[[[-INF, -INF, INF, 0.0], [-INF, -INF, 2.0, INF]]]]), 2, label="infinite", **SMOOTH_ONLY),
        Row("max_pool3d", t(1, 2, 4, 4, 4), 2),
        Row("max_pool3d", t(2, 3, 4, 5), (1, 2, 2), stride=(2, 1, 2)),
        Row("max_pool3d", t(1, 1, 4, 5, 6), 3, 2, 1, second=False),
        Row("max_pool3d", t(1, 1, 5, 4, 5), 2, 2, 1, 2, ceil_mode=True, second=False),
        Row("max_pool3d", t(0, 2, 4, 4, 4), 2),
        Row("max_pool3d", t(1, 2, 2, 2, 4), 2, dtypes=INTEGERS, label="integers", **FORWARD),
    ]  # fmt: skip
    shapes = {1: (1, 2, 9), 2: (1, 2, 5, 5), 3: (1, 1, 4, 4, 4)}
    for n, shape in shapes.items():
        op = f"max_pool{n}d"
        ties = Input((1, 1, 8, *(1,) * (n - 1)), values=[1.0, 1.0, NAN, NAN, 0.0, 0.0, -INF, -INF])
        found += [
            Row(op, t(*shape), 3, 2, 1, return_indices=True, covers=f"{op}_with_indices"),
            Row(op, t(*shape[1:]), 2, 1, 0, 2, return_indices=True, label="unbatched"),
            Row(op, ties, (2, *(1,) * (n - 1)), return_indices=True, label="ties", **SMOOTH_ONLY),
        ]  # fmt: skip
    return found


def _average() -> list[Row]:
    return [
        Row("avg_pool1d", t(2, 3, 7), 2),
        Row("avg_pool1d", t(2, 9), 3, stride=2, padding=1),
        Row("avg_pool1d", t(1, 2, 9), 3, 2, 1, count_include_pad=False),
        Row("avg_pool1d", t(1, 2, 10), 3, 3, 1, True),
        Row("avg_pool1d", t(0, 2, 6), 2),
        Row("avg_pool1d", t(1, 1, 40), 40, second=False),
        Row("avg_pool2d", t(2, 2, 4, 6), 2),
        Row("avg_pool2d", t(3, 5, 6), (2, 3), stride=(1, 2)),
        Row("avg_pool2d", t(1, 2, 7, 7), 3, stride=2, padding=1),
        Row("avg_pool2d", t(1, 2, 7, 7), 3, stride=2, padding=1, count_include_pad=False),
        Row("avg_pool2d", t(1, 1, 5, 6), 2, ceil_mode=True),
        Row("avg_pool2d", t(1, 1, 6, 6), 3, 2, 1, True, False),
        Row("avg_pool2d", t(1, 1, 6, 6), 3, 2, 1, True),
        Row("avg_pool2d", t(1, 1, 4, 6), 2, divisor_override=3),
        Row("avg_pool2d", t(1, 1, 4, 6), 2, divisor_override=-2),
        Row("avg_pool2d", t(1, 1, 4, 37), 3, 1, 1, second=False),
        Row("avg_pool2d", t(1, 1, 3, 40), 2, 2, second=False),
        Row("avg_pool2d", t(1, 2, 4, 5), (4, 5)),
        Row("avg_pool2d", t(0, 2, 4, 4), 2),
        Row("avg_pool2d", values([[[[NAN, 1.0, INF, 0.0], [1.0, 1.0, 2.0, -INF]]]]), (2, 1), label="not finite", **SMOOTH_ONLY),
        Row("avg_pool3d", t(1, 2, 4, 4, 4), 2, dtypes=("float32", "float64")),
        Row("avg_pool3d", t(2, 3, 4, 5), (1, 2, 2), stride=(2, 1, 2), dtypes=("float32", "float64")),
        Row("avg_pool3d", t(1, 1, 4, 5, 6), 3, 2, 1, second=False, dtypes=("float32", "float64")),
        Row("avg_pool3d", t(1, 1, 5, 4, 5), 2, 3, 1, True, False, second=False, dtypes=("float32", "float64")),
        Row("avg_pool3d", t(1, 1, 4, 4, 4), 2, divisor_override=5, dtypes=("float32", "float64")),
        Row("avg_pool3d", t(0, 2, 4, 4, 4), 2, dtypes=("float32", "float64")),
        Row("lp_pool1d", positive(1, 2, 7), 2.0, 3, tolerance=4),
        Row("lp_pool1d", positive(1, 2, 7), 3.0, 2, stride=1, ceil_mode=True, tolerance=4, dtypes=("float32",)),
        Row("lp_pool2d", positive(1, 2, 4, 6), 2.0, 2, tolerance=4, dtypes=("float32", "float64")),
        Row("lp_pool2d", positive(2, 4, 6), 1.5, (2, 3), stride=(1, 2), tolerance=4, dtypes=("float32",)),
        Row("lp_pool3d", positive(1, 1, 4, 4, 4), 2.0, 2, tolerance=4, dtypes=("float32", "float64")),
    ]  # fmt: skip


def _adaptive() -> list[Row]:
    shapes = {1: (2, 2, 7), 2: (1, 2, 6, 7), 3: (1, 2, 4, 5, 3)}
    found = []
    for n, shape in shapes.items():
        for op in (f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"):
            found += [
                Row(op, t(*shape), 3, second=n < 3),
                Row(op, t(*shape), 1),
                Row(op, t(*shape[1:]), 2, label="unbatched", second=n < 3),
                Row(op, t(0, *shape[1:]), 2),
                Row(op, t(*shape), 0, **FORWARD),
            ]
        op = f"adaptive_max_pool{n}d"
        found.append(Row(op, t(*shape), 2, return_indices=True, covers=f"{op}_with_indices"))
        found.append(Row(op, t(*shape), 1, return_indices=True))
    found += [
        Row("adaptive_avg_pool2d", t(1, 2, 6, 7), (None, 2)),
        Row("adaptive_avg_pool2d", t(1, 2, 6, 8), (3, 4)),
        Row("adaptive_avg_pool2d", t(1, 2, 2, 3), (5, 4)),
        Row("adaptive_avg_pool2d", t(1, 1, 9, 13), 1),
        Row("adaptive_avg_pool2d", t(1, 1, 9, 13), (2, 1)),
        Row("adaptive_max_pool2d", t(1, 2, 6, 7), (3, None)),
        Row("adaptive_max_pool2d", t(1, 1, 9, 13), (1, 1)),
        Row("adaptive_max_pool2d", t(1, 1, 9, 13), (2, 1), return_indices=True),
        Row("adaptive_max_pool2d", values([[[[1.0, NAN], [NAN, 2.0]]]]), 1, return_indices=True, label="nan", **SMOOTH_ONLY),
        Row("adaptive_avg_pool3d", t(1, 1, 4, 4, 4), (2, None, 1)),
        Row("adaptive_max_pool3d", t(1, 1, 4, 4, 4), (2, 1, 1), return_indices=True),
    ]  # fmt: skip
    return found


def _unpool() -> list[Row]:
    return [
        Row("max_unpool1d", t(1, 2, 3), integers([[[1, 2, 5], [0, 3, 4]]]), 2),
        Row("max_unpool1d", t(2, 3), integers([[1, 2, 6], [0, 3, 4]]), 2, output_size=(7,)),
        Row("max_unpool2d", t(1, 1, 2, 2), integers([[[[0, 3], [9, 14]]]]), 2),
        Row("max_unpool2d", t(1, 1, 2, 2), integers([[[[0, 3], [9, 14]]]]), (2, 2), output_size=(1, 1, 5, 5)),
        Row("max_unpool2d", t(1, 2, 2), integers([[[0, 2], [4, 8]]]), 3, stride=2, padding=1, dtypes=("float32", "float64")),
        Row("max_unpool2d", t(0, 1, 2, 2), Input((0, 1, 2, 2), dtype="int64", values=[]), 2),
        Row("max_unpool3d", t(1, 1, 1, 2, 2), integers([[[[[0, 3], [9, 14]]]]]), 2),
        Row("max_unpool2d", t(1, 2, 4, 5), label="round trip", second=False, numeric=False,
            call=lambda cf, x: cf.nn.functional.max_unpool2d(
                *cf.nn.functional.max_pool2d(x, 2, return_indices=True), 2, output_size=(4, 5))),
    ]  # fmt: skip
