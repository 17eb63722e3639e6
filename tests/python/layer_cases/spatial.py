"""Layers over spatial dimensions that have no weights."""

from __future__ import annotations

from typing import Any

from case import Input, positive, t

Case = tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]


def cases() -> list[Case]:
    """PyTorch's class, arguments, and inputs."""
    shapes = {1: (2, 3, 7), 2: (1, 2, 5, 6), 3: (1, 2, 4, 3, 5)}
    found: list[Case] = []
    for n, shape in shapes.items():
        x = [t(*shape)]
        found += [
            (f"MaxPool{n}d", (2,), {}, x),
            (f"MaxPool{n}d", (3, 2, 1), {}, x),
            (f"MaxPool{n}d", (2,), {"stride": 1, "dilation": 2}, x),
            (f"MaxPool{n}d", (2,), {"ceil_mode": True, "return_indices": True}, x),
            (f"AvgPool{n}d", (2,), {}, x),
            (f"AvgPool{n}d", (3, 2, 1, True, False), {}, x),
            (f"AdaptiveAvgPool{n}d", (2,), {}, x),
            (f"AdaptiveMaxPool{n}d", (2,), {}, x),
            (f"AdaptiveMaxPool{n}d", (1,), {"return_indices": True}, x),
            (f"LPPool{n}d", (2, 2), {}, [positive(*shape)]),
            (f"ZeroPad{n}d", (1,), {}, x),
            (f"ConstantPad{n}d", (tuple(range(2 * n)), 3.5), {}, x),
            (f"ReflectionPad{n}d", (1,), {}, x),
            (f"ReplicationPad{n}d", (tuple(range(2 * n)),), {}, x),
            (f"CircularPad{n}d", (2,), {}, x),
        ]
    image = [t(1, 8, 4, 6)]
    found += [
        ("AdaptiveAvgPool2d", ((None, 3),), {}, image),
        ("AvgPool2d", (2,), {"divisor_override": 3}, image),
        ("Upsample", (), {"scale_factor": 2}, image),
        ("Upsample", ((5, 9),), {"mode": "bilinear"}, image),
        ("Upsample", (), {"scale_factor": (1.5, 2.5), "mode": "bicubic"}, image),
        ("Upsample", (7,), {"mode": "linear", "align_corners": True}, [t(1, 2, 4)]),
        ("Upsample", (3,), {"mode": "trilinear"}, [t(1, 2, 2, 3, 2)]),
        ("UpsamplingNearest2d", (), {"scale_factor": 2}, image),
        ("UpsamplingBilinear2d", (), {"size": (3, 7)}, image),
        ("PixelShuffle", (2,), {}, image),
        ("PixelUnshuffle", (2,), {}, image),
        ("ChannelShuffle", (4,), {}, image),
        ("Unfold", ((2, 3),), {"padding": 1, "stride": 2}, image),
        ("Fold", ((3, 4), 2), {}, [t(1, 8, 6)]),
        ("Unflatten", (1, (2, 4)), {}, image),
        ("Flatten", (), {}, image),
    ]  # fmt: skip
    return found
