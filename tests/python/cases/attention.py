"""Attention: masks, heads, broadcasting, rows that take nothing."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from backend import FLOATS
from case import Input, Row, booleans, integers, t, values

from cases.common import FORWARD, INF, SMOOTH_ONLY

SDPA = "scaled_dot_product_attention"
CAUSAL = {"is_causal": True}


def small(*shape: int) -> Input:
    """Numbers whose products do not saturate a softmax."""
    return t(*shape, low=-1.0, high=1.0)


def mask(content: Any) -> Input:
    """These bools."""
    return integers(content, "bool")


def heads(cf: Any, q: Any, k: Any, v: Any) -> Any:
    """Heads that are views of one row of features, as in a layer."""
    parts = [x.reshape(2, -1, 2, 3).transpose(1, 2) for x in (q, k, v)]
    return cf.nn.functional.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(2, 3, 6)


def mha(cf: Any, q: Any, k: Any, v: Any, w: Any, b: Any, o: Any, c: Any, **options: Any) -> Any:
    """Attention of two heads with packed projections; the weights only where they are wanted."""
    found = cf.nn.functional.multi_head_attention_forward(
        q, k, v, 4, 2, w, b, None, None, False, 0.0, o, c, **options
    )
    return [x for x in found if x is not None]


def multi_head() -> list[Row]:
    """Attention of several heads, with its projections."""
    op, p = "multi_head_attention_forward", (small(12, 4), small(12), small(4, 4), small(4))
    tight: Any = {"tolerance": 30, "dtypes": ("float32", "float64")}
    cheap: Any = {**tight, "second": False}

    def one(label: str, *inputs: Input, call: Any, **options: Any) -> Row:
        return Row(op, *inputs, *p, call=call, label=label, **{**cheap, **options})

    def self_attention(cf: Any, x: Any, *weights: Any) -> Any:
        return mha(cf, x, x, x, *weights)

    def unaveraged(cf: Any, x: Any, *weights: Any) -> Any:
        return mha(cf, x, x, x, *weights, average_attn_weights=False)

    def without_weights(cf: Any, x: Any, *weights: Any) -> Any:
        return mha(cf, x, x, x, *weights, need_weights=False)

    def encoder_decoder(cf: Any, q: Any, k: Any, *weights: Any) -> Any:
        return mha(cf, q, k, k, *weights, need_weights=False)

    def three(cf: Any, q: Any, k: Any, v: Any, *weights: Any) -> Any:
        return mha(cf, q, k, v, *weights)

    def masked(need_weights: bool) -> Any:
        def call(cf: Any, x: Any, padding: Any, own: Any, *weights: Any) -> Any:
            return mha(
                cf, x, x, x, *weights, key_padding_mask=padding, attn_mask=own, need_weights=need_weights
            )  # fmt: skip

        return call

    def causal(cf: Any, x: Any, own: Any, *weights: Any) -> Any:
        return mha(cf, x, x, x, *weights, attn_mask=own, is_causal=True, need_weights=False)

    def padded(cf: Any, x: Any, padding: Any, *weights: Any) -> Any:
        return mha(cf, x, x, x, *weights, key_padding_mask=padding, need_weights=False)

    def with_biases(need_weights: bool) -> Any:
        def call(
            cf: Any,
            x: Any,
            bias_k: Any,
            bias_v: Any,
            own: Any,
            padding: Any,
            w: Any,
            b: Any,
            o: Any,
            c: Any,
        ) -> Any:
            found = cf.nn.functional.multi_head_attention_forward(
                x, x, x, 4, 2, w, b, bias_k, bias_v, True, 0.0, o, c, attn_mask=own,
                key_padding_mask=padding, need_weights=need_weights,
            )  # fmt: skip
            return [y for y in found if y is not None]

        return call

    def separate(cf: Any, q: Any, k: Any, v: Any, wq: Any, wk: Any, wv: Any, b: Any, o: Any) -> Any:
        found = cf.nn.functional.multi_head_attention_forward(
            q, k, v, 4, 2, None, b, None, None, False, 0.0, o, None, use_separate_proj_weight=True,
            q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv,
        )  # fmt: skip
        return list(found)

    def static(cf: Any, q: Any, k: Any, v: Any, *weights: Any) -> Any:
        return mha(cf, q, q, q, *weights, static_k=k, static_v=v, need_weights=False)

    ahead = mask([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    padding = mask([[0, 0, 1], [0, 0, 0]])
    return [
        one("self", small(3, 2, 4), call=self_attention),
        one("self, one by one", small(3, 2, 4), call=unaveraged),
        one("self, output alone", small(2, 1, 4), call=without_weights, second=True),
        one("unbatched", small(3, 4), call=self_attention),
        one("unbatched, output alone", small(3, 4), call=without_weights),
        one("no position", small(0, 2, 4), call=without_weights, numeric=False),
        one("encoder and decoder", small(3, 2, 4), small(2, 2, 4), call=encoder_decoder),
        one("three inputs", small(2, 2, 4), small(3, 2, 4), small(3, 2, 4), call=three),
        one("masks of bools", small(3, 2, 4), padding, ahead, call=masked(True)),
        one("masks of bools, output alone", small(3, 2, 4), padding, ahead, call=masked(False)),
        one("masks of numbers", small(3, 2, 4), values([[0.0, 0.5, -1.0], [0.2, 0.1, -0.3]]), small(3, 3), call=masked(True)),
        one("masks of numbers, output alone", small(2, 2, 4), small(2, 2), small(4, 2, 2), call=masked(False)),
        one("masks of both kinds", small(3, 2, 4), padding, small(3, 3), call=masked(False)),
        one("causal", small(3, 2, 4), ahead, call=causal),
        one("padding", small(3, 2, 4), padding, call=padded),
        one("biases and zeros", small(3, 2, 4), small(1, 1, 4), small(1, 1, 4), ahead, padding, call=with_biases(True)),
        one("biases and zeros, output alone", small(3, 2, 4), small(1, 1, 4), small(1, 1, 4), ahead, padding, call=with_biases(False)),
        one("static", small(3, 2, 4), small(4, 5, 2), small(4, 5, 2), call=static),
        Row(op, small(2, 2, 4), small(3, 2, 3), small(3, 2, 5), small(4, 4), small(4, 3), small(4, 5), small(12), small(4, 4), call=separate, label="projections of their own", **cheap),
    ]  # fmt: skip


def rows() -> list[Row]:
    """Attention, of one head and of several."""
    tight: Any = {"tolerance": 10}
    shut = mask([[1, 0, 1], [0, 0, 0]])
    lower = values([[0.0, -INF, 0.5], [-INF, -INF, -INF]], grad=False)
    # So far below zero that nothing is left of the scores.
    far = values([[0.0, -1e30, 0.5], [-1e30, -1e30, -1e30]], grad=False)
    return [
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), **tight),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 5), scale=0.3, **tight),
        Row(SDPA, t(2, 2, 3), t(2, 3, 3), t(2, 3, 2), **tight),
        Row(SDPA, t(2, 2, 2, 3), t(2, 2, 3, 3), t(2, 2, 3, 2), second=False, **tight),
        Row(SDPA, t(1, 2, 1, 2, 2), t(2, 2, 1, 3, 2), t(1, 2, 1, 3, 2), second=False, **tight),
        Row(SDPA, t(2, 2, 3), t(3, 3), t(1, 3, 2), label="broadcast", **tight),
        Row(SDPA, t(3, 4), t(3, 4), t(3, 4), **CAUSAL, **tight),
        Row(SDPA, t(4, 2), t(2, 2), t(2, 2), **CAUSAL, **tight),
        Row(SDPA, t(2, 3), t(4, 3), t(4, 3), **CAUSAL, **tight),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), shut, label="shut", **tight),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), lower, label="infinite", **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), far, label="far below", dtypes=("float32", "float64"), **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), t(2, 3), label="mask with gradient", **tight),
        Row(SDPA, t(2, 2, 4), t(2, 3, 4), t(2, 3, 4), t(3), label="mask of a row", **tight),
        Row(SDPA, t(2, 2, 2, 3), t(2, 2, 3, 3), t(2, 2, 3, 3), t(2, 1, 1, 3), label="mask of a batch", **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(2, 2, 2, 3), t(2, 2, 3, 3), t(2, 2, 3, 3), booleans(2, 1, 2, 3), **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(1, 4, 2, 2), t(1, 2, 3, 2), t(1, 2, 3, 2), enable_gqa=True, **tight),
        Row(SDPA, t(4, 2, 2), t(2, 3, 2), t(2, 3, 2), enable_gqa=True, **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(2, 4, 3, 2), t(1, 1, 3, 2), t(1, 2, 3, 2), enable_gqa=True, is_causal=True, **{**SMOOTH_ONLY, **tight}),
        Row(SDPA, t(0, 4), t(3, 4), t(3, 4)),
        Row(SDPA, t(2, 4), t(0, 4), t(0, 4)),
        Row(SDPA, t(0, 2, 2, 4), t(0, 2, 3, 4), t(0, 2, 3, 4)),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 0), gradient=False),
        Row(SDPA, t(2, 3, 6), t(2, 4, 6), t(2, 4, 6), call=heads, label="heads as views", second=False, **tight),
        Row(SDPA, t(1, 300, 2), t(1, 700, 2), t(1, 700, 1), call=lambda cf, q, k, v: cf.nn.functional.scaled_dot_product_attention(q, k, v)[:, ::30], label="many blocks", gradient=False, tolerance=30),
        Row(SDPA, t(300, 2), t(300, 2), t(300, 1), call=lambda cf, q, k, v: cf.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[::30], label="many causal blocks", gradient=False, tolerance=30),
        Row(SDPA, t(2, 4), t(3, 4), t(3, 4), dropout_p=1.0, dtypes=FLOATS, **FORWARD),
        *multi_head(),
    ]  # fmt: skip
