"""Convolutions of one to three dimensions, and transposed ones."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, t

from cases.common import SMOOTH_ONLY

LOOSE: dict[str, Any] = {"tolerance": 8}


def rows() -> list[Row]:
    """Each option alone and together, both kinds of input, every number of dimensions."""
    return [*one(), *two(), *three(), *transposed(), *transposed_more(), *together()]


def one() -> list[Row]:
    """Rows of `conv1d`."""
    return [
        Row("conv1d", t(2, 2, 7), t(3, 2, 3), t(3), **LOOSE),
        Row("conv1d", t(2, 2, 7), t(3, 2, 3), **LOOSE),
        Row("conv1d", t(2, 7), t(3, 2, 3), t(3), **LOOSE),
        Row("conv1d", t(2, 2, 9), t(2, 2, 3), t(2), stride=2, padding=1, dilation=2, **LOOSE),
        Row("conv1d", t(1, 4, 6), t(4, 2, 2), t(4), groups=2, **LOOSE),
        Row("conv1d", t(1, 2, 6), t(2, 2, 4), padding="same", **LOOSE),
        Row("conv1d", t(2, 6), t(2, 2, 3), padding="same", dilation=2, **LOOSE),
        Row("conv1d", t(1, 2, 6), t(2, 2, 4), padding="valid", stride=(2,), **LOOSE),
        Row("conv1d", t(0, 2, 5), t(3, 2, 3), t(3), padding=1, **LOOSE),
        Row("conv1d", t(2, 1, 5), t(1, 1, 1), t(1), **LOOSE),
    ]


def two() -> list[Row]:
    """Rows of `conv2d`."""
    return [
        Row("conv2d", t(2, 2, 4, 5), t(3, 2, 3, 3), t(3), **LOOSE),
        Row("conv2d", t(2, 2, 4, 5), t(3, 2, 3, 3), **LOOSE),
        Row("conv2d", t(2, 4, 5), t(3, 2, 3, 3), t(3), padding=1, **LOOSE),
        Row("conv2d", t(1, 2, 5, 4), t(2, 2, 3, 3), t(2), padding=1, **LOOSE),
        Row("conv2d", t(1, 2, 6, 5), t(2, 2, 3, 2), t(2), stride=2, **LOOSE),
        Row("conv2d", t(1, 1, 7, 8), t(2, 1, 3, 2), t(2), stride=(2, 3), padding=(1, 0), **LOOSE),
        Row("conv2d", t(1, 1, 7, 6), t(2, 1, 2, 3), stride=(1, 2), padding=(2, 1), dilation=(3, 2), **LOOSE),
        Row("conv2d", t(1, 2, 5, 6), t(2, 2, 2, 3), dilation=2, padding=2, **LOOSE),
        Row("conv2d", t(2, 4, 4, 3), t(6, 2, 2, 2), t(6), groups=2, **LOOSE),
        Row("conv2d", t(2, 3, 4, 5), t(3, 1, 3, 3), t(3), groups=3, padding=1, **LOOSE),
        Row("conv2d", t(1, 2, 5, 5), t(4, 1, 3, 3), groups=2, padding=1, stride=2, **LOOSE),
        Row("conv2d", t(1, 3, 4, 4), t(5, 3, 1, 1), t(5), **LOOSE),
        Row("conv2d", t(1, 3, 5, 4), t(2, 3, 1, 1), stride=2, **LOOSE),
        Row("conv2d", t(1, 2, 4, 5), t(2, 2, 3, 3), t(2), padding="same", **LOOSE),
        Row("conv2d", t(1, 2, 4, 5), t(2, 2, 2, 4), padding="same", **LOOSE),
        Row("conv2d", t(2, 5, 4), t(2, 2, 2, 2), padding="same", dilation=(1, 3), **LOOSE),
        Row("conv2d", t(1, 2, 4, 5), t(2, 2, 2, 4), padding="valid", **LOOSE),
        Row("conv2d", t(1, 1, 3, 3), t(1, 1, 2, 2), padding=3, **LOOSE),
        Row("conv2d", t(1, 1, 3, 3), t(1, 1, 3, 3), **LOOSE),
        Row("conv2d", t(0, 2, 4, 5), t(3, 2, 3, 3), t(3), **LOOSE),
        Row("conv2d", t(0, 2, 4, 5), t(2, 1, 3, 3), groups=2, padding=1, **LOOSE),
        Row("conv2d", t(1, 1, 9, 9), t(8, 1, 5, 5), t(8), tolerance=20, **SMOOTH_ONLY),
        Row("conv2d", t(1, 9, 5, 4), t(9, 9, 3, 3), t(9), padding=1, tolerance=40, **SMOOTH_ONLY),
        Row("conv2d", t(1, 3, 9, 9), t(8, 3, 4, 4), stride=3, padding=2, tolerance=20, **SMOOTH_ONLY),
    ]  # fmt: skip


def three() -> list[Row]:
    """Rows of `conv3d`."""
    return [
        Row("conv3d", t(1, 2, 3, 4, 3), t(2, 2, 2, 2, 2), t(2), **LOOSE),
        Row("conv3d", t(2, 3, 4, 3), t(2, 2, 2, 2, 2), padding=1, **SMOOTH_ONLY, **LOOSE),
        Row("conv3d", t(1, 2, 4, 5, 3), t(2, 1, 3, 2, 1), t(2), stride=(2, 1, 2), padding=(1, 0, 1), dilation=(1, 2, 1), groups=2, **LOOSE),
        Row("conv3d", t(1, 1, 3, 3, 4), t(1, 1, 2, 3, 2), padding="same", **LOOSE),
        Row("conv3d", t(0, 2, 3, 4, 3), t(2, 2, 2, 2, 2), t(2), **LOOSE),
    ]  # fmt: skip


def transposed() -> list[Row]:
    """Rows of `conv_transpose2d`."""
    op = "conv_transpose2d"
    return [
        Row(op, t(2, 2, 3, 4), t(2, 3, 3, 3), t(3), **LOOSE),
        Row(op, t(2, 2, 3, 4), t(2, 3, 2, 2), **LOOSE),
        Row(op, t(2, 3, 4), t(2, 3, 3, 3), t(3), padding=1, **LOOSE),
        Row(op, t(1, 2, 3, 3), t(2, 2, 4, 4), t(2), stride=2, padding=1, **LOOSE),
        Row(op, t(1, 2, 3, 2), t(2, 2, 3, 3), t(2), stride=2, padding=1, output_padding=1, **LOOSE),
        Row(op, t(1, 1, 3, 2), t(1, 2, 3, 2), stride=(3, 2), padding=(1, 0), output_padding=(2, 1), dilation=(1, 2), **LOOSE),
        # PyTorch forgets the bias between the strides in half precision.
        Row(op, t(1, 2, 2, 3), t(2, 2, 1, 2), t(2), stride=3, dtypes=("float32", "float64"), **LOOSE),
        Row(op, t(1, 2, 2, 3), t(2, 2, 2, 2), dilation=3, output_padding=2, **LOOSE),
        Row(op, t(2, 4, 2, 3), t(4, 2, 2, 3), t(4), groups=2, stride=2, **LOOSE),
        Row(op, t(1, 3, 3, 3), t(3, 1, 3, 3), t(3), groups=3, padding=1, **LOOSE),
        Row(op, t(1, 3, 2, 3), t(3, 5, 1, 1), t(5), **LOOSE),
        Row(op, t(1, 2, 3, 3), t(2, 1, 2, 2), padding=1, **LOOSE),
        Row(op, t(0, 2, 3, 4), t(2, 3, 3, 3), t(3), **LOOSE),
        Row(op, t(1, 9, 4, 4), t(9, 9, 4, 4), t(9), stride=2, padding=1, tolerance=40, **SMOOTH_ONLY),
    ]  # fmt: skip


def transposed_more() -> list[Row]:
    """Rows of the other transposed convolutions."""
    return [
        Row("conv_transpose1d", t(2, 2, 4), t(2, 3, 3), t(3), **LOOSE),
        Row("conv_transpose1d", t(2, 4), t(2, 3, 3), t(3), stride=2, padding=1, output_padding=1, **LOOSE),
        Row("conv_transpose1d", t(1, 4, 3), t(4, 1, 3), t(2), groups=2, stride=2, dilation=2, **LOOSE),
        Row("conv_transpose1d", t(0, 2, 4), t(2, 3, 3), **LOOSE),
        Row("conv_transpose3d", t(1, 2, 2, 2, 3), t(2, 2, 2, 2, 2), t(2), **LOOSE),
        Row("conv_transpose3d", t(2, 2, 2, 3), t(2, 1, 3, 2, 1), t(2), stride=(2, 1, 2), padding=(1, 0, 0), output_padding=(1, 0, 1), groups=2, **LOOSE),
        Row("conv_transpose3d", t(0, 2, 2, 2, 3), t(2, 2, 2, 2, 2), t(2), **LOOSE),
    ]  # fmt: skip


def together() -> list[Row]:
    """Rows of several calls, and of inputs that are seen several times."""
    return [
        Row("conv2d", t(1, 2, 4, 4), t(2, 2, 2, 2), call=lambda cf, x, w: cf.nn.functional.conv2d(x.mT, w.flip(3)),
            label="views", **LOOSE),
        Row("conv2d", t(1, 2, 1, 4), t(1, 2, 2, 2),
            call=lambda cf, x, w: cf.nn.functional.conv2d(x.expand(2, 2, 3, 4), w.expand(3, 2, 2, 2)), label="expanded", **LOOSE),
        Row("conv2d", t(3, 3, 3, 3), call=lambda cf, x: cf.nn.functional.conv2d(x, x, padding=1), label="itself", tolerance=20),
        Row("conv2d", t(1, 1, 4, 4), t(2, 1, 2, 2), t(2, 1, 2, 2),
            call=lambda cf, x, w, v: cf.nn.functional.conv_transpose2d(cf.nn.functional.conv2d(x, w), v), label="there and back", **LOOSE),
    ]  # fmt: skip
