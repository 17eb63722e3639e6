"""The forms that write into their first tensor, applied to a copy."""

from __future__ import annotations

from backend import ALL, FLOATS, INTEGERS, NUMBERS
from case import Row, booleans, integers, nonzero, positive, t

from cases.common import FORWARD


def rows() -> list[Row]:
    """The forms that write into their first tensor, applied to a copy."""
    found = []
    for op in ("add_", "sub_", "mul_", "div_", "pow_"):
        first, second = positive if op == "pow_" else t, nonzero if op == "div_" else t
        call = lambda cf, x, y, op=op: getattr(x.clone(), op)(y)  # noqa: E731
        found += [
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
        found.append(Row(op, nonzero(2, 3), call=call, dtypes=FLOATS))
    for op in ("log_", "sqrt_"):
        call = lambda cf, x, op=op: getattr(x.clone(), op)()  # noqa: E731
        found.append(Row(op, positive(2, 3), call=call))
    for op in ("floor_divide_", "remainder_"):
        call = lambda cf, x, y, op=op: getattr(x.clone(), op)(y)  # noqa: E731
        found.append(Row(op, t(2, 3), nonzero(3), call=call, dtypes=NUMBERS, **FORWARD))
    found += [
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
    found += [
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
    return found
