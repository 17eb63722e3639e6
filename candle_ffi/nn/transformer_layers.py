"""The layers of a transformer: that of the encoder, and that of the decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.attention import MultiheadAttention
from candle_ffi.nn.dropout import Dropout
from candle_ffi.nn.linear import Linear
from candle_ffi.nn.module import Module
from candle_ffi.nn.normalization import LayerNorm
from candle_ffi.tensor import Tensor

__all__ = ["Activation", "TransformerDecoderLayer", "TransformerEncoderLayer"]

Activation = Literal["relu", "gelu"] | Callable[[Tensor], Tensor]


def _activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    if activation == "relu":
        return F.relu
    if activation == "gelu":
        return F.gelu
    raise InvalidArgumentError(
        f"activation should be relu or gelu, not {activation!r}", operation="Transformer"
    )


class TransformerEncoderLayer(Module):
    """Attention of a sequence to itself, and a feed-forward network.

    Each has a norm, and a way around it.

    Parameters
    ----------
    d_model : int
        Features of a position.
    nhead : int
        Heads of an attention; divides `d_model`.
    dim_feedforward : int, default 2048
        Features between the two linear maps.
    dropout : float, default 0.1
        The probability of zero, in training.
    activation : {"relu", "gelu"} or callable, default relu
        What stands between the two linear maps.
    layer_norm_eps : float, default 1e-5
        The eps of the norms.
    batch_first : bool, default False
        Whether the batch is the first dimension rather than the second.
    norm_first : bool, default False
        Whether each part is given its norm before rather than after.
    bias : bool, default True
        Whether linear maps and norms have biases.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        `nhead` does not divide `d_model`, or there is no such activation.

    Notes
    -----
    `torch.nn.TransformerEncoderLayer`. Source: Vaswani and others, "Attention is all you
    need", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    >>> layer(cf.zeros(2, 5, 16)).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        factory: Any = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **factory
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **factory)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **factory)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return what becomes of a sequence, in its shape.

        Parameters
        ----------
        src : Tensor
            ``[S, N, d_model]``, or ``[N, S, d_model]`` with `batch_first`, or ``[S, d_model]``.
        src_mask : Tensor, optional
            ``[S, S]`` or ``[N·nhead, S, S]``: true where a position is not taken, or numbers
            to add.
        src_key_padding_mask : Tensor, optional
            ``[N, S]`` or ``[S]``, likewise.
        is_causal : bool, default False
            Says that `src_mask` is the causal mask.
        """
        x: Tensor = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            x = x + self._ff_block(self.norm2(x))
        else:
            x = self.norm1(x + self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
            x = self.norm2(x + self._ff_block(x))
        return x

    def _sa_block(
        self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool
    ) -> Tensor:
        x = self.self_attn(
            x,
            x,
            x,
            attn_mask=mask,
            key_padding_mask=padding,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        output: Tensor = self.dropout1(x)
        return output

    def _ff_block(self, x: Tensor) -> Tensor:
        x = self.linear2(self.dropout(self.activation(self.linear1(x))))
        output: Tensor = self.dropout2(x)
        return output


class TransformerDecoderLayer(Module):
    """Attention of a sequence to itself and to a memory, and a feed-forward network.

    Parameters
    ----------
    d_model : int
        Features of a position.
    nhead : int
        Heads of an attention; divides `d_model`.
    dim_feedforward : int, default 2048
        Features between the two linear maps.
    dropout : float, default 0.1
        The probability of zero, in training.
    activation : {"relu", "gelu"} or callable, default relu
        What stands between the two linear maps.
    layer_norm_eps : float, default 1e-5
        The eps of the norms.
    batch_first : bool, default False
        Whether the batch is the first dimension rather than the second.
    norm_first : bool, default False
        Whether each part is given its norm before rather than after.
    bias : bool, default True
        Whether linear maps and norms have biases.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        `nhead` does not divide `d_model`, or there is no such activation.

    Notes
    -----
    `torch.nn.TransformerDecoderLayer`. Source: Vaswani and others, "Attention is all you
    need", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.TransformerDecoderLayer(16, 4, 32, batch_first=True)
    >>> layer(cf.zeros(2, 3, 16), cf.zeros(2, 5, 16)).shape
    (2, 3, 16)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        factory: Any = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **factory
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **factory
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **factory)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **factory)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return what becomes of a sequence, in its shape.

        Parameters
        ----------
        tgt : Tensor
            ``[T, N, d_model]``, or ``[N, T, d_model]`` with `batch_first`, or ``[T, d_model]``.
        memory : Tensor
            The same with ``S`` positions, as an encoder gives it.
        tgt_mask, memory_mask : Tensor, optional
            ``[T, T]`` and ``[T, S]``: true where a position is not taken, or numbers to add.
        tgt_key_padding_mask, memory_key_padding_mask : Tensor, optional
            ``[N, T]`` and ``[N, S]``, likewise.
        tgt_is_causal, memory_is_causal : bool, default False
            Say that a mask is the causal one.
        """
        x: Tensor = tgt
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory_mask, memory_key_padding_mask, memory_is_causal)
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *other)
            x = x + self._ff_block(self.norm3(x))
        else:
            x = self.norm1(x + self._sa_block(x, *own))
            x = self.norm2(x + self._mha_block(x, memory, *other))
            x = self.norm3(x + self._ff_block(x))
        return x

    def _sa_block(
        self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool
    ) -> Tensor:
        x = self.self_attn(
            x,
            x,
            x,
            attn_mask=mask,
            key_padding_mask=padding,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        output: Tensor = self.dropout1(x)
        return output

    def _mha_block(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None,
        padding: Tensor | None,
        is_causal: bool,
    ) -> Tensor:
        x = self.multihead_attn(
            x,
            memory,
            memory,
            attn_mask=mask,
            key_padding_mask=padding,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        output: Tensor = self.dropout2(x)
        return output

    def _ff_block(self, x: Tensor) -> Tensor:
        x = self.linear2(self.dropout(self.activation(self.linear1(x))))
        output: Tensor = self.dropout3(x)
        return output
