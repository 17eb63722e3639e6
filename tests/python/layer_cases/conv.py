"""Convolutional layers."""

from __future__ import annotations

from typing import Any

from case import Input, t


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Return class, arguments, options and inputs."""
    shapes = {1: (2, 4, 8), 2: (2, 4, 6, 7), 3: (2, 4, 4, 5, 4)}
    found: list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]] = []
    for d, shape in shapes.items():
        conv, transposed = f"Conv{d}d", f"ConvTranspose{d}d"
        found += [
            (conv, (4, 6, 3), {}, [t(*shape)]),
            (conv, (4, 6, 3, 2, 1), {}, [t(*shape[1:])]),
            (conv, (4, 6, 3), {"padding": "same", "groups": 2, "bias": False}, [t(*shape)]),
            (conv, (4, 2, 3), {"padding": 1, "padding_mode": "reflect"}, [t(*shape)]),
            (conv, (4, 2, 2), {"padding": "same", "padding_mode": "circular"}, [t(*shape)]),
            (conv, (4, 2, 3), {"padding": 2, "padding_mode": "replicate"}, [t(*shape)]),
            (conv, (4, 4, 3), {"groups": 4, "padding": 2, "dilation": 2}, [t(*shape)]),
            (transposed, (4, 6, 3), {}, [t(*shape)]),
            (transposed, (4, 2, 3, 2, 1, 1), {"groups": 2}, [t(*shape[1:])]),
            (transposed, (4, 3, 2), {"stride": 2, "dilation": 2, "bias": False}, [t(*shape)]),
        ]
    found += [
        ("Conv2d", (4, 3, (3, 2)), {"stride": (1, 2), "padding": (0, 1)}, [t(*shapes[2])]),
        ("ConvTranspose2d", (4, 3, (3, 2)), {"stride": (1, 2)}, [t(*shapes[2])]),
    ]
    return found
