"""Connectionist temporal classification: targets in both forms, empty ones, ones that cannot be spelled."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, integers, t, values

TARGETS = [[1, 2, 2], [3, 0, 0], [0, 0, 0]]


def _of_logits(cf: Any, logits: Any, *arguments: Any, **options: Any) -> Any:
    """The loss of logits: PyTorch's gradient is meant for those before a log_softmax."""
    return cf.nn.functional.ctc_loss(cf.log_softmax(logits, -1), *arguments, **options)


def rows() -> list[Row]:
    """All of them, for the dtypes that PyTorch has it for."""
    found = []
    wide: dict[str, Any] = {"dtypes": ("float32", "float64"), "tolerance": 8, "second": False}
    lengths = ((6, 4, 5), (3, 1, 0))
    for reduction in ("mean", "sum", "none"):
        r: dict[str, Any] = {"reduction": reduction, **wide}
        found += [
            Row("ctc_loss", t(6, 3, 4), integers(TARGETS), *lengths, call=_of_logits, **r),
            Row("ctc_loss", t(6, 3, 4), integers([1, 2, 2, 3]), *lengths, call=_of_logits, label="joined", **r),
            Row("ctc_loss", t(6, 3, 4), integers(TARGETS, "int32"), (6, 2, 5), (3, 1, 0), call=_of_logits, label="int32", **r),
            Row("ctc_loss", t(4, 2, 4), integers([[1, 1, 1], [2, 3, 0]]), (3, 4), (3, 2), zero_infinity=True, call=_of_logits,
                label="impossible", **r),
            Row("ctc_loss", t(4, 2, 4), integers([[0, 1], [2, 0]]), (4, 4), (2, 2), blank=3, call=_of_logits, label="blank", **r),
        ]  # fmt: skip
    found += [
        Row("ctc_loss", t(4, 2, 4), integers([[1, 1, 1], [2, 3, 0]]), (3, 4), (3, 2), reduction="none", numeric=False,
            label="infinite", **wide),
        Row("ctc_loss", t(5, 4), integers([1, 2]), (5,), (2,), call=_of_logits, label="unbatched", **wide),
        Row("ctc_loss", t(5, 2, 4), integers([[1, 2], [1, 3]]), integers([5, 4]), integers([2, 1]), call=_of_logits, label="lengths as tensors", **wide),
        Row("ctc_loss", t(5, 2, 4), integers([[1, 2], [1, 3]]), (0, 5), (0, 2), reduction="sum", call=_of_logits, label="no steps", **wide),
        Row("ctc_loss", values([[[-0.5, -1.2]], [[-0.9, -0.6]]]), integers([[1]]), (2,), (1,), label="raw", numeric=False, **wide),
    ]  # fmt: skip
    return found
