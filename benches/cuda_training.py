"""Training steps and steps of optimizers on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from lines import Function, Line, array, network
from lines_attention import block
from lines_models import normalized, training
from lines_optim import clip, step
from resnet import WIDTHS, Widths, resnet18

BAR = 0.8
Shapes = list[tuple[int, ...]]


def residual(batch: int, size: int, widths: Widths) -> Callable[[ModuleType], Function]:
    """A step of ResNet-18: cross entropy of 1,000 classes, SGD with momentum."""

    def make(library: ModuleType) -> Function:
        return training(resnet18(library, widths), library, array(batch, 3, size, size))

    return make


def fused(shapes: Shapes) -> Callable[[ModuleType], Function]:
    """Adam; PyTorch's in the one launch that it makes when it is asked to."""

    def make(library: ModuleType) -> Function:
        options = {"fused": True} if library.__name__ == "torch" else {}
        return step("Adam", shapes, **options)(library)

    return make


def lines(tiny: bool) -> list[Line]:
    """The lines, or the same with next to nothing to compute."""
    sizes, rows = ([6, 5, 3], 4) if tiny else ([784, 512, 256, 10], 128)
    wide, many_rows = ([8, 12, 4], 4) if tiny else ([4096, 4096, 4096, 1000], 1024)
    batch, pixels = (2, 8) if tiny else (128, 32)
    images, side = (2, 32) if tiny else (64, 224)
    widths: Widths = (2, 2, 3, 4) if tiny else WIDTHS
    shape, heads = ((2, 3, 8), 2) if tiny else ((16, 512, 768), 12)
    options: dict[str, Any] = {
        "dim_feedforward": 4 * shape[-1],
        "activation": "gelu",
        "norm_first": True,
    }
    few: Shapes = [(4, 5)] if tiny else [(4096, 4096)]
    many: Shapes = [(3, 2)] * 5 if tiny else [(128, 128)] * 300
    count = f"{len(many)} tensors of {'x'.join(map(str, many[0]))}"
    found = []
    for tf32 in (False, True):
        what = "TF32" if tf32 else "f32"
        for name, make in (
            (f"MLP {'-'.join(map(str, sizes))}, batch {rows}", network(sizes, rows, True)),
            (f"MLP {'-'.join(map(str, wide))}, batch {many_rows}", network(wide, many_rows, True)),
            (
                f"CNN with batch norm, {pixels}x{pixels}, batch {batch}",
                lambda library: normalized(library, batch, pixels),
            ),
            (f"ResNet-18, {side}x{side}, batch {images}", residual(images, side, widths)),
            (
                f"transformer block, {'x'.join(map(str, shape))}",
                block(0.0, shape, heads, **options),
            ),
            (
                f"transformer block with dropout, {'x'.join(map(str, shape))}",
                block(0.1, shape, heads, **options),
            ),
        ):
            found.append(Line(f"training step, {name}, {what}", make, BAR, tf32=tf32))
    return [
        *found,
        Line(f"Adam step, {'x'.join(map(str, few[0]))}", step("Adam", few)),
        Line(f"Adam step, {count}", step("Adam", many)),
        Line(f"Adam step, {count} (PyTorch's fused)", fused(many)),
        Line(f"SGD momentum step, {count}", step("SGD", many, momentum=0.9)),
        Line(f"clip_grad_norm_, {count}", clip(many)),
    ]
