"""Products of matrices, convolutions and attention on a GPU, in the dtypes it has units for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
from lines import Function, Line, array, put
from lines_attention import attention

#: How the table calls a dtype, its name, whether it is rounded to TF32.
DTYPES = (
    ("f32", "float32", False),
    ("TF32", "float32", True),
    ("f16", "float16", False),
    ("bf16", "bfloat16", False),
)


@cache
def square(size: int) -> np.ndarray:
    """A large matrix takes seconds to draw, so all lines share one."""
    return array(size, size)


def product(size: int, dtype: str) -> Callable[[ModuleType], Function]:
    """A product of square matrices."""

    def make(library: ModuleType) -> Function:
        x, y = (put(library, square(size)).to(getattr(library, dtype)) for _ in range(2))
        function = library.matmul
        return lambda: function(x, y)

    return make


def conv(
    image: tuple[int, int, int, int],
    weight: tuple[int, int, int, int],
    padding: int,
    dtype: str,
    backward: bool,
) -> Callable[[ModuleType], Function]:
    """A convolution, alone or with the gradients of input, weight and bias."""

    def make(library: ModuleType) -> Function:
        shapes = (image, weight, weight[:1])
        leaves = [put(library, array(*shape)).to(getattr(library, dtype)) for shape in shapes]
        call = library.nn.functional.conv2d
        if not backward:
            return lambda: call(*leaves, padding=padding)
        for leaf in leaves:
            leaf.requires_grad_()
        numbers = array(*call(*leaves, padding=padding).shape)
        slope = put(library, numbers).to(getattr(library, dtype))

        def step() -> None:
            for leaf in leaves:
                leaf.grad = None
            call(*leaves, padding=padding).backward(slope)

        return step

    return make


def convolutions(tiny: bool) -> list[Line]:
    """3x3 and 1x1, as in the second stage of a residual network."""
    batch, channels, size = (1, 2, 4) if tiny else (64, 64, 56)
    image = (batch, channels, size, size)
    found = []
    for kernel, out in ((3, channels), (1, 4 * channels)):
        weight = (out, channels, kernel, kernel)
        operations = 2 * batch * size * size * out * channels * kernel * kernel
        for called, dtype, tf32 in DTYPES:
            for backward in (False, True):
                name = f"conv {kernel}x{kernel}, {channels} to {out}, {size}x{size}, batch {batch}"
                found.append(
                    Line(
                        f"{name}, {called}{', and gradients' if backward else ''}",
                        conv(image, weight, kernel // 2, dtype, backward),
                        work=operations * (3 if backward else 1) / 1e12,
                        rate="TFLOP/s",
                        tf32=tf32,
                    )
                )
    return found


def attentions(tiny: bool) -> list[Line]:
    """Batch, heads, length and width of a small language model, and one long sequence."""
    sizes = [(1, 2, 5, 8)] if tiny else [(8, 16, 1024, 64), (1, 16, 8192, 64)]
    found = []
    for size in sizes:
        batch, heads, length, width = size
        operations = 4 * batch * heads * length * length * width
        for called, dtype, tf32 in DTYPES:
            for backward in (False, True):
                name = f"attention {'x'.join(map(str, size))}, {called}"
                found.append(
                    Line(
                        f"{name}{', and gradients' if backward else ''}",
                        attention(*size, backward, dtype),
                        work=operations * (3.5 if backward else 1) / 1e12,
                        rate="TFLOP/s",
                        tf32=tf32,
                    )
                )
        found.append(
            Line(
                f"attention {'x'.join(map(str, size))}, f16, causal",
                attention(*size, False, "float16", is_causal=True),
            )
        )
    return found


def lines(tiny: bool) -> list[Line]:
    """The lines, or the same with next to nothing to compute."""
    products = [
        Line(
            f"matmul {size}x{size}x{size}, {called}",
            product(size, dtype),
            0.95,
            work=2 * size**3 / 1e12,
            rate="TFLOP/s",
            tf32=tf32,
        )
        for size in ((8, 12, 16) if tiny else (1024, 4096, 8192))
        for called, dtype, tf32 in DTYPES
    ]
    return products + convolutions(tiny) + attentions(tiny)
