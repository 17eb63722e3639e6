"""Softmax and its kin, layer norm."""

from __future__ import annotations

from case import DTYPE, Row, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """Softmax and its kin, layer norm."""
    found = []
    for op in ("softmax", "log_softmax", "logsumexp"):
        found += [
            Row(op, t(2, 3), dim=1, tolerance=2),
            Row(op, t(2, 3), dim=0, tolerance=2),
            Row(op, t(2, 3, 2), dim=-2, tolerance=2),
            Row(op, t(5), dim=0, tolerance=2),
            Row(op, t(3, 33), dim=1, second=False, tolerance=2),
            Row(op, t(2, 3, low=-1000.0, high=1000.0), dim=1, label="large", **SMOOTH_ONLY),
            Row(op, values([[-INF, -INF], [1.0, -INF], [NAN, 0.0], [INF, 1.0]]), dim=1, **FORWARD),
        ]
    found += [
        Row("softmax", t(0, 3), dim=1),
        Row("softmax", t(3, 0), dim=1),
        Row("softmax", t(), dim=0),
        Row("log_softmax", t(0, 3), dim=1),
        Row("softmax", t(2, 3), dim=1, dtype=DTYPE, dtypes=("float32", "float64")),
        Row("softmax", t(2, 3), call=lambda cf, x: x.softmax(-1), label="method", tolerance=2),
        Row("logsumexp", t(2, 3, 2), dim=(0, 2), tolerance=2),
        Row("logsumexp", t(2, 3), dim=(1,), keepdim=True, tolerance=2),
        Row("logsumexp", t(3, 0), dim=1),
        Row("layer_norm", t(2, 4), (4,), t(4), t(4), tolerance=10),
        Row("layer_norm", t(2, 4), (4,), tolerance=10),
        Row("layer_norm", t(2, 4), (4,), t(4), tolerance=10),
        Row("layer_norm", t(2, 2, 3), (2, 3), t(2, 3), t(2, 3), tolerance=10, second=False),
        Row("layer_norm", t(2, 3), (3,), eps=0.1, tolerance=10),
        Row("layer_norm", t(0, 3), (3,), t(3), t(3)),
        Row("layer_norm", t(2, 5, low=10000.0, high=10004.0), (5,), label="large mean",
            dtypes=("float32", "float64"), tolerance=2e4, **SMOOTH_ONLY),
        Row("layer_norm", t(3, 65), (65,), t(65), t(65), second=False, numeric=False, tolerance=10),
    ]  # fmt: skip
    return found
