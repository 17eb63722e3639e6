"""Dropout as layers where chance decides nothing: PyTorch's class, arguments, options, inputs."""

from __future__ import annotations

from typing import Any

from case import Input, t


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Each layer with the probabilities 0 and 1."""
    shapes = {
        "Dropout": (2, 3),
        "Dropout1d": (2, 3, 4),
        "Dropout2d": (2, 3, 2, 2),
        "Dropout3d": (2, 3, 1, 2, 2),
        "AlphaDropout": (2, 3),
        "FeatureAlphaDropout": (2, 3, 2),
    }
    return [(name, (p,), {}, [t(*shape)]) for name, shape in shapes.items() for p in (0.0, 1.0)]
