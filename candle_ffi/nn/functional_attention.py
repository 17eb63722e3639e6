"""Attention as functions."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi._ops import scaled_dot_product_attention
from candle_ffi.tensor import Tensor

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads, with its projections.

    Parameters
    ----------
    query, key, value : Tensor
        ``[L, N, E]``, ``[S, N, Ek]`` and ``[S, N, Ev]``, or all without ``N``.
    embed_dim_to_check : int
        ``E``.
    num_heads : int
        How many heads there are; divides ``E``.
    in_proj_weight, in_proj_bias : Tensor or None
        The three projections, ``[3E, E]`` and ``[3E]``.
    bias_k, bias_v : Tensor or None
        One more key and value, ``[1, 1, E]``.
    add_zero_attn : bool
        Whether there is one more key and value of zeros.
    dropout_p : float
        The probability that a weight is dropped in training.
    out_proj_weight, out_proj_bias : Tensor or None
        The projection of the result.
    training : bool, default True
        Whether weights are dropped.
    key_padding_mask : Tensor, optional
        ``[N, S]``: true for a key that is not taken, or numbers that are added.
    need_weights : bool, default True
        Whether the weights are returned; without them it is quicker.
    attn_mask : Tensor, optional
        ``[L, S]`` or ``[N·num_heads, L, S]``, likewise.
    use_separate_proj_weight : bool, default False
        Whether the next three stand for `in_proj_weight`.
    q_proj_weight, k_proj_weight, v_proj_weight : Tensor, optional
        Projections of their own.
    static_k, static_v : Tensor, optional
        Projected keys and values, ``[N·num_heads, S, E / num_heads]``.
    average_attn_weights : bool, default True
        Whether the weights are averaged over the heads.
    is_causal : bool, default False
        Says that `attn_mask` is the causal mask.
    batch_first : bool, default False
        Whether ``N`` is the first dimension (PyTorch's function has it the second always).

    Returns
    -------
    tuple of Tensor and Tensor or None
        The output in the shape of `query`, and the weights if they are wanted.

    Raises
    ------
    ShapeError
        The shapes do not fit.
    InvalidArgumentError
        `num_heads` does not divide ``E``, or `is_causal` comes without a mask.

    Notes
    -----
    `torch.nn.functional.multi_head_attention_forward`
    """
    output, weights = _ops.multi_head_attention_forward(
        query,
        key,
        value,
        embed_dim_to_check,
        num_heads,
        in_proj_weight,
        in_proj_bias,
        bias_k,
        bias_v,
        add_zero_attn,
        dropout_p,
        out_proj_weight,
        out_proj_bias,
        training,
        key_padding_mask,
        need_weights,
        attn_mask,
        use_separate_proj_weight,
        q_proj_weight,
        k_proj_weight,
        v_proj_weight,
        static_k,
        static_v,
        average_attn_weights,
        is_causal,
        batch_first,
    )
    return output, weights if need_weights else None
