"""The table of cases: at least one row per operation.

A new operation gets its rows here; nothing else needs to be written for it. `test_ops.py` runs every
row: results and gradients against the stored ones of PyTorch (`make parity` stores them), gradients
against finite differences, in several memory layouts, for every dtype of the row.
"""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

import numpy as np
from backend import ALL, BOOL, FLOATS, INTEGERS, NUMBERS
from case import DTYPE, Row, booleans, index, integers, nonzero, positive, probability, t, values

INF, NAN = float("inf"), float("nan")
FINITE = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 20.0, -20.0, 90.0, -90.0, 1e-3, 1e-30, NAN]
EDGES = [*FINITE, 1e30, -1e30, INF, -INF]
FORWARD = {"gradient": False, "numeric": False, "second": False}
SMOOTH_ONLY = {"numeric": False, "second": False}


def unary() -> list[Row]:
    """One tensor in, one of the same shape out."""
    rows = []
    domains = dict.fromkeys(("log", "sqrt", "rsqrt", "log1p"), positive)
    domains.update(dict.fromkeys(("abs", "relu", "sign", "reciprocal"), nonzero))
    operations = (
        "neg abs sign square sqrt rsqrt reciprocal exp expm1 log log1p sin cos tanh erf sigmoid"
    )
    for op in (operations + " relu gelu silu floor ceil round trunc").split():
        domain = domains.get(op, t)
        rows += [
            Row(op, domain(2, 3), dtypes=ALL),
            Row(op, domain(), dtypes=NUMBERS),
            Row(op, domain(0, 3), dtypes=NUMBERS),
            Row(op, domain(5, 7), dtypes=FLOATS, second=False),
            Row(op, domain(3, 1), call=_expanded(op), label="expanded"),
            Row(op, values(FINITE if op == "gelu" else EDGES), label="edges", **FORWARD),
        ]
    rows += [
        Row("gelu", t(2, 3), approximate="tanh"),
        Row("gelu", values(FINITE), approximate="tanh", label="edges", **FORWARD),
        Row("relu", values([-1.0, 0.0, -0.0, 1.0, NAN]), label="kink", **SMOOTH_ONLY),
        Row("abs", values([-1.0, 0.0, 1.0]), label="kink", **SMOOTH_ONLY),
        Row("sqrt", values([0.0, 1.0, 4.0]), label="zero", **SMOOTH_ONLY),
        Row("log", values([0.0, 1.0]), label="zero", **SMOOTH_ONLY),
        Row("round", values([0.5, 1.5, 2.5, -0.5, -1.5, 0.4999]), **FORWARD),
        Row("log1p", t(2, 3, low=-0.8, high=0.5), label="below zero"),
        Row("expm1", values([1e-7, -1e-7, 1e-3]), label="small", **FORWARD),
        Row("log1p", values([1e-7, -1e-7, 1e-3]), label="small", **FORWARD),
        Row("isnan", values([0.0, NAN, INF]), **FORWARD),
        Row("isnan", t(2, 3), dtypes=ALL, **FORWARD),
        Row("exp", integers([0, 1, 2], "int32"), label="integers", **FORWARD),
        Row("neg", integers([0, 1, 255], "uint8"), label="wraps", dtypes=("uint8",), **FORWARD),
    ]
    return rows


def _expanded(op: str) -> Any:
    from case import resolve

    return lambda cf, x: resolve(cf, op)(x.expand(3, 4))


