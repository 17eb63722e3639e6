"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from case import Input, t


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Return class, arguments, options and inputs."""
    shapes = {1: (4, 3, 5), 2: (2, 3, 4, 3), 3: (2, 3, 2, 2, 3)}
    found: list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]] = []
    for d, shape in shapes.items():
        found += [
            (f"BatchNorm{d}d", (3,), {}, [t(*shape)]),
            (f"BatchNorm{d}d", (3,), {"eps": 0.1, "momentum": None}, [t(*shape)]),
            (f"BatchNorm{d}d", (3,), {"affine": False}, [t(*shape)]),
            (f"BatchNorm{d}d", (3,), {"track_running_stats": False}, [t(*shape)]),
            (f"InstanceNorm{d}d", (3,), {}, [t(*shape)]),
            (f"InstanceNorm{d}d", (3,), {"affine": True, "track_running_stats": True}, [t(*shape)]),
            (f"InstanceNorm{d}d", (3,), {}, [t(*shape[1:])]),
        ]
    found += [
        ("BatchNorm1d", (3,), {}, [t(6, 3)]),
        ("GroupNorm", (2, 4), {}, [t(2, 4, 3)]),
        ("GroupNorm", (4, 4, 0.1, False), {}, [t(2, 4, 3, 2)]),
        ("LayerNorm", ((3, 4),), {}, [t(2, 3, 4)]),
        ("LayerNorm", (4,), {"bias": False}, [t(2, 3, 4)]),
        ("LayerNorm", (4, 0.1, False), {}, [t(2, 4)]),
        ("RMSNorm", (4,), {}, [t(2, 4)]),
        ("RMSNorm", ([3, 4], 0.1), {"elementwise_affine": False}, [t(2, 3, 4)]),
        ("LocalResponseNorm", (2,), {}, [t(2, 4, 3)]),
        ("LocalResponseNorm", (3, 0.1, 0.5, 2.0), {}, [t(1, 5, 3, 2)]),
    ]
    return found
