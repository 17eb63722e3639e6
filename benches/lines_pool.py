"""Pooling, forward alone and with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from lines import Function, Line, array

__all__ = ["LINES"]

#: The function, the shape of its input, its options.
POOLS: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("max_pool2d", (64, 32, 56, 56), (2,)),
    ("max_pool2d", (16, 64, 112, 112), (3, 2, 1)),
    ("max_pool1d", (32, 64, 1024), (2,)),
    ("max_pool3d", (4, 16, 32, 32, 32), (2,)),
    ("avg_pool2d", (64, 32, 56, 56), (2,)),
    ("avg_pool2d", (16, 64, 56, 56), (3, 1, 1)),
    ("adaptive_avg_pool2d", (64, 512, 7, 7), (1,)),
    ("adaptive_avg_pool2d", (16, 64, 56, 56), (1,)),
    ("adaptive_max_pool2d", (16, 64, 56, 56), (7,)),
]


def forward(
    name: str, shape: tuple[int, ...], options: tuple[int, ...]
) -> Callable[[ModuleType], Function]:
    """The call on a tensor that needs no gradient."""

    def make(library: ModuleType) -> Function:
        x, pool = library.from_numpy(array(*shape)), getattr(library.nn.functional, name)
        return lambda: pool(x, *options)

    return make


def with_gradient(
    name: str, shape: tuple[int, ...], options: tuple[int, ...]
) -> Callable[[ModuleType], Function]:
    """The call and the way back from a gradient that is not constant."""

    def make(library: ModuleType) -> Function:
        x = library.from_numpy(array(*shape)).requires_grad_()
        pool = getattr(library.nn.functional, name)
        start = library.from_numpy(array(*pool(x, *options).shape))

        def step() -> None:
            x.grad = None
            pool(x, *options).backward(start)

        return step

    return make


def title(name: str, shape: tuple[int, ...], options: tuple[int, ...]) -> str:
    """What the table calls a line."""
    return f"{name} {' '.join(map(str, options))}, {'x'.join(map(str, shape))}"


LINES: list[Line] = [
    line
    for pool in POOLS
    for line in (
        Line(title(*pool), forward(*pool), 0.7),
        Line(f"{title(*pool)}, and its gradient", with_gradient(*pool), 0.7),
    )
]
