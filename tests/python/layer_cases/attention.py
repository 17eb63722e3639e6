"""Attention and transformers."""

from __future__ import annotations

from typing import Any

from case import Input, integers, t
from cases.common import INF


def TransformerEncoder(  # noqa: N802
    nn: Any, *layer: Any, norm: bool = False, batch_first: bool = False
) -> Any:
    """Two encoder layers."""
    one = nn.TransformerEncoderLayer(*layer, batch_first=batch_first)
    last = nn.LayerNorm(layer[0]) if norm else None
    return nn.TransformerEncoder(one, 2, last, enable_nested_tensor=False)


def TransformerDecoder(nn: Any, *layer: Any, norm: bool = False) -> Any:  # noqa: N802
    """Two decoder layers."""
    last = nn.LayerNorm(layer[0]) if norm else None
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(*layer), 2, last)


def mask(content: Any) -> Input:
    """These bools."""
    return integers(content, "bool")


def cases() -> list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Any]]]:
    """Return class, arguments, options and inputs."""
    ahead = mask([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    added = Input((3, 3), values=[[0, -INF, -INF], [0, 0, -INF], [0, 0.5, 0]], grad=False)
    padding = mask([[0, 0, 1], [0, 0, 0]])
    lighter = Input((2, 3), values=[[0, 0.5, -INF], [0, 0, -1]], grad=False)
    attention, first = "MultiheadAttention", {"batch_first": True}
    x, qkv = t(3, 2, 4), [t(2, 2, 4), t(3, 2, 4), t(3, 2, 4)]
    encoder, decoder = "TransformerEncoderLayer", "TransformerDecoderLayer"
    small = (4, 2, 6, 0.0)
    return [
        (attention, (4, 2), {}, qkv),
        (attention, (4, 1), {"bias": False}, qkv),
        (attention, (4, 2), {"add_bias_kv": True, "add_zero_attn": True}, [*qkv, padding]),
        (attention, (4, 2), {"kdim": 3, "vdim": 5}, [t(2, 2, 4), t(3, 2, 3), t(3, 2, 5)]),
        (attention, (4, 2), {"kdim": 3, "bias": False}, [t(2, 4), t(3, 3), t(3, 4)]),
        (attention, (4, 2), first, [t(2, 2, 4), t(2, 3, 4), t(2, 3, 4), padding, False]),
        (attention, (4, 2), first, [t(2, 3, 4)] * 3 + [None, True, ahead, False]),
        (attention, (4, 2), first, [t(2, 3, 4)] * 3 + [lighter, True, added]),
        (attention, (4, 4), first, [t(3, 4)] * 3 + [None, False, ahead, True, True]),
        (attention, (4, 2), {}, [t(3, 2, 4)] * 3 + [None, False, ahead, True, True]),
        (encoder, small, {}, [x]),
        (encoder, small, {}, [x, ahead]),
        (encoder, small, {"activation": "gelu", "norm_first": True}, [x, added, lighter]),
        (encoder, small, {"bias": False, "layer_norm_eps": 0.1}, [t(3, 4)]),
        (encoder, small, first, [t(2, 3, 4), None, padding]),
        (encoder, (4, 2, 6), {"dropout": 0.5}, [x]),
        (decoder, small, {}, [t(3, 2, 4), t(2, 2, 4)]),
        (decoder, small, {}, [x, t(2, 2, 4), ahead, None, padding, mask([[0, 1], [0, 0]])]),
        (decoder, small, {"norm_first": True, "bias": False}, [t(3, 4), t(2, 4), None, t(3, 2)]),
        (decoder, small, {**first, "activation": "gelu"}, [t(2, 3, 4), t(2, 2, 4)]),
        (decoder, (4, 2, 6), {"dropout": 0.5}, [x, t(2, 2, 4)]),
        (TransformerEncoder, small, {}, [x]),
        (TransformerEncoder, small, {"norm": True, **first}, [t(2, 3, 4), ahead, padding]),
        (TransformerDecoder, small, {}, [x, t(2, 2, 4)]),
        (TransformerDecoder, small, {"norm": True}, [x, t(2, 2, 4), added]),
        ("Transformer", (4, 2, 1, 1, 6, 0.0), {}, [t(2, 2, 4), t(3, 2, 4)]),
        (
            "Transformer",
            (4, 2, 1, 2, 6, 0.0, "gelu"),
            {"norm_first": True, **first},
            [t(2, 3, 4), t(2, 3, 4), None, ahead, None, padding, padding, padding],
        ),
    ]
