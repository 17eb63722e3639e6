"""Tables looked up by number, and bilinear maps."""

from __future__ import annotations

from typing import Any

from case import index, integers, t


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Any]]]:
    """Return class, arguments, options and inputs."""
    numbers, starts = integers([1, 2, 2, 0, 3]), integers([0, 2, 2])
    return [
        ("Embedding", (5, 3), {}, [index(2, 3, below=5)]),
        ("Embedding", (5, 3, -2), {}, [integers([0, 3, 3])]),
        ("Embedding", (5, 3), {"max_norm": 0.4}, [integers([0, 3, 3])]),
        ("Embedding", (5, 3), {"max_norm": 0.4, "norm_type": 1.0}, [integers([0, 3])]),
        ("Embedding", (5, 3), {"scale_grad_by_freq": True}, [integers([0, 3, 3])]),
        ("EmbeddingBag", (4, 3), {}, [numbers, starts]),
        ("EmbeddingBag", (4, 3), {"mode": "sum"}, [index(2, 3, below=4)]),
        ("EmbeddingBag", (4, 3), {"mode": "sum"}, [numbers, starts, t(5)]),
        ("EmbeddingBag", (4, 3), {"mode": "max", "padding_idx": -2}, [numbers, starts]),
        ("EmbeddingBag", (4, 3), {"max_norm": 0.4, "norm_type": 3.0}, [numbers, starts]),
        ("EmbeddingBag", (4, 3), {"include_last_offset": True}, [numbers, integers([0, 2, 5])]),
        ("EmbeddingBag", (4, 3), {"scale_grad_by_freq": True}, [numbers, starts]),
        ("Bilinear", (3, 4, 2), {}, [t(2, 3), t(2, 4)]),
        ("Bilinear", (3, 2, 1, False), {}, [t(2, 2, 3), t(2, 2, 2)]),
    ]
