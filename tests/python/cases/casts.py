"""`to`, between every two dtypes; the gradient comes back in the dtype of the input."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from backend import ALL
from case import Row, integers, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY


def rows() -> list[Row]:
    """`to`, between every two dtypes; the gradient comes back in the dtype of the input."""
    found = [
        Row("to", t(2, 3), call=lambda cf, x, name=name: x.to(getattr(cf, name)), label=name, dtypes=ALL,
            covers="to_dtype", **SMOOTH_ONLY)
        for name in ALL
    ]  # fmt: skip
    found += [
        Row("to", t(3), call=lambda cf, x: x.to("cpu").to(x.device), label="cpu", covers="to_device"),
        Row("to", t(3), call=lambda cf, x: x.to("cpu", non_blocking=True).to(x.device).float(),
            label="float", covers="to_device_non_blocking", **SMOOTH_ONLY),
        Row("to", t(3), t(2), call=lambda cf, x, y: x.to(y), label="other"),
        Row("to", values([0.0, -0.0, 0.5, NAN]), call=lambda cf, x: x.to(cf.bool), label="truth", **FORWARD),
        Row("to", values([1e30, -1e30, 7e4, 1e-9, INF, NAN]), dtypes=("float32", "float64"),
            call=lambda cf, x: x.to(cf.float16), label="narrow range", **FORWARD),
        Row("to", integers([300, -1, 2**31, 2**40 + 5]), dtypes=("int64",),
            call=lambda cf, x: [x.to(d) for d in (cf.uint8, cf.int16, cf.int32)], label="wraps"),
    ]  # fmt: skip
    return found