def binary() -> list[Row]:
    """Two tensors that broadcast."""
    rows = []
    for op in ["add", "sub", "mul", "div", "maximum", "minimum", "pow"]:
        left, right = {"div": (t, nonzero), "pow": (positive, nonzero)}.get(op, (t, t))
        rows += [
            Row(op, left(2, 3), right(2, 3), dtypes=ALL),
            Row(op, left(2, 3), right(3), dtypes=NUMBERS),
            Row(op, left(2, 1), right(1, 3), dtypes=NUMBERS),
            Row(op, left(), right(2, 3)),
            Row(op, left(2, 3), right()),
            Row(op, left(), right()),
            Row(op, left(0, 3), right(1, 3), dtypes=NUMBERS),
            Row(op, left(2, 1, 3), right(4, 1), second=False),
            Row(op, left(6, 5), right(6, 1), second=False),
            Row(op, values(EDGES), values(EDGES[::-1]), label="edges", **FORWARD),
        ]
    for op in ("floor_divide", "remainder"):
        grads: dict[str, Any] = FORWARD if op == "floor_divide" else {}
        rows += [
            Row(op, t(2, 3), nonzero(2, 3), dtypes=ALL, **grads),
            Row(op, t(2, 1), nonzero(3), dtypes=NUMBERS, **grads),
            Row(op, t(2, 3), 2, dtypes=NUMBERS, **grads),
            Row(op, t(2, 3), -1.5, **grads),
            Row(op, values([7.0, -7.0, 7.0, -7.0, 0.0]), values([2.0, 2.0, -2.0, -2.0, 3.0]),
                dtypes=("int16", "int32", "int64", *FLOATS), label="signs", **FORWARD),
            Row(op, values([1.0, -1.0, 0.0, 5.0]), values([0.0, 0.0, 0.0, INF]), label="edges", **FORWARD),
        ]  # fmt: skip
    rows += [
        Row("floor_divide", t(2, 3), nonzero(2, 3), call=lambda cf, x, y: x // y, label="operator",
            dtypes=NUMBERS, **FORWARD),
        Row("remainder", t(2, 3), nonzero(2, 3), call=lambda cf, x, y: x % y, label="operator", dtypes=NUMBERS),
        Row("remainder", nonzero(2, 3), call=lambda cf, x: 5 % x, label="reflected", dtypes=NUMBERS, **FORWARD),
    ]  # fmt: skip
    rows += [
        Row(op, t(2, 3), number, dtypes=ALL)
        for op in ("add", "sub", "mul", "div")
        for number in (2, 0.5, True)
        if not (op == "sub" and number is True)
    ]
    rows += [
        Row("add", t(2, 3), t(2, 3), alpha=2, dtypes=NUMBERS),
        Row("add", t(2, 3), t(3), alpha=0.5),
        Row("sub", t(2, 3), t(2, 3), alpha=3, dtypes=NUMBERS),
        Row("div", integers([1, -7, 0]), integers([0, 2, 0]), label="zero", dtypes=("int64",)),
        Row("maximum", values([1.0, NAN, 2.0, 3.0]), values([NAN, 1.0, 2.0, 1.0]), **SMOOTH_ONLY),
        Row("minimum", values([1.0, NAN, 2.0, 3.0]), values([NAN, 1.0, 2.0, 1.0]), **SMOOTH_ONLY),
        Row("add", t(3), call=lambda cf, x: x + x, label="itself"),
        Row("mul", t(3), call=lambda cf, x: x * x, label="itself"),
        Row("sub", t(2, 3), call=lambda cf, x: 2 - x, label="reflected", dtypes=NUMBERS),
        Row("div", nonzero(2, 3), call=lambda cf, x: 2 / x, label="reflected", dtypes=NUMBERS),
        Row("pow", t(2, 3), call=lambda cf, x: 2**x, label="reflected"),
        Row("mul", t(2, 3), call=lambda cf, x: -(+x) * 3, label="operators"),
        *[Row("pow", t(2, 3), n, dtypes=NUMBERS) for n in (0, 1, 2, 3)],
        *[Row("pow", nonzero(2, 3), n) for n in (-1, -2, 2.0)],
        *[Row("pow", positive(2, 3), n, dtypes=NUMBERS) for n in (0.5, 1.5)],
        Row("pow", 2, t(2, 3), dtypes=FLOATS),
        Row(
            "pow", values([0.0, 0.0, -2.0, -2.0, NAN]), values([0.0, 2.0, 3.0, 0.5, 0.0]), **FORWARD
        ),
        Row("pow", values([0.0, 1.0, 2.0]), 2, label="zero", **SMOOTH_ONLY),
        Row("pow", values([0.0, 1.0, 2.0]), 0, label="zero", **SMOOTH_ONLY),
    ]
    return rows


