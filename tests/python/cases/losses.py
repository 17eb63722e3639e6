"""Losses, with every reduction and option."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, index, integers, positive, probability, t, values

from cases.common import FORWARD, SMOOTH_ONLY


def rows() -> list[Row]:
    """Losses, with every reduction and option."""
    found = []
    for reduction in ("mean", "sum", "none"):
        r: dict[str, Any] = {"reduction": reduction, "tolerance": 4}
        found += [
            Row("mse_loss", t(2, 3), t(2, 3), **r),
            Row("l1_loss", t(2, 3), t(2, 3), **r),
            Row("binary_cross_entropy_with_logits", t(2, 3), probability(2, 3), **r),
            Row("binary_cross_entropy_with_logits", t(2, 3), probability(2, 3), pos_weight=positive(3, grad=False), **r),
            Row("binary_cross_entropy_with_logits", t(2, 3), probability(2, 3), weight=positive(2, 1, grad=False), **r),
            Row("cross_entropy", t(4, 5), index(4, below=5), **r),
            Row("cross_entropy", t(4, 5), index(4, below=5), weight=positive(5, grad=False), **r),
            Row("cross_entropy", t(4, 5), integers([1, -100, 4, 0]), label="ignored", **r),
            Row("cross_entropy", t(4, 5), integers([1, 2, 4, 2]), ignore_index=2, weight=positive(5, grad=False), **r),
            Row("cross_entropy", t(4, 5), index(4, below=5), label_smoothing=0.1, **r),
            Row("cross_entropy", t(4, 5), integers([1, -100, 4, 0]), weight=positive(5, grad=False), label_smoothing=0.2, **r),
            Row("cross_entropy", t(2, 4, 3), index(2, 3, below=4), second=False, **r),
            Row("cross_entropy", t(3, 4), probability(3, 4), label="probabilities", **r),
            Row("cross_entropy", t(3, 4), probability(3, 4), weight=positive(4, grad=False), label_smoothing=0.1, **r),
            Row("cross_entropy", t(5), index(below=5), label="one", **r),
            Row("nll_loss", t(4, 5), index(4, below=5), **r),
            Row("nll_loss", t(4, 5), integers([1, -100, 4, 0]), weight=positive(5, grad=False), **r),
            Row("nll_loss", t(2, 4, 3), index(2, 3, below=4), second=False, **r),
        ]  # fmt: skip
    found += [
        Row("cross_entropy", t(2, 3, low=-1000.0, high=1000.0), index(2, below=3), label="large", **SMOOTH_ONLY),
        Row("cross_entropy", t(2, 3), integers([-100, -100]), label="all ignored", **FORWARD),
        Row("binary_cross_entropy_with_logits", values([200.0, -200.0, 0.0, -50.0]), values([0.0, 1.0, 0.5, 0.0]),
            label="large", **SMOOTH_ONLY),
        Row("mse_loss", t(3), t(3)),
        Row("l1_loss", values([1.0, 2.0]), values([1.0, 3.0]), label="kink", **SMOOTH_ONLY),
        Row("cross_entropy", t(40, 10), index(40, below=10), numeric=False, second=False, tolerance=8),
    ]  # fmt: skip
    return found
