"""One tensor in, one of the same shape out."""

from __future__ import annotations

from typing import Any

from backend import ALL, FLOATS, NUMBERS
from case import Row, integers, nonzero, positive, resolve, t, values

from cases.common import EDGES, FINITE, FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """One tensor in, one of the same shape out."""
    found = []
    domains = dict.fromkeys(("log", "sqrt", "rsqrt", "log1p"), positive)
    domains.update(dict.fromkeys(("abs", "relu", "sign", "reciprocal"), nonzero))
    operations = (
        "neg abs sign square sqrt rsqrt reciprocal exp expm1 log log1p sin cos tanh erf sigmoid"
    )
    for op in (operations + " relu gelu silu floor ceil round trunc").split():
        domain = domains.get(op, t)
        found += [
            Row(op, domain(2, 3), dtypes=ALL),
            Row(op, domain(), dtypes=NUMBERS),
            Row(op, domain(0, 3), dtypes=NUMBERS),
            Row(op, domain(5, 7), dtypes=FLOATS, second=False),
            Row(op, domain(3, 1), call=_expanded(op), label="expanded"),
            Row(op, values(FINITE if op == "gelu" else EDGES), label="edges", **FORWARD),
        ]
    found += [
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
    return found


def _expanded(op: str) -> Any:
    return lambda cf, x: resolve(cf, op)(x.expand(3, 4))
