"""Activations as layers: PyTorch's class, arguments, options, inputs."""

from __future__ import annotations

from typing import Any

from case import Input, nonzero, t


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Each layer with its default options and others."""
    plain = (
        "ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Softplus Softsign Softshrink "
        "Hardshrink Tanhshrink Tanh Sigmoid LogSigmoid Hardtanh Hardswish Hardsigmoid GLU"
    )
    found: list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]] = [
        (name, (), {}, [nonzero(3, 4)]) for name in plain.split()
    ]
    return [
        *found,
        ("ReLU", (), {"inplace": True}, [nonzero(3, 4)]),
        ("LeakyReLU", (0.3,), {}, [nonzero(3, 4)]),
        ("PReLU", (4, 0.1), {}, [nonzero(3, 4, 2)]),
        ("RReLU", (0.2, 0.2), {}, [nonzero(3, 4)]),
        ("ELU", (2.0,), {}, [nonzero(3, 4)]),
        ("CELU", (), {"alpha": 2.0}, [nonzero(3, 4)]),
        ("GELU", (), {"approximate": "tanh"}, [nonzero(3, 4)]),
        ("Softplus", (2.0,), {"threshold": 3.0}, [nonzero(3, 4)]),
        ("Softshrink", (0.3,), {}, [nonzero(3, 4)]),
        ("Hardshrink", (0.3,), {}, [nonzero(3, 4)]),
        ("Hardtanh", (-2.0, 0.7), {}, [nonzero(3, 4)]),
        ("Threshold", (0.2, 5.0), {}, [nonzero(3, 4)]),
        ("GLU", (0,), {}, [t(4, 3)]),
        ("Softmax", (1,), {}, [t(2, 3)]),
        ("LogSoftmax", (), {"dim": 0}, [t(2, 3)]),
        ("Softmin", (1,), {}, [t(2, 3)]),
        ("Softmax2d", (), {}, [t(2, 3, 2, 2)]),
        ("Softmax2d", (), {}, [t(3, 2, 2)]),
    ]
