"""Recurrent layers and their single steps."""

from __future__ import annotations

from typing import Any

from case import Input, t


def x(*shape: int) -> Input:
    """Inputs and states within ±1."""
    return t(*shape, low=-1.0, high=1.0)


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Return class, arguments, options and inputs."""
    found: list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]] = []
    for kind in ("RNN", "LSTM", "GRU"):
        found += [
            (kind, (3, 4), {}, [x(5, 2, 3)]),
            (kind, (3, 4), {}, [x(5, 3)]),
            (kind, (3, 4, 2), {"bidirectional": True}, [x(3, 2, 3)]),
            (kind, (3, 4), {"batch_first": True, "bias": False}, [x(2, 5, 3)]),
            (kind, (3, 4, 2), {"dropout": 0.5}, [x(4, 2, 3)]),
            (f"{kind}Cell", (3, 4), {}, [x(2, 3)]),
            (f"{kind}Cell", (3, 4), {}, [x(3)]),
            (f"{kind}Cell", (3, 4, False), {}, [x(2, 3)]),
        ]
    found += [
        ("RNN", (3, 4, 1, "relu"), {}, [x(3, 2, 3), x(1, 2, 4)]),
        ("RNN", (3, 4), {"nonlinearity": "relu"}, [x(3, 3), x(1, 4)]),
        ("GRU", (3, 4), {"bidirectional": True}, [x(3, 2, 3), x(2, 2, 4)]),
        ("LSTM", (3, 4), {"proj_size": 2}, [x(5, 2, 3)]),
        ("LSTM", (3, 4, 2), {"proj_size": 1, "bidirectional": True}, [x(3, 2, 3)]),
        ("RNNCell", (3, 4), {"nonlinearity": "relu"}, [x(2, 3), x(2, 4)]),
        ("GRUCell", (3, 4), {}, [x(2, 3), x(2, 4)]),
    ]
    return found
