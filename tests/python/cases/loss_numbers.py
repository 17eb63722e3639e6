"""Losses of numbers against numbers, and of probabilities, with every reduction and option."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, integers, nonzero, positive, probability, t, values

from cases.common import FORWARD, SMOOTH_ONLY

#: Distances that keep away from where parabolas end, and from zero.
FAR, NEAR = [0.3, -2.5, 1.7, 4.0, -0.4, 0.9], [0.1, 1.3, -0.2, 0.5, 0.2, 0.35]
SIGNS = [1.0, -1.0, 1.0, -1.0, -1.0, 1.0]


def rows() -> list[Row]:
    """All of them."""
    found = []
    for reduction in ("mean", "sum", "none"):
        r: dict[str, Any] = {"reduction": reduction, "tolerance": 4}
        pair = (values(FAR), values(NEAR))
        weight = positive(6, grad=False)
        found += [
            Row("mse_loss", t(2, 3), t(2, 3), weight=positive(2, 3, grad=False), **r),
            Row("l1_loss", *pair, **r),
            Row("l1_loss", *pair, weight=weight, **r),
            Row("smooth_l1_loss", *pair, **r),
            Row("smooth_l1_loss", *pair, beta=0.25, **r),
            Row("smooth_l1_loss", *pair, beta=0.0, **r),
            Row("huber_loss", *pair, **r),
            Row("huber_loss", *pair, delta=0.25, **r),
            Row("huber_loss", *pair, delta=1.5, weight=weight, **r),
            Row("binary_cross_entropy", probability(2, 3), probability(2, 3), **r),
            Row("binary_cross_entropy", probability(2, 3), probability(2, 3, grad=False), weight=positive(3, grad=False), **r),
            Row("kl_div", t(2, 3), probability(2, 3), **r),
            Row("kl_div", t(2, 3), t(2, 3), log_target=True, **r),
            Row("kl_div", t(2, 3), t(3), log_target=True, **r),
            Row("soft_margin_loss", t(2, 3), values([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]], grad=False), **r),
            Row("multilabel_soft_margin_loss", t(2, 3), probability(2, 3), **r),
            Row("multilabel_soft_margin_loss", t(2, 3), probability(2, 3), weight=positive(3, grad=False), **r),
            Row("multilabel_soft_margin_loss", t(4), probability(4), label="one", **r),
            Row("poisson_nll_loss", t(2, 3), positive(2, 3), **r),
            Row("poisson_nll_loss", positive(2, 3), positive(2, 3), log_input=False, **r),
            Row("poisson_nll_loss", t(2, 3), positive(2, 3), full=True, **r),
            Row("poisson_nll_loss", positive(2, 3), positive(2, 3), log_input=False, full=True, eps=0.1, **r),
            Row("gaussian_nll_loss", t(2, 3), t(2, 3), positive(2, 3), **r),
            Row("gaussian_nll_loss", t(2, 3), t(2, 3), positive(2), full=True, **r),
            Row("gaussian_nll_loss", t(2, 3), t(2, 3), positive(2, 1), **r),
            Row("gaussian_nll_loss", t(2, 3), t(2, 3), 0.7, **r),
        ]  # fmt: skip
    found += [
        Row("kl_div", t(2, 3), probability(2, 3), reduction="batchmean", tolerance=4),
        Row("kl_div", t(), probability(), reduction="batchmean", tolerance=4),
        Row("kl_div", t(3), values([0.0, 0.4, 0.6], grad=False), label="zero", **SMOOTH_ONLY),
        Row("smooth_l1_loss", values([1.0, 2.0, 0.5, -1.0]), values([0.0, 2.0, 1.5, 0.0]), label="kinks", **SMOOTH_ONLY),
        Row("huber_loss", values([1.0, 2.0, 0.5, -1.0]), values([0.0, 2.0, 1.5, 0.0]), label="kinks", **SMOOTH_ONLY),
        Row("binary_cross_entropy", values([0.0, 1.0, 0.0, 1.0, 0.3]), values([1.0, 0.0, 0.0, 1.0, 1.0], grad=False), label="certain",
            dtypes=("bfloat16", "float32", "float64"), **SMOOTH_ONLY),
        Row("binary_cross_entropy_with_logits", t(7, 9), probability(7, 9, grad=False), numeric=False, second=False),
        Row("gaussian_nll_loss", t(4), t(4), values([0.0, 1e-9, 0.5, 2.0]), eps=0.01, label="small", **SMOOTH_ONLY),
        Row("mse_loss", t(3), integers([1, 0, 2]), label="integers", **FORWARD),
        Row("l1_loss", nonzero(2, 3), values([0.0, 0.1, 0.2]), label="broadcast", tolerance=4),
        Row("smooth_l1_loss", t(0, 3), t(0, 3), reduction="sum"),
        Row("l1_loss", t(0, 3), t(0, 3), label="mean of none", **FORWARD),
        Row("soft_margin_loss", t(6), values(SIGNS, grad=False), label="signs", tolerance=4),
    ]  # fmt: skip
    return found
