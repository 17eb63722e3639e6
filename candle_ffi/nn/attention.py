"""Attention of several heads."""

from __future__ import annotations

from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.functional_attention import multi_head_attention_forward
from candle_ffi.nn.linear import Linear
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """The projection of the result, under PyTorch's name; made of weights that exist.

    Parameters
    ----------
    weight : Parameter
        ``[out_features, in_features]``
    bias : Parameter or None
        ``[out_features]``
    """

    def __init__(self, weight: Parameter, bias: Parameter | None) -> None:
        Module.__init__(self)
        self.out_features, self.in_features = weight.shape
        self.register_parameter("weight", weight)
        self.register_parameter("bias", bias)


class MultiheadAttention(Module):
    """Attention of several heads, with projections of query, key and value and one of the result.

    Each head is ``softmax(Q Kᵀ / √d) V`` on its ``d = embed_dim / num_heads`` features.

    Parameters
    ----------
    embed_dim : int
        Features of query and output.
    num_heads : int
        How many heads there are; divides `embed_dim`.
    dropout : float, default 0.0
        The probability that a weight is dropped in training.
    bias : bool, default True
        Whether the projections have biases.
    add_bias_kv : bool, default False
        Whether there is one more key and value, which are learnt.
    add_zero_attn : bool, default False
        Whether there is one more key and value of zeros.
    kdim, vdim : int, optional
        Features of key and value, where they are not `embed_dim`.
    batch_first : bool, default False
        Whether the batch is the first dimension rather than the second.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    in_proj_weight : Parameter or None
        The three projections, ``[3·embed_dim, embed_dim]``, at the start uniform as Xavier's;
        None when `kdim` or `vdim` differ, and then there are `q_proj_weight`, `k_proj_weight` and
        `v_proj_weight`.
    in_proj_bias : Parameter or None
        ``[3·embed_dim]``, at the start zeros.
    out_proj : Linear
        The projection of the result.
    bias_k, bias_v : Parameter or None
        ``[1, 1, embed_dim]``.

    Raises
    ------
    InvalidArgumentError
        `num_heads` does not divide `embed_dim`, or one of them is not positive.
    ShapeError
        The inputs or masks do not fit.

    Notes
    -----
    `torch.nn.MultiheadAttention`. Source: Vaswani and others, "Attention is all you need", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> attention = cf.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = cf.zeros(3, 5, 8)
    >>> output, weights = attention(x, x, x)
    >>> output.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise InvalidArgumentError(
                "embed_dim and num_heads must be greater than 0, "
                f"and are {embed_dim} and {num_heads}",
                operation="MultiheadAttention",
            )
        self.embed_dim = size(embed_dim, "MultiheadAttention", "embed_dim")
        self.num_heads = size(num_heads, "MultiheadAttention", "num_heads")
        if self.embed_dim % self.num_heads:
            raise InvalidArgumentError(
                f"embed_dim must be divisible by num_heads, and they are {embed_dim} "
                f"and {num_heads}",
                operation="MultiheadAttention",
            )
        self.kdim = embed_dim if kdim is None else size(kdim, "MultiheadAttention", "kdim")
        self.vdim = embed_dim if vdim is None else size(vdim, "MultiheadAttention", "vdim")
        self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = self.embed_dim // self.num_heads
        self.add_zero_attn = add_zero_attn
        projections = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        own: tuple[str, ...] = ("in_proj_weight",) if self._qkv_same_embed_dim else projections
        own += ("in_proj_bias",) * bool(bias) + ("bias_k", "bias_v") * bool(add_bias_kv)
        inner = ("out_proj.weight", "out_proj.bias")[: 1 + bool(bias)]
        weights = initial(
            own + inner,
            "py_multihead_attention_new",
            self.embed_dim,
            self.num_heads,
            dropout,
            bool(bias),
            bool(add_bias_kv),
            bool(add_zero_attn),
            [self.kdim],
            [self.vdim],
            bool(batch_first),
            *factory(dtype, device),
            None,  # the default generator
        )
        for name in (*projections, "in_proj_weight", "in_proj_bias", "bias_k", "bias_v"):
            self.register_parameter(name, weights.get(name))
        self.out_proj = NonDynamicallyQuantizableLinear(
            weights["out_proj.weight"], weights.get("out_proj.bias")
        )

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output and, if they are wanted, the weights.

        Parameters
        ----------
        query, key, value : Tensor
            ``[L, N, embed_dim]``, ``[S, N, kdim]`` and ``[S, N, vdim]``; with `batch_first`, ``N``
            comes first; or all without ``N``.
        key_padding_mask : Tensor, optional
            ``[N, S]`` or ``[S]``: true for a key that is not taken, or numbers that are added.
        need_weights : bool, default True
            Whether the weights are returned; without them it is quicker.
        attn_mask : Tensor, optional
            ``[L, S]`` or ``[N·num_heads, L, S]``, likewise.
        average_attn_weights : bool, default True
            Whether the weights are averaged over the heads.
        is_causal : bool, default False
            Says that `attn_mask` is the causal mask, which then need not be read.

        Returns
        -------
        tuple of Tensor and Tensor or None
            The output in the shape of `query`; the weights ``[N, L, S]``, or
            ``[N, num_heads, L, S]`` when they are not averaged.
        """
        return multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            batch_first=self.batch_first and len(query.shape) == 3,
        )
