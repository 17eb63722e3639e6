"""Values and options that many rows share."""

from __future__ import annotations

INF, NAN = float("inf"), float("nan")
FINITE = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 20.0, -20.0, 90.0, -90.0, 1e-3, 1e-30, NAN]
EDGES = [*FINITE, 1e30, -1e30, INF, -INF]
FORWARD = {"gradient": False, "numeric": False, "second": False}
SMOOTH_ONLY = {"numeric": False, "second": False}
