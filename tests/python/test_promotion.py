"""Type promotion is PyTorch's for every pair of dtypes."""

from __future__ import annotations

import json

import backend
import promotion
import pytest
from backend import cf
from reference import FOLDER

EXPECTED = json.loads((FOLDER / "promotion.json").read_text())["dtypes"]


@pytest.mark.parametrize("op", promotion.OPERATIONS)
@pytest.mark.parametrize("meeting", ["tensors", "with 0-d", "with number"])
def test_result_dtype_equals_pytorch(op: str, meeting: str) -> None:
    wrong = []
    for pair in promotion.pairs():
        if pair[:2] != (op, meeting):
            continue
        expected = EXPECTED[" ".join(pair)]
        try:
            got = promotion.result(cf, *pair)
        except backend.error("CandleError") as problem:
            if expected != "refused" or type(problem).__name__ in ("PanicError", "InternalError"):
                wrong.append(f"{' '.join(pair)}: {problem!r}, expected {expected}")
            continue
        if expected not in ("refused", got):
            wrong.append(f"{' '.join(pair)}: {got}, expected {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "left, right, expected",
    [
        ("bool", "bool", "bool"),
        ("uint8", "int16", "int16"),
        ("uint8", "bool", "uint8"),
        ("int64", "float16", "float16"),
        ("float16", "bfloat16", "float32"),
        ("float32", "float64", "float64"),
        ("int32", "int64", "int64"),
    ],
)
def test_known_promotions(left: str, right: str, expected: str) -> None:
    """The reference itself says what PyTorch's documentation says."""
    assert promotion.result(cf, "add", "tensors", left, right) == expected
    assert promotion.result(cf, "add", "tensors", right, left) == expected
