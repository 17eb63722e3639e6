"""Patches as columns, and channels rearranged with space."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from backend import NUMBERS
from case import Row, t

from cases.common import FORWARD


def rows() -> list[Row]:
    """Patches as columns, and channels rearranged with space."""
    return [
        Row("unfold", t(1, 2, 3, 4), 2),
        Row("unfold", t(2, 4, 5), (2, 3), padding=1),
        Row("unfold", t(1, 1, 5, 6), 2, dilation=2, stride=2),
        Row("unfold", t(1, 1, 4, 5), (3, 2), (1, 2), (1, 0), (2, 1)),
        Row("unfold", t(1, 1, 2, 2), 2, padding=2, stride=3),
        Row("unfold", t(0, 2, 3, 4), 2),
        Row("fold", t(1, 8, 6), (3, 4), 2),
        Row("fold", t(12, 25), (4, 5), (2, 3), padding=1, label="unbatched"),
        Row("fold", t(1, 4, 4), (5, 6), 2, dilation=2, stride=2),
        Row("fold", t(1, 4, 4), 4, 2, stride=2),
        Row("fold", t(0, 8, 6), (3, 4), 2),
        Row("pixel_shuffle", t(1, 8, 2, 3), 2, dtypes=NUMBERS),
        Row("pixel_shuffle", t(9, 1, 2), 3),
        Row("pixel_shuffle", t(2, 1, 4, 1, 2), 2),
        Row("pixel_shuffle", t(0, 4, 1, 2), 2, **FORWARD),
        Row("pixel_unshuffle", t(1, 2, 4, 6), 2, dtypes=NUMBERS),
        Row("pixel_unshuffle", t(1, 3, 6), 3),
        Row("channel_shuffle", t(2, 6, 2), 3, dtypes=NUMBERS),
        Row("channel_shuffle", t(1, 4, 2, 2), 2),
        Row("channel_shuffle", t(1, 4, 2, 2), 4),
        Row("unflatten", t(2, 6), 1, (2, 3), dtypes=NUMBERS),
        Row("unflatten", t(2, 6), -1, (3, -1)),
        Row("unflatten", t(6, 2), call=lambda cf, x: x.unflatten(0, (1, 6)), label="method"),
        Row("unfold", t(2, 7), call=lambda cf, x: x.unfold(1, 3, 2), label="method", second=False),
        Row("unfold", t(5, 2, 3), call=lambda cf, x: x.unfold(0, 2, 1), label="method, first", second=False),
    ]  # fmt: skip
