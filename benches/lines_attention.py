"""Attention, transformers and small linear layers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from lines import Function, Line, array, put

BAR = 0.7


def attention(
    batch: int,
    heads: int,
    length: int,
    width: int,
    backward: bool = False,
    dtype: str = "float32",
    **options: Any,
) -> Callable[[ModuleType], Function]:
    """Scaled dot product attention of heads that are views, as a layer has them."""

    def make(library: ModuleType) -> Function:
        numbers = array(3, batch, length, heads, width)
        tensors = [put(library, part).to(getattr(library, dtype)) for part in numbers]
        function = library.nn.functional.scaled_dot_product_attention
        if not backward:
            q, k, v = (x.transpose(1, 2) for x in tensors)
            return lambda: function(q, k, v, **options)
        for x in tensors:
            x.requires_grad_()
        slope = put(library, array(batch, heads, length, width)).to(getattr(library, dtype))

        def step() -> None:
            for x in tensors:
                x.grad = None
            q, k, v = (x.transpose(1, 2) for x in tensors)
            function(q, k, v, **options).backward(slope)

        return step

    return make


def block(
    dropout: float, shape: tuple[int, int, int] = (8, 256, 512), heads: int = 8, **options: Any
) -> Callable[[ModuleType], Function]:
    """A training step of a transformer's encoder layer: forward, backward, SGD."""

    def make(library: ModuleType) -> Function:
        layer = library.nn.TransformerEncoderLayer(
            shape[-1], heads, dropout=dropout, batch_first=True, **options
        )
        layer = put(library, layer)
        optimizer = library.optim.SGD(layer.parameters(), lr=0.01)
        x = put(library, array(*shape))

        def step() -> None:
            optimizer.zero_grad()
            layer(x).square().mean().backward()
            optimizer.step()

        return step

    return make


def linear(rows: int, features: int, out: int, backward: bool) -> Callable[[ModuleType], Function]:
    """A linear layer, alone or with its gradients."""

    def make(library: ModuleType) -> Function:
        layer = library.nn.Linear(features, out)
        x = library.from_numpy(array(rows, features))
        if not backward:
            return lambda: layer(x)
        x.requires_grad_()
        slope = library.from_numpy(array(rows, out))

        def step() -> None:
            x.grad = layer.weight.grad = layer.bias.grad = None
            layer(x).backward(slope)

        return step

    return make


def embedding_bag(library: ModuleType) -> Function:
    """Means of bags of 20 rows of 64, and the gradient of the table."""
    weight = library.from_numpy(array(10_000, 64)).requires_grad_()
    numbers = library.from_numpy(np.random.RandomState(0).randint(0, 10_000, (512, 20)))
    function = library.nn.functional.embedding_bag

    def step() -> None:
        weight.grad = None
        function(numbers, weight).sum().backward()

    return step


LINES: list[Line] = [
    Line("attention 8x8x256x64", attention(8, 8, 256, 64), BAR),
    Line("attention 8x8x256x64, causal", attention(8, 8, 256, 64, is_causal=True), BAR),
    Line("attention 1x8x2048x64", attention(1, 8, 2048, 64), BAR),
    Line("attention 8x8x256x64 and gradients", attention(8, 8, 256, 64, True), BAR),
    Line("attention 1x8x2048x64 and gradients", attention(1, 8, 2048, 64, True), BAR),
    Line("training step, transformer block, batch 8x256", block(0.0), BAR),
    Line("training step, transformer block with dropout", block(0.1), BAR),
    Line(
        "training step, transformer block, norm first, gelu",
        block(0.0, norm_first=True, activation="gelu"),
        BAR,
    ),
    Line("linear 8x512x512", linear(8, 512, 512, False), BAR),
    Line("linear 64x512x256", linear(64, 512, 256, False), BAR),
    Line("linear 64x512x256 and gradients", linear(64, 512, 256, True), BAR),
    Line("linear 2048x512x2048 and gradients", linear(2048, 512, 2048, True), BAR),
    Line("embedding_bag 512x20 of 10,000x64 and gradient", embedding_bag),
]
