"""Dropout where chance decides nothing, and its shapes where it does."""

from __future__ import annotations

from typing import Any

from case import Row, t

from cases.common import SMOOTH_ONLY

#: Each operation with a shape that it takes.
SHAPES = {
    "dropout1d": (2, 3, 4),
    "dropout2d": (2, 3, 2, 2),
    "dropout3d": (2, 3, 1, 2, 2),
    "alpha_dropout": (3, 4),
    "feature_alpha_dropout": (2, 3, 2),
}


def rows() -> list[Row]:
    """Probabilities of 0 and 1, evaluation, and one between, of which the shape is compared."""
    found = []
    vague: dict[str, Any] = {"compare": False, **SMOOTH_ONLY}
    for op, shape in SHAPES.items():
        found += [
            Row(op, t(*shape), 0.0, training=True),
            Row(op, t(*shape), 1.0, training=True, **SMOOTH_ONLY),
            Row(op, t(*shape), 0.9, training=False),
            Row(op, t(*shape), 0.4, training=True, **vague),
            Row(op, t(0, *shape[1:]), 0.4, training=True),
        ]
    found += [
        Row("dropout1d", t(3, 4), 1.0, label="unbatched", **SMOOTH_ONLY),
        Row("dropout1d", t(3, 4), 0.4, label="unbatched", **vague),
        Row("dropout2d", t(3, 4, 2), 1.0, label="three dimensions", **SMOOTH_ONLY),
        Row("dropout3d", t(3, 2, 2, 2), 1.0, label="unbatched", **SMOOTH_ONLY),
        Row("dropout1d", t(2, 3, 4), label="defaults", **vague),
        Row("dropout2d", t(2, 3, 2, 2), label="defaults", **vague),
        Row("alpha_dropout", t(2, 3), label="evaluation by default"),
    ]
    return found