def in_place() -> list[Row]:
    """The forms that write into their first tensor, applied to a copy."""
    rows = []
    for op in ("add_", "sub_", "mul_", "div_", "pow_"):
        first, second = positive if op == "pow_" else t, nonzero if op == "div_" else t
        call = lambda cf, x, y, op=op: getattr(x.clone(), op)(y)  # noqa: E731
        rows += [
            Row(
                op,
                first(2, 3),
                second(2, 3),
                call=call,
                dtypes=FLOATS if op in ("div_", "pow_") else NUMBERS,
            ),
            Row(op, first(2, 3), second(3), call=call),
            Row(op, first(2, 3), 2, call=call, dtypes=FLOATS if op == "div_" else NUMBERS),
        ]
    steps = ("ceil_", "floor_", "round_", "sign_")
    for op in ("abs_", "cos_", "exp_", "neg_", "relu_", "sigmoid_", "sin_", "tanh_", *steps):
        call = lambda cf, x, op=op: getattr(x.clone(), op)()  # noqa: E731
        rows.append(Row(op, nonzero(2, 3), call=call, dtypes=FLOATS))
    for op in ("log_", "sqrt_"):
        call = lambda cf, x, op=op: getattr(x.clone(), op)()  # noqa: E731
        rows.append(Row(op, positive(2, 3), call=call))
    for op in ("floor_divide_", "remainder_"):
        call = lambda cf, x, y, op=op: getattr(x.clone(), op)(y)  # noqa: E731
        rows.append(Row(op, t(2, 3), nonzero(3), call=call, dtypes=NUMBERS, **FORWARD))
    rows += [
        Row("clamp_", t(2, 3), call=lambda cf, x: x.clone().clamp_(-0.5, 0.5)),
        Row(
            "clamp_",
            integers([200, 3]),
            call=lambda cf, x: x.clone().clamp_(max=300),
            dtypes=INTEGERS,
        ),
        Row(
            "masked_fill_",
            t(2, 3),
            booleans(3),
            call=lambda cf, x, mask: x.clone().masked_fill_(mask, 2),
        ),
    ]
    rows += [
        Row("copy_", t(2, 3), t(2, 3), call=lambda cf, x, y: x.clone().copy_(y), dtypes=ALL),
        Row("copy_", t(2, 3), t(3), call=lambda cf, x, y: x.clone().copy_(y), label="broadcast"),
        Row("copy_", t(3), integers([1, 2, 3]), call=lambda cf, x, y: x.clone().copy_(y)),
        Row("fill_", t(2, 3), call=lambda cf, x: x.clone().fill_(2), dtypes=ALL),
        Row("zero_", t(2, 3), call=lambda cf, x: x.clone().zero_(), dtypes=ALL),
        Row(
            "uniform_",
            t(2, 3),
            call=lambda cf, x: x.detach().clone().uniform_(-1, 1),
            compare=False,
            **FORWARD,
        ),
        Row(
            "normal_",
            t(2, 3),
            call=lambda cf, x: x.detach().clone().normal_(1, 2),
            compare=False,
            **FORWARD,
        ),
    ]
    return rows


def comparisons() -> list[Row]:
    """Comparisons, logic, and what depends on a condition."""
    rows = []
    ties = [1.0, 2.0, NAN, INF, -0.0, 3.0]
    for op in ["eq", "ne", "lt", "le", "gt", "ge"]:
        rows += [
            Row(op, t(2, 3), t(2, 3), dtypes=ALL, **FORWARD),
            Row(op, t(2, 1), t(3), dtypes=NUMBERS, **FORWARD),
            Row(op, t(2, 3), 1, dtypes=ALL, **FORWARD),
            Row(op, t(2, 3), 0.5, dtypes=NUMBERS, **FORWARD),
            Row(op, t(0), t(1), dtypes=NUMBERS, **FORWARD),
            Row(op, values(ties), values([1.0, 3.0, NAN, INF, 0.0, 2.0]), **FORWARD),
        ]
    for op in ("logical_and", "logical_or", "logical_xor"):
        rows += [
            Row(op, booleans(2, 3), booleans(2, 3), dtypes=BOOL, **FORWARD),
            Row(op, values([0.0, 1.0, 2.0]), values([[0.0], [3.0]]), dtypes=ALL, **FORWARD),
        ]
    rows += [
        Row("logical_not", booleans(2, 3), dtypes=BOOL, **FORWARD),
        Row("logical_not", values([0.0, 1.0, 2.0]), dtypes=ALL, **FORWARD),
        Row("where", booleans(2, 3), t(2, 3), t(2, 3), dtypes=ALL),
        Row("where", booleans(2, 1), t(3), t(1, 3), dtypes=NUMBERS),
        Row("where", booleans(2, 3), t(2, 3), 0.0),
        Row("where", booleans(2, 3), 1.5, t(2, 3)),
        Row("where", booleans(), t(2), t()),
        Row("where", booleans(0, 3), t(3), t(3)),
        Row("where", booleans(3), values([1.0, 2.0, NAN]), values([NAN, 1.0, 2.0]), **SMOOTH_ONLY),
        Row("clamp", t(2, 3), 1, 2, dtypes=NUMBERS),
        Row("clamp", t(2, 3), min=1, dtypes=NUMBERS),
        Row("clamp", t(2, 3), max=1, dtypes=NUMBERS),
        Row("clamp", t(2, 3), -0.5, 1.5, dtypes=FLOATS),
        Row("clamp", t(2, 3), min=0.5, dtypes=INTEGERS),
        Row("clamp", t(3, 3), 2, 1, dtypes=NUMBERS, label="crossed", **SMOOTH_ONLY),
        Row("clamp", values([-1.0, 0.0, 0.5, 1.0, 2.0, NAN]), 0.0, 1.0, **SMOOTH_ONLY),
        Row("clamp", t(0, 2), 0.0, 1.0),
    ]
    return rows


