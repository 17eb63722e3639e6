"""The affine map, what passes on, and what is the way back from pooling."""

from __future__ import annotations

from typing import Any

from case import Input, integers, t

Case = tuple[str, tuple[Any, ...], dict[str, Any], list[Any]]


def cases() -> list[Case]:
    """PyTorch's class, arguments, options and inputs."""
    found: list[Case] = [
        ("Linear", (4, 3), {}, [t(5, 4)]),
        ("Linear", (4, 3), {"bias": False}, [t(2, 5, 4)]),
        ("Linear", (4, 1), {}, [t(4)]),
        ("Identity", (), {}, [t(2, 3)]),
    ]
    places: dict[int, Input] = {
        1: integers([[[1, 2, 5], [0, 3, 4]]]),
        2: integers([[[[0, 3], [9, 14]]]]),
        3: integers([[[[[0, 3], [9, 14]], [[16, 50], [41, 63]]]]]),
    }
    found += [(f"MaxUnpool{n}d", (2,), {}, [t(*index.shape), index]) for n, index in places.items()]
    return found
