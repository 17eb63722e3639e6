"""Resampling of spatial dimensions."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from case import Row, t

from cases.common import FORWARD


def rows() -> list[Row]:
    """Resampling of spatial dimensions."""
    inputs = {
        "nearest": [(1, 2, 5), (1, 2, 3, 4), (1, 1, 2, 3, 2)],
        "nearest-exact": [(1, 2, 5), (1, 2, 3, 4), (1, 1, 2, 3, 2)],
        "linear": [(2, 2, 5)],
        "bilinear": [(1, 2, 3, 4)],
        "bicubic": [(1, 2, 4, 3)],
        "trilinear": [(1, 1, 3, 2, 3)],
        "area": [(1, 2, 5), (1, 2, 3, 4), (1, 1, 2, 3, 2)],
    }
    found = []
    for mode, shapes in inputs.items():
        corners = {"align_corners": True}
        weighted = mode in ("linear", "bilinear", "bicubic", "trilinear")
        # What falls between elements is rounded in single precision.
        dtypes = (
            ("float32", "float64", "float16") if weighted else ("float32", "float64", "bfloat16")
        )
        options = {"mode": mode, "dtypes": dtypes, "tolerance": 4, "second": False}
        for shape in shapes:
            size = tuple(2 * n - 1 for n in shape[2:])
            found += [
                Row("interpolate", t(*shape), size, **options),
                Row("interpolate", t(*shape), tuple(max(1, n - 1) for n in shape[2:]), **options),
                Row("interpolate", t(*shape), scale_factor=2.0, **options),
                # PyTorch's gradient of this one is not that of its result.
                Row(
                    "interpolate",
                    t(*shape),
                    scale_factor=1.3,
                    **options,
                    gradient=mode != "nearest" or len(shape) != 5,
                ),
                Row("interpolate", t(*shape), scale_factor=0.6, **options),
                Row(
                    "interpolate",
                    t(*shape),
                    scale_factor=1.7,
                    recompute_scale_factor=True,
                    **options,
                ),
            ]
            if weighted:
                found += [
                    Row("interpolate", t(*shape), size, **corners, **options),
                    Row("interpolate", t(*shape), 1, **corners, **options),
                    Row("interpolate", t(*shape), scale_factor=1.7, **corners, **options),
                    Row("interpolate", t(*shape), shape[2:], **options),
                ]
    found += [
        Row("interpolate", t(1, 2, 3, 4), label="default", scale_factor=(2, 3)),
        Row("interpolate", t(0, 2, 3, 4), scale_factor=2.0),
        Row("interpolate", t(1, 2, 3, 4), scale_factor=2.0, dtypes=("uint8",), **FORWARD),
        Row("interpolate", t(1, 2, 3, 4), 5, mode="bilinear", label="second", tolerance=4),
        Row("interpolate", t(1, 1, 7, 9), (3, 4), mode="bilinear", antialias=True, tolerance=4, second=False, dtypes=("float32", "float64")),
        Row("interpolate", t(1, 1, 7, 9), (9, 5), mode="bilinear", antialias=True, tolerance=4, second=False, dtypes=("float32", "float64")),
        Row("interpolate", t(1, 1, 7, 9), (3, 4), mode="bicubic", antialias=True, tolerance=8, second=False, dtypes=("float32", "float64")),
    ]  # fmt: skip
    return found