def products() -> list[Row]:
    """Matrix products of every combination of ranks."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((1, 3), (3, 1)),
        ((2, 2, 3), (3,)), ((3,), (2, 3, 2)), ((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 2)),
        ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (3, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((2, 1, 1, 2), (2, 2, 1)),
        ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0, 2, 3), (3, 2)), ((0,), (0,)),
    ]  # fmt: skip
    rows = [Row("matmul", t(*a), t(*b), dtypes=FLOATS + INTEGERS, tolerance=4) for a, b in shapes]
    rows += [
        Row("matmul", t(17, 33), t(33, 9), numeric=False, second=False, tolerance=20),
        Row("matmul", t(4, 5, 40), t(4, 40, 6), numeric=False, second=False, tolerance=20),
        Row("matmul", t(3, 3), call=lambda cf, x: x @ x, label="itself", tolerance=4),
        Row("matmul", t(3, 2), call=lambda cf, x: x.T @ x, label="transposed", tolerance=4),
        Row("matmul", t(2, 3, 2), call=lambda cf, x: x.mT @ x, label="batch transposed", tolerance=4),
        Row("matmul", t(1, 2, 3), t(4, 3, 2), call=lambda cf, x, y: x.expand(4, 2, 3) @ y,
            label="expanded", tolerance=4),
        Row("linear", t(2, 3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 3), t(4, 3), tolerance=4),
        Row("linear", t(3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 2, 3), t(4, 3), t(4), tolerance=4, second=False),
        Row("linear", t(0, 3), t(4, 3), t(4), tolerance=4),
        Row("linear", t(2, 0), t(4, 0), t(4), tolerance=4),
    ]  # fmt: skip
    return rows


def reductions() -> list[Row]:
    """Along none, one or several dimensions."""
    rows = []
    over: list[dict[str, Any]] = [
        {}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": 1},
    ]  # fmt: skip
    several: list[dict[str, Any]] = [{"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}]
    for op in ("sum", "mean"):
        dtypes = ALL if op == "sum" else FLOATS
        rows += [Row(op, t(2, 3, 2), **o, dtypes=dtypes, tolerance=2) for o in over + several]
        rows += [
            Row(op, t(), dtypes=dtypes),
            Row(op, t(0, 3), dtypes=dtypes, numeric=False),
            Row(op, t(0, 3), dim=0, dtypes=dtypes),
            Row(op, t(0, 3), dim=1, dtypes=dtypes),
            Row(op, t(3, 40), dim=1, second=False, tolerance=8),
            Row(op, t(40, 3), dim=0, second=False, tolerance=8),
            Row(op, values([1.0, INF, NAN, 2.0]), **FORWARD),
            Row(op, t(2, 3), dtype=DTYPE, dtypes=("float32", "float64"), tolerance=2),
        ]
    rows += [
        Row(
            "sum", t(3), call=lambda cf, x: cf.sum(x, dtype=cf.float64), label="float64", **FORWARD
        ),
        Row("sum", integers([200, 100, 5], "uint8"), label="no wrap", dtypes=("uint8",)),
        Row("sum", t(2, 3), call=lambda cf, x: x.sum(1), label="method"),
        Row("sum", t(1, 3), call=lambda cf, x: x.expand(4, 3).sum(0), label="expanded"),
    ]
    for op in ("var", "std"):
        rows += [Row(op, t(2, 3, 2), **o, tolerance=4) for o in over[1:] + several]
        rows += [
            Row(op, t(5), tolerance=4),
            Row(op, t(2, 3), dim=1, correction=0, tolerance=4),
            Row(op, t(2, 3), dim=1, correction=2, keepdim=True, tolerance=4),
            Row(op, t(1), **FORWARD),
            Row(op, t(3, 1), dim=1, **FORWARD),
            Row(op, t(4, low=1000.0, high=1003.0), dtypes=("float32", "float64"), tolerance=500),
        ]
    for op in ("amax", "amin"):
        rows += [Row(op, t(2, 3, 2), **o, dtypes=ALL, second=False) for o in over + several]
        rows += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **SMOOTH_ONLY),
            Row(op, values([[1.0, NAN], [NAN, 2.0], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, t(0, 3), dim=1, dtypes=NUMBERS, second=False),
        ]
    for op in ("max", "min"):
        rows += [
            Row(op, t(2, 3, 2), **o, dtypes=ALL, second=False, covers=f"{op}_dim" if o else op)
            for o in over
        ]
        rows += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **SMOOTH_ONLY),
            Row(op, values([1.0, 3.0, 3.0]), label="ties", **SMOOTH_ONLY),
            Row(op, values([[1.0, NAN], [NAN, 2.0], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, values([1.0, NAN, 3.0]), **FORWARD),
            Row(op, t(2, 3), t(3), dtypes=NUMBERS, label="two"),
            Row(op, t(), dtypes=NUMBERS, second=False),
        ]
    for op in ("argmax", "argmin"):
        rows += [Row(op, t(2, 3, 2), **o, dtypes=ALL, **FORWARD) for o in over]
        rows += [
            Row(op, values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), dim=1, label="ties", **FORWARD),
            Row(op, values([[1.0, NAN], [NAN, NAN], [4.0, INF]]), dim=1, **FORWARD),
            Row(op, t(7, 30), dim=1, dtypes=NUMBERS, **FORWARD),
            Row(op, t(), dtypes=NUMBERS, **FORWARD),
        ]
    rows += [Row("prod", nonzero(2, 3, 2), **o, dtypes=ALL, tolerance=8) for o in over]
    rows += [
        Row(
            "prod",
            values([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0], [1.5, -2.0, 3.0]]),
            dim=1,
            label="zeros",
        ),
        Row("prod", values([2.0, 0.0, 3.0]), label="zero"),
        Row("prod", t(0, 3), dim=0),
        Row("prod", t()),
    ]
    for op in ("all", "any"):
        rows += [Row(op, booleans(2, 3, 2), **o, dtypes=BOOL, **FORWARD) for o in over + several]
        rows += [
            Row(op, values([[0.0, 1.0], [2.0, 3.0]]), dim=1, dtypes=ALL, **FORWARD),
            Row(op, values([[0.0, NAN], [-0.0, 0.0]]), dim=1, label="nan", **FORWARD),
            Row(op, booleans(0), dtypes=BOOL, **FORWARD),
            Row(op, booleans(2, 0), dim=1, dtypes=BOOL, **FORWARD),
        ]
    return rows


def normalisations() -> list[Row]:
    """Softmax and its kin, layer norm."""
    rows = []
    for op in ("softmax", "log_softmax", "logsumexp"):
        rows += [
            Row(op, t(2, 3), dim=1, tolerance=2),
            Row(op, t(2, 3), dim=0, tolerance=2),
            Row(op, t(2, 3, 2), dim=-2, tolerance=2),
            Row(op, t(5), dim=0, tolerance=2),
            Row(op, t(3, 33), dim=1, second=False, tolerance=2),
            Row(op, t(2, 3, low=-1000.0, high=1000.0), dim=1, label="large", **SMOOTH_ONLY),
            Row(op, values([[-INF, -INF], [1.0, -INF], [NAN, 0.0], [INF, 1.0]]), dim=1, **FORWARD),
        ]
    rows += [
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
    return rows


def shapes() -> list[Row]:
    """What only rearranges."""
    return [
        Row("reshape", t(2, 6), (3, 4), dtypes=ALL),
        Row("reshape", t(2, 6), (-1, 3), dtypes=NUMBERS),
        Row("reshape", t(), (1, 1)),
        Row("reshape", t(1), ()),
        Row("reshape", t(0, 4), (2, 0)),
        Row("reshape", t(2, 6), call=lambda cf, x: x.reshape(4, 3), label="method"),
        Row("reshape", t(2, 3), call=lambda cf, x: x.T.reshape(6), label="of transposed"),
        Row("view", t(2, 6), call=lambda cf, x: x.contiguous().view(3, 4), dtypes=ALL),
        Row("view", t(2, 6), call=lambda cf, x: x.contiguous().view(-1), label="flat"),
        Row("flatten", t(2, 3, 2), dtypes=ALL),
        Row("flatten", t(2, 3, 2), 1),
        Row("flatten", t(2, 3, 2), 0, 1),
        Row("flatten", t(2, 3, 2), start_dim=-2, end_dim=-1),
        Row("flatten", t()),
        Row("transpose", t(2, 3), 0, 1, dtypes=ALL),
        Row("transpose", t(2, 3, 2), -1, 0),
        Row("transpose", t(2, 3, 2), 1, 1),
        Row("transpose", t(2, 3), call=lambda cf, x: x.T, label="T"),
        Row("transpose", t(2, 3, 2), call=lambda cf, x: x.mT, label="mT"),
        Row("permute", t(2, 3, 4), (2, 0, 1), dtypes=ALL),
        Row("permute", t(2, 3, 4), (-1, 1, 0)),
        Row("permute", t(), ()),
        Row("permute", t(2, 3, 4), call=lambda cf, x: x.permute(1, 2, 0), label="method"),
        Row("squeeze", t(1, 3, 1), dtypes=ALL),
        Row("squeeze", t(1, 3, 1), 0),
        Row("squeeze", t(1, 3, 1), -1),
        Row("squeeze", t(1, 3, 1), 1),
        Row("squeeze", t(1, 3, 1), (0, 2)),
        Row("unsqueeze", t(2, 3), 0, dtypes=ALL),
        Row("unsqueeze", t(2, 3), -1),
        Row("unsqueeze", t(2, 3), 1),
        Row("unsqueeze", t(), 0),
        Row("expand", t(3, 1), call=lambda cf, x: x.expand(2, 3, 4), dtypes=ALL),
        Row("expand", t(3, 1), call=lambda cf, x: x.expand(-1, 4), label="minus one"),
        Row("expand", t(), call=lambda cf, x: x.expand(2, 2), label="scalar"),
        Row("expand", t(1, 2), call=lambda cf, x: x.expand(0, 2), label="to nothing"),
        Row("cat", [t(2, 3), t(1, 3)], dtypes=ALL),
        Row("cat", [t(2, 3), t(2, 1), t(2, 2)], dim=1, dtypes=NUMBERS),
        Row("cat", [t(2, 3), t(2, 3)], dim=-1),
        Row("cat", [t(0, 3), t(2, 3)], dim=0),
        Row("cat", [t(2)]),
        Row("cat", [t(3), integers([1, 2], "int32")], label="promotes", dtypes=("float32", "float16")),
        Row("stack", [t(2, 3), t(2, 3)], dtypes=ALL),
        Row("stack", [t(2), t(2), t(2)], dim=1),
        Row("stack", [t(2), t(2)], dim=-1),
        Row("stack", [t(), t()]),
        Row("split", t(5, 2), 2, dtypes=ALL),
        Row("split", t(2, 5), [1, 4], dim=1, covers="split_with_sizes"),
        Row("split", t(5), (2, 0, 3), covers="split_with_sizes"),
        Row("split", t(2, 5), 5, dim=-1),
        Row("split", t(0, 2), 2),
        Row("chunk", t(5, 2), 3, dtypes=ALL),
        Row("chunk", t(2, 6), 4, dim=1),
        Row("chunk", t(2, 3), 7, dim=1),
        Row("narrow", t(4, 3), 0, 1, 2, dtypes=ALL),
        Row("narrow", t(4, 3), -1, 1, 2),
        Row("narrow", t(4, 3), 0, -2, 1),
        Row("narrow", t(4, 3), 0, 4, 0),
        Row("contiguous", t(2, 3), call=lambda cf, x: x.T.contiguous(), dtypes=ALL),
        Row("clone", t(2, 3), dtypes=ALL),
        Row("detach", t(2, 3), call=lambda cf, x: x.detach() * x, label="half the gradient",
            **SMOOTH_ONLY),
    ]  # fmt: skip


def indexing() -> list[Row]:
    """Basic indexing, and the operations that take indices."""
    picks: dict[str, Any] = {
        "one": 1, "last": -1, "slice": slice(1, 3), "step": slice(None, None, 2), "tail": slice(-2, None),
        "empty": slice(3, 1), "ellipsis": (..., 1), "none": (None, 0), "mixed": (1, slice(None), None),
        "two": (0, 2), "beyond": slice(1, 100), "full": (1, 2, 0), "stepped": (slice(0, 4, 3), slice(1, None)),
    }  # fmt: skip
    rows = [
        Row("__getitem__", t(4, 3, 2), call=lambda cf, x, pick=pick: x[pick], label=name,
            dtypes=ALL if name in ("one", "step") else FLOATS, second=False)
        for name, pick in picks.items()
    ]  # fmt: skip
    rows += [
        Row("gather", t(3, 4), 1, index(3, 2, below=4), dtypes=ALL),
        Row("gather", t(3, 4), 0, index(2, 3, below=3)),
        Row("gather", t(3, 4), -1, index(3, 6, below=4), label="repeats"),
        Row("gather", t(2, 3, 4), 1, index(2, 2, 3, below=3), second=False),
        Row("gather", t(5), 0, index(3, below=5)),
        Row("gather", t(3, 4), 1, index(3, 0, below=4)),
        Row("index_select", t(3, 4), 1, index(2, below=4), dtypes=ALL),
        Row("index_select", t(3, 4), 0, integers([2, 0, 2, 2]), label="repeats"),
        Row("index_select", t(3, 4), -1, integers([1, 1], "int32"), label="int32"),
        Row("index_select", t(2, 3, 2), 1, index(5, below=3), second=False),
        Row("index_select", t(3, 4), 0, index(0, below=3)),
        Row("index_add", t(3, 4), 0, integers([2, 0, 2]), t(3, 4), dtypes=NUMBERS),
        Row("index_add", t(3, 4), -1, integers([1]), t(3, 1)),
        Row("index_add", t(3, 4), 0, integers([]), t(0, 4)),
        Row("scatter_add", t(3, 4), 1, index(3, 2, below=4), t(3, 2), dtypes=NUMBERS),
        Row("scatter_add", t(3, 4), 0, index(2, 3, below=3), t(5, 4), **FORWARD),
        Row("scatter_add", t(5), 0, integers([1, 1, 1, 4]), t(4), label="repeats"),
        Row("masked_fill", t(2, 3), booleans(2, 3), 1.5, dtypes=FLOATS),
        Row("masked_fill", t(2, 3), booleans(3), 2, dtypes=NUMBERS),
        Row("masked_fill", t(2, 3), booleans(2, 1), -INF, **SMOOTH_ONLY),
        Row("masked_fill", t(2, 3), booleans(2, 3), t()),
        Row("masked_select", t(2, 3), booleans(2, 3), dtypes=ALL),
        Row("masked_select", t(2, 3), booleans(3)),
        Row("masked_select", t(3), booleans(2, 1)),
        Row("nonzero", values([[0.0, 1.0, -0.0], [2.0, NAN, 0.0]]), **FORWARD),
        Row("nonzero", booleans(3, 2), dtypes=BOOL, **FORWARD),
        Row("nonzero", t(2, 3), dtypes=ALL, **FORWARD),
        Row("nonzero", t(0, 2), **FORWARD),
        Row("nonzero", t(), **FORWARD),
        Row("select", t(3, 4), 1, 2, dtypes=ALL),
        Row("select", t(3, 4), -1, -1),
        Row("select", t(3), 0, 1),
        Row("one_hot", index(4, below=5), 5, dtypes=("int64",)),
        Row("one_hot", integers([[0, 2], [1, 1]]), dtypes=("int64",)),
        Row("one_hot", integers([0, 3]), num_classes=6, dtypes=("int64",)),
        Row("embedding", index(2, 3, below=5), t(5, 4)),
        Row("embedding", integers([1, 1, 0]), t(3, 2), label="repeats"),
        Row("embedding", integers(2), t(3, 2), label="one"),
        Row("embedding", index(0, below=3), t(3, 2)),
        Row("embedding", integers([1, 2, 0], "int32"), t(3, 2), label="int32"),
        Row("embedding", integers([0, 1, 2]), t(3, 2), padding_idx=1, **SMOOTH_ONLY),
    ]
    return rows


def losses() -> list[Row]:
    """Losses, with every reduction and option."""
    rows = []
    for reduction in ("mean", "sum", "none"):
        r: dict[str, Any] = {"reduction": reduction, "tolerance": 4}
        rows += [
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
    rows += [
        Row("cross_entropy", t(2, 3, low=-1000.0, high=1000.0), index(2, below=3), label="large", **SMOOTH_ONLY),
        Row("cross_entropy", t(2, 3), integers([-100, -100]), label="all ignored", **FORWARD),
        Row("binary_cross_entropy_with_logits", values([200.0, -200.0, 0.0, -50.0]), values([0.0, 1.0, 0.5, 0.0]),
            label="large", **SMOOTH_ONLY),
        Row("mse_loss", t(3), t(3)),
        Row("l1_loss", values([1.0, 2.0]), values([1.0, 3.0]), label="kink", **SMOOTH_ONLY),
        Row("cross_entropy", t(40, 10), index(40, below=10), numeric=False, second=False, tolerance=8),
    ]  # fmt: skip
    return rows


def casts() -> list[Row]:
    """`to`, between every two dtypes; the gradient comes back in the dtype of the input."""
    rows = [
        Row("to", t(2, 3), call=lambda cf, x, name=name: x.to(getattr(cf, name)), label=name, dtypes=ALL,
            covers="to_dtype", **SMOOTH_ONLY)
        for name in ALL
    ]  # fmt: skip
    rows += [
        Row("to", t(3), call=lambda cf, x: x.to("cpu"), label="cpu", covers="to_device"),
        Row("to", t(3), call=lambda cf, x: x.float(), label="float", **SMOOTH_ONLY),
        Row("to", t(3), t(2), call=lambda cf, x, y: x.to(y), label="other"),
        Row("to", values([0.0, -0.0, 0.5, NAN]), call=lambda cf, x: x.to(cf.bool), label="truth", **FORWARD),
        Row("to", values([1e30, -1e30, 7e4, 1e-9, INF, NAN]), dtypes=("float32", "float64"),
            call=lambda cf, x: x.to(cf.float16), label="narrow range", **FORWARD),
        Row("to", integers([300, -1, 2**31, 2**40 + 5]), dtypes=("int64",),
            call=lambda cf, x: [x.to(d) for d in (cf.uint8, cf.int16, cf.int32)], label="wraps"),
    ]  # fmt: skip
    return rows


def creation() -> list[Row]:
    """Tensors made from numbers; `compare=False` where the values are random or unspecified."""
    plain: dict[str, Any] = {"dtypes": ("float32",), **FORWARD}
    every: dict[str, Any] = {"dtypes": ALL, **FORWARD}
    vague: dict[str, Any] = {"compare": False, **FORWARD}
    return [
        *[Row(op, (2, 3), dtype=DTYPE, **every) for op in ("zeros", "ones")],
        *[Row(op, 2, 3, **plain) for op in ("zeros", "ones", "rand", "randn", "empty") if op[0] in "zo"],
        *[Row(op, shape, **plain) for op in ("zeros", "ones") for shape in ((), (0, 2), (3,))],
        Row("zeros", 3, call=lambda cf, n: cf.zeros(n, requires_grad=True) * 2, label="grad", **plain),
        Row("full", (2, 3), 2, dtype=DTYPE, **every),
        *[Row("full", (2,), value, **plain) for value in (2, 2.5, True, -INF)],
        Row("full", (), 7.0, **plain),
        Row("empty", (2, 3), dtype=DTYPE, dtypes=ALL, **vague),
        Row("empty", 0, 2, dtypes=("float32",), **vague),
        *[Row("arange", *a, **plain) for a in ((5,), (1, 7, 2), (5, 0, -2), (3, 3), (0.0, 1.0, 0.25), (2.5,))],
        Row("arange", 1, 6, dtype=DTYPE, dtypes=NUMBERS, **FORWARD),
        Row("arange", 0, 1, 0.1, dtype=DTYPE, dtypes=("float32", "float64"), **FORWARD),
        *[Row("linspace", *a, **plain) for a in ((0, 1, 5), (1, -1, 4), (3, 8, 1), (0, 1, 0), (-5.0, 5.0, 11))],
        Row("linspace", 0, 10, 4, dtype=DTYPE, dtypes=FLOATS, **FORWARD),
        *[Row("eye", *a, **plain) for a in ((3,), (2, 4), (4, 2), (0,))],
        Row("eye", 2, dtype=DTYPE, **every),
        *[Row(op, t(2, 3), **every) for op in ("zeros_like", "ones_like")],
        Row("zeros_like", t(2, 3), dtype=DTYPE, **every),
        Row("full_like", t(2, 3), 3, **every),
        *[Row(op, t(2, 3), dtypes=FLOATS, **vague) for op in ("empty_like", "rand_like", "randn_like")],
        *[Row(op, (2, 3), dtype=DTYPE, dtypes=FLOATS, **vague) for op in ("rand", "randn")],
        *[Row(op, 2, 0, dtypes=("float32",), **vague) for op in ("rand", "randn")],
        Row("randint", 10, (2, 3), dtypes=("int64",), **vague),
        Row("randint", -3, 10, (4,), dtype=DTYPE, dtypes=("int32", "int64", "float32"), **vague),
        Row("randperm", 5, dtypes=("int64",), **vague),
        Row("randperm", 0, dtypes=("int64",), **vague),
        Row("dropout", t(3, 4), 0.0),
        Row("dropout", t(3, 4), 0.9, training=False),
        Row("dropout", t(3, 4), 1.0, **SMOOTH_ONLY),
        Row("dropout", t(3, 4), 0.5, **vague),
        *[
            Row("tensor", call=lambda cf, content=content: cf.tensor(content), label=repr(content), **plain)
            for content in (1, 2.5, True, [1, 2], [1.5, 2], [True, False], [[1, 2], [3, 4]], [], [[], []], [2**40])
        ],
        Row("tensor", call=lambda cf: cf.tensor([1, 2], dtype=cf.float64), label="dtype", **plain),
        Row("tensor", call=lambda cf: cf.tensor(np.arange(6.0).reshape(2, 3)), label="array", **plain),
        Row("from_numpy", call=lambda cf: cf.from_numpy(np.arange(6, dtype=np.int16)[::2]), **plain),
        Row("as_tensor", call=lambda cf: cf.as_tensor([[1.0, 2.0]]), **plain),
    ]  # fmt: skip


GROUPS: dict[str, list[Row]] = {
    group.__name__: group()
    for group in (
        unary, binary, in_place, comparisons, products, reductions, normalisations, shapes, indexing,
        losses, casts, creation,
    )
}  # fmt: skip
CASES: list[Row] = [row for rows in GROUPS.values() for row in rows]
