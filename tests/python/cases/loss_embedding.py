"""Losses and distances of vectors, and losses of scores by margins."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, index, integers, positive, t, values

from cases.common import SMOOTH_ONLY

SIGNS = values([1.0, -1.0, -1.0, 1.0], grad=False)


def rows() -> list[Row]:
    """All of them."""
    found = []
    for reduction in ("mean", "sum", "none"):
        r: dict[str, Any] = {"reduction": reduction, "tolerance": 4}
        found += [
            Row("hinge_embedding_loss", values([0.3, 0.4, 1.6, -0.2]), SIGNS, **r),
            Row("hinge_embedding_loss", values([0.3, 0.4, 1.6, -0.2]), SIGNS, margin=0.1, **r),
            Row("margin_ranking_loss", t(4), t(4), SIGNS, **r),
            Row("margin_ranking_loss", t(4), t(4), SIGNS, margin=0.7, **r),
            Row("triplet_margin_loss", t(3, 4), t(3, 4), t(3, 4), **r),
            Row("triplet_margin_loss", t(3, 4), t(3, 4), t(3, 4), margin=3.5, p=1.0, swap=True, **r),
            Row("triplet_margin_loss", t(4), t(4), t(4), p=3.0, eps=1e-3, label="one", **r),
            Row("cosine_embedding_loss", t(4, 3), t(4, 3), SIGNS, **r),
            Row("cosine_embedding_loss", t(4, 3), t(4, 3), SIGNS, margin=-0.6, **r),
            Row("cosine_embedding_loss", t(3), t(3), values(-1.0, grad=False), label="one", **r),
            Row("multi_margin_loss", t(3, 4), index(3, below=4), **r),
            Row("multi_margin_loss", t(3, 4), index(3, below=4), p=2, margin=0.4, weight=positive(4, grad=False), **r),
            Row("multi_margin_loss", t(4), index(below=4), label="one", **r),
            Row("multilabel_margin_loss", t(2, 4), integers([[3, 0, -1, 1], [1, -1, -1, -1]]), **r),
            Row("multilabel_margin_loss", t(2, 4), integers([[-1, 0, -1, 1], [0, 1, 2, 3]]), label="none and all", **r),
            Row("multilabel_margin_loss", t(4), integers([2, 1, -1, 0]), label="one", **r),
        ]  # fmt: skip
    found += [
        Row("cosine_similarity", t(2, 3), t(2, 3)),
        Row("cosine_similarity", t(2, 3, 2), t(2, 3, 2), dim=-1),
        Row("cosine_similarity", t(3), t(2, 3), dim=0),
        Row("cosine_similarity", values([[0.0, 0.0], [1.0, 2.0]]), values([[1.0, 2.0], [1.0, 2.0]]), label="zero",
            dtypes=("bfloat16", "float32", "float64"), **SMOOTH_ONLY),
        Row("cosine_similarity", t(2, 3), t(2, 3), eps=5.0, label="large eps", **SMOOTH_ONLY),
        Row("pairwise_distance", t(2, 3), t(2, 3)),
        Row("pairwise_distance", t(2, 3), t(2, 3), p=1.0, keepdim=True),
        Row("pairwise_distance", t(2, 3), t(3), p=3.0, eps=0.1),
        Row("pairwise_distance", t(3), t(3), p=float("inf")),
        Row("pairwise_distance", t(2, 3), t(2, 3), p=0.5, tolerance=8),
        Row("pdist", t(4, 3)),
        Row("pdist", t(4, 3), p=1.0),
        Row("pdist", t(1, 3), label="one"),
        Row("cdist", t(3, 4), t(2, 4), tolerance=8),
        Row("cdist", t(2, 3, 4), t(2, 2, 4), p=1.0),
        Row("cdist", t(3, 4), t(2, 4), p=3.0, tolerance=8),
    ]  # fmt: skip
    return found
