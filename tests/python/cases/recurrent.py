"""Recurrent layers and their single steps."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import backend
from case import Input, Row, integers, t

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
DTYPES = ("float32", "float64")


def small(*shape: int) -> Input:
    """Weights, inputs and states within ±1."""
    return t(*shape, low=-1.0, high=1.0)


def weights(
    kind: str, size: int, hidden: int, layers: int = 1, directions: int = 1, bias: bool = True,
    projection: int = 0,
) -> list[Input]:  # fmt: skip
    """All weights of a layer, in PyTorch's order."""
    state, maps = projection or hidden, GATES[kind] * hidden
    found = []
    for layer in range(layers):
        for _ in range(directions):
            found += [small(maps, size if layer == 0 else state * directions), small(maps, state)]
            if bias:
                found += [small(maps), small(maps)]
            if projection:
                found.append(small(projection, hidden))
    return found


def packed(kind: str) -> Any:
    """PyTorch's overload for packed sequences, which is an operation of its own here."""

    def call(library: ModuleType, *arguments: Any) -> Any:
        name = kind if library.__name__ == "torch" else f"{kind}_packed"
        return getattr(library, name)(*arguments)

    return call


def layer(
    kind: str, steps: int, sequences: int, size: int = 2, hidden: int = 2, layers: int = 1,
    bidirectional: bool = False, bias: bool = True, batch_first: bool = False,
    projection: int = 0, sizes: list[int] | None = None, **options: Any,
) -> Row:  # fmt: skip
    """One call of a whole layer."""
    directions = 2 if bidirectional else 1
    count = layers * directions
    states: Any = small(count, sequences, projection or hidden)
    if kind == "lstm":
        states = [states, small(count, sequences, hidden)]
    params = weights(kind, size, hidden, layers, directions, bias, projection)
    ways = (bias, layers, 0.0, True, bidirectional)
    label = options.pop("label", f"{'packed ' if sizes else ''}{layers} layers")
    options.setdefault("dtypes", DTYPES)
    options.setdefault("tolerance", 20.0)
    if sizes is not None:
        data = small(sum(sizes), size)
        arguments = (data, integers(sizes), states, params, *ways)
        return Row(
            kind, *arguments, label=label, call=packed(kind), covers=f"{kind}_packed", **options
        )
    shape = (sequences, steps, size) if batch_first else (steps, sequences, size)
    return Row(kind, small(*shape), states, params, *ways, batch_first, label=label, **options)


def one_step(kind: str, sequences: int, bias: bool = True, **options: Any) -> Row:
    """One call of a cell."""
    size, hidden = 3, 2
    states: Any = small(sequences, hidden)
    if kind == "lstm":
        states = [states, small(sequences, hidden)]
    options.setdefault("dtypes", backend.FLOATS)
    return Row(
        f"{kind}_cell", small(sequences, size), states, *weights(kind, size, hidden, bias=bias),
        tolerance=20.0, **options,
    )  # fmt: skip


def rows() -> list[Row]:
    """Recurrent layers and their single steps."""
    found = []
    for kind in GATES:
        # A ReLU has kinks, near which differences mean nothing.
        smooth = {"numeric": False, "second": False} if kind == "rnn_relu" else {}
        found += [
            layer(kind, 3, 2, **smooth),
            layer(kind, 1, 1, size=3, **smooth),
            layer(kind, 2, 2, layers=2, bidirectional=True, **smooth),
            layer(kind, 2, 3, bias=False, batch_first=True, **smooth),
            layer(kind, 2, 0, second=False),
            layer(kind, 2, 2, hidden=17, second=False, numeric=False),
            layer(kind, 3, 3, sizes=[3, 2, 1], **smooth),
            layer(kind, 3, 3, sizes=[3, 3, 1], layers=2, bidirectional=True, second=False,
                  numeric=False),
            one_step(kind, 2, **smooth),
            one_step(kind, 1, bias=False, **smooth),
            one_step(kind, 0, second=False),
        ]  # fmt: skip
    found += [
        layer("lstm", 3, 2, hidden=3, projection=2),
        layer("lstm", 2, 2, hidden=3, projection=1, layers=2, bidirectional=True, second=False),
        layer("lstm", 2, 2, hidden=3, projection=2, sizes=[2, 1]),
        layer("lstm", 3, 2, label="small", dtypes=("float16", "bfloat16")),
        layer("gru", 3, 2, label="small", dtypes=("float16", "bfloat16")),
    ]
    return found
