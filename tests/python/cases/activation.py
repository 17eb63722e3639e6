"""Activation functions with their options, at their kinks and at the ends of the numbers."""

from __future__ import annotations

from typing import Any

from backend import FLOATS, NUMBERS
from case import DTYPE, Row, integers, nonzero, positive, t, values

from cases.common import EDGES, FINITE, FORWARD, NAN, SMOOTH_ONLY

#: Where the functions below have kinks, and near them.
KINKS = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0]
#: Numbers of both signs that keep away from all of them.
SMOOTH = [-4.2, -2.7, -1.6, -0.71, -0.23, 0.31, 0.77, 1.6, 2.6, 5.3, 7.4]

#: Each function with its default options and others.
OPTIONS: dict[str, list[dict[str, float]]] = {
    "relu6": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.2}, {"negative_slope": -0.5}],
    "elu": [{}, {"alpha": 0.7}],
    "selu": [{}],
    "celu": [{}, {"alpha": 2.0}, {"alpha": -1.5}],
    "mish": [{}],
    "softplus": [{}, {"beta": 2.0, "threshold": 1.0}],
    "softsign": [{}],
    "logsigmoid": [{}],
    "hardtanh": [{}, {"min_val": -0.6, "max_val": 2.0}],
    "hardswish": [{}],
    "hardsigmoid": [{}],
    "hardshrink": [{}, {"lambd": 1.2}],
    "softshrink": [{}, {"lambd": 1.2}],
    "tanhshrink": [{}],
    "threshold": [{"threshold": 0.1, "value": 20.0}],
    "rrelu": [{}, {"lower": 0.3, "upper": 0.5}],
}
#: Where PyTorch's own formula overflows to NaN, or loses all digits, and this package's does not.
PLAIN: dict[str, list[float]] = {"mish": FINITE, "softsign": FINITE, "hardswish": FINITE}


def rows() -> list[Row]:
    """Each function with each set of options; then those that take more than elements."""
    found = []
    for op, choices in OPTIONS.items():
        for options in choices:
            found += [
                Row(op, values(SMOOTH), tolerance=2, **options),
                Row(op, values(KINKS), label="kinks", **options, **SMOOTH_ONLY),
                Row(
                    op,
                    values(PLAIN.get(op, EDGES)),
                    label="edges",
                    tolerance=2,
                    **options,
                    **FORWARD,
                ),
            ]
        options = choices[0]
        found += [
            Row(op, t(2, 3, 2), second=False, numeric=False, tolerance=2, **options),
            Row(op, t(2, 3), dtypes=NUMBERS, label="every dtype", **options, **FORWARD),
            Row(op, nonzero(), **options, **SMOOTH_ONLY),
            Row(op, t(0, 3), dtypes=FLOATS, **options),
            Row(op, values([NAN, 1.0]), label="NaN", **options, **FORWARD),
        ]
    large: dict[str, Any] = {"label": "large", **SMOOTH_ONLY}
    found += [
        Row("elu", values([90.0, -90.0, 1e30, -1e30]), **large),
        Row("softplus", values([90.0, -90.0, 25.0, 19.0]), **large),
        Row("logsigmoid", values([90.0, -90.0, 300.0]), **large),
        Row("mish", values([60.0, -60.0, 20.0]), **large),
        Row("hardtanh", integers([-3, 0, 2], "int32"), 0.5, 1.5, label="integers", **FORWARD),
        Row("prelu", nonzero(2, 3), positive(3)),
        Row("prelu", nonzero(2, 3), positive(1)),
        Row("prelu", nonzero(2, 3), positive()),
        Row("prelu", nonzero(2, 3, 4), positive(3)),
        Row("prelu", nonzero(3), positive(1)),
        Row("prelu", nonzero(), positive(1)),
        Row("prelu", t(0, 3), positive(3)),
        Row("prelu", values([-1.0, 0.0, -0.0, 1.0]), values([0.3]), label="kink", **SMOOTH_ONLY),
        Row("glu", t(4)),
        Row("glu", t(2, 4), dim=-1),
        Row("glu", t(4, 3), dim=0),
        Row("glu", t(2, 4, 3), dim=1, second=False),
        Row("glu", t(2, 0)),
        Row("softmin", t(2, 3), dim=1),
        Row("softmin", t(2, 3), dim=0),
        Row("softmin", t(2, 3), dim=-1, dtype=DTYPE),
        Row("rrelu", t(2, 3, low=0.5), training=True, label="positive"),
        Row("rrelu", t(2, 3), training=True, compare=False),
        Row("rrelu", nonzero(2, 3), 0.25, 0.25, training=True),
        Row("gumbel_softmax", t(2, 3), compare=False),
        Row("gumbel_softmax", t(2, 3), tau=0.5, hard=True, dim=0, compare=False),
        Row("gumbel_softmax", t(0, 3), compare=False),
    ]
    return found
