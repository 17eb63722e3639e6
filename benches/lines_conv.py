"""Convolutions: the usual kinds, forward, and with the gradients of input, weight and bias."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lines import Function, Line, array

Shapes = tuple[tuple[int, ...], tuple[int, ...], int]

#: Input, weight, channels of the result; function and options.
KINDS: dict[str, tuple[Shapes, str, dict[str, Any]]] = {
    "3x3, 64 to 64, 56x56, batch 16": (
        ((16, 64, 56, 56), (64, 64, 3, 3), 64), "conv2d", {"padding": 1},
    ),
    "1x1, 64 to 256, 56x56, batch 16": (
        ((16, 64, 56, 56), (256, 64, 1, 1), 256), "conv2d", {},
    ),
    "7x7 stride 2, 3 to 64, 224x224, batch 4": (
        ((4, 3, 224, 224), (64, 3, 7, 7), 64), "conv2d", {"stride": 2, "padding": 3},
    ),
    "depthwise 3x3, 128, 56x56, batch 16": (
        ((16, 128, 56, 56), (128, 1, 3, 3), 128), "conv2d", {"padding": 1, "groups": 128},
    ),
    "1-d of 5, 64 to 128, 1024, batch 16": (
        ((16, 64, 1024), (128, 64, 5), 128), "conv1d", {"padding": 2},
    ),
    "transposed 4x4 stride 2, 64 to 32, 28x28, batch 16": (
        ((16, 64, 28, 28), (64, 32, 4, 4), 32), "conv_transpose2d", {"stride": 2, "padding": 1},
    ),
    "5x5, 1 to 6, 28x28, batch 64": (
        ((64, 1, 28, 28), (6, 1, 5, 5), 6), "conv2d", {},
    ),
    "5x5, 6 to 16, 12x12, batch 64": (
        ((64, 6, 12, 12), (16, 6, 5, 5), 16), "conv2d", {},
    ),
}  # fmt: skip


def _forward(library: ModuleType, name: str) -> Function:
    """The convolution of this name."""
    (shape, weight_shape, channels), function, options = KINDS[name]
    x, w, b = (library.from_numpy(array(*s)) for s in (shape, weight_shape, (channels,)))
    call = getattr(library.nn.functional, function)
    return lambda: call(x, w, b, **options)


def _step(library: ModuleType, name: str) -> Function:
    """The same, and the gradients of input, weight and bias."""
    (shape, weight_shape, channels), function, options = KINDS[name]
    leaves = [
        library.from_numpy(array(*s)).requires_grad_() for s in (shape, weight_shape, (channels,))
    ]
    call = getattr(library.nn.functional, function)
    grad = library.from_numpy(array(*call(*leaves, **options).shape))

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        call(*leaves, **options).backward(grad)

    return step


LINES: list[Line] = [
    Line(f"conv {name}{what}", lambda library, name=name, make=make: make(library, name), 0.7)
    for name in KINDS
    for what, make in ((", forward", _forward), (", forward and backward", _step))
]
