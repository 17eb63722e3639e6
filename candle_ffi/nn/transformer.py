"""Transformers: stacks of their layers, and the whole."""

from __future__ import annotations

import copy
from typing import Any

from candle_ffi import dtype as dtypes
from candle_ffi.creation import arange, zeros
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import ShapeError
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.container import ModuleList
from candle_ffi.nn.init import xavier_uniform_
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import size
from candle_ffi.nn.normalization import LayerNorm
from candle_ffi.nn.transformer_layers import (
    Activation,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from candle_ffi.tensor import Tensor

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


def _clones(module: Module, count: int) -> ModuleList:
    layers = size(count, "Transformer", "the number of layers")
    return ModuleList(copy.deepcopy(module) for _ in range(layers))


def _subsequent_mask(
    size: int, device: Device | str | None = None, dtype: DType | None = None
) -> Tensor:
    """Minus infinity (or true) where a position would look ahead, and zero elsewhere."""
    places = arange(size, device=device)
    ahead: Tensor = places.unsqueeze(0) > places.unsqueeze(1)
    if dtype is dtypes.bool:
        return ahead
    return zeros(size, size, dtype=dtype, device=device).masked_fill(ahead, float("-inf"))


def _is_causal(mask: Tensor | None, hint: bool | None, size: int) -> bool:
    """Whether a mask may be taken for the causal one: what was said, or else what it shows."""
    if hint is not None:
        return hint
    if mask is None or tuple(mask.shape) != (size, size):
        return False
    return bool((mask == _subsequent_mask(size, mask.device, mask.dtype)).all())


def _length(sequence: Tensor, batch_first: bool) -> int:
    return int(sequence.shape[1 if batch_first and len(sequence.shape) == 3 else 0])


class TransformerEncoder(Module):
    """Encoder layers one after the other, which start as copies of one.

    Parameters
    ----------
    encoder_layer : Module
        The layer that is copied, such as a `TransformerEncoderLayer`.
    num_layers : int
        How many copies there are.
    norm : Module, optional
        What comes after the last of them.
    enable_nested_tensor, mask_check : bool, default True
        Accepted for PyTorch's sake. There are no nested tensors here: padded positions are computed
        like all others, where PyTorch may give zeros in evaluation.

    Notes
    -----
    `torch.nn.TransformerEncoder`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    >>> cf.nn.TransformerEncoder(layer, num_layers=2)(cf.zeros(2, 5, 16)).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Return what becomes of a sequence, in its shape.

        Parameters
        ----------
        src, mask, src_key_padding_mask
            As for a `TransformerEncoderLayer`.
        is_causal : bool, optional
            Whether `mask` is the causal mask; looked at when not given.
        """
        output = src
        first = self.layers[0].self_attn if len(self.layers) else None
        causal = _is_causal(mask, is_causal, _length(src, bool(first and first.batch_first)))
        for layer in self.layers:
            output = layer(
                output,
                src_mask=mask,
                is_causal=causal,
                src_key_padding_mask=src_key_padding_mask,
            )
        return output if self.norm is None else self.norm(output)


class TransformerDecoder(Module):
    """Decoder layers one after the other, which start as copies of one.

    Parameters
    ----------
    decoder_layer : Module
        The layer that is copied, such as a `TransformerDecoderLayer`.
    num_layers : int
        How many copies there are.
    norm : Module, optional
        What comes after the last of them.

    Notes
    -----
    `torch.nn.TransformerDecoder`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.TransformerDecoderLayer(16, 4, 32, batch_first=True)
    >>> decoder = cf.nn.TransformerDecoder(layer, num_layers=2)
    >>> decoder(cf.zeros(2, 3, 16), cf.zeros(2, 5, 16)).shape
    (2, 3, 16)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return what becomes of a sequence, in its shape.

        Parameters
        ----------
        tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
            As for a `TransformerDecoderLayer`.
        tgt_is_causal : bool, optional
            Whether `tgt_mask` is the causal mask; looked at when not given.
        memory_is_causal : bool, default False
            Whether `memory_mask` is.
        """
        output = tgt
        first = self.layers[0].self_attn if len(self.layers) else None
        causal = _is_causal(
            tgt_mask, tgt_is_causal, _length(tgt, bool(first and first.batch_first))
        )
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder, and a decoder that attends to what it gives.

    Parameters
    ----------
    d_model : int, default 512
        Features of a position.
    nhead : int, default 8
        Heads of an attention; divides `d_model`.
    num_encoder_layers, num_decoder_layers : int, default 6
        How many layers there are.
    dim_feedforward : int, default 2048
        Features between the two linear maps of a layer.
    dropout : float, default 0.1
        The probability of zero, in training.
    activation : {"relu", "gelu"} or callable, default relu
        What stands between the two linear maps.
    custom_encoder, custom_decoder : Module, optional
        What stands for the encoder and the decoder.
    layer_norm_eps : float, default 1e-5
        The eps of the norms.
    batch_first : bool, default False
        Whether the batch is the first dimension rather than the second.
    norm_first : bool, default False
        Whether each part of a layer is given its norm before rather than after.
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
    ShapeError
        The batches of the two sequences differ, or their features are not `d_model`.

    Notes
    -----
    `torch.nn.Transformer`. All matrices start uniform as Xavier's. Source: Vaswani and others,
    "Attention is all you need", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.nn.Transformer(16, 4, 1, 1, 32, batch_first=True)
    >>> model(cf.zeros(2, 5, 16), cf.zeros(2, 3, 16)).shape
    (2, 3, 16)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        factory: Any = {"device": device, "dtype": dtype}
        options: Any = (
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
        )
        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            self.encoder = TransformerEncoder(
                TransformerEncoderLayer(*options, **factory),
                num_encoder_layers,
                LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory),
            )
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            self.decoder = TransformerDecoder(
                TransformerDecoderLayer(*options, **factory),
                num_decoder_layers,
                LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **factory),
            )
        for parameter in self.parameters():
            if len(parameter.shape) > 1:
                xavier_uniform_(parameter)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return what the decoder makes of `tgt`, in its shape.

        Parameters
        ----------
        src, tgt : Tensor
            ``[S, N, d_model]`` and ``[T, N, d_model]``, or ``N`` first with `batch_first`, or both
            without ``N``.
        src_mask, tgt_mask, memory_mask : Tensor, optional
            ``[S, S]``, ``[T, T]`` and ``[T, S]``: true where a position is not taken, or numbers
            to add.
        src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask : Tensor, optional
            ``[N, S]``, ``[N, T]`` and ``[N, S]``, likewise.
        src_is_causal, tgt_is_causal : bool, optional
            Whether a mask is the causal one; looked at when not given.
        memory_is_causal : bool, default False
            Whether `memory_mask` is.
        """
        batched, batch = len(src.shape) == 3, 0 if self.batch_first else 1
        if batched and src.shape[batch] != tgt.shape[batch]:
            raise ShapeError(
                "the batches of src and tgt must be equal, and the shapes are "
                f"{tuple(src.shape)} and {tuple(tgt.shape)}",
                operation="Transformer",
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(
                f"src and tgt must have d_model = {self.d_model} features, and the shapes are "
                f"{tuple(src.shape)} and {tuple(tgt.shape)}",
                operation="Transformer",
            )
        memory = self.encoder(
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        output: Tensor = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return output

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Device | str | None = None, dtype: DType | None = None
    ) -> Tensor:
        """Return the causal mask: minus infinity above the diagonal, and zeros elsewhere.

        Parameters
        ----------
        sz : int
            Its size.
        device : Device or str, optional
            Its device.
        dtype : DType, optional
            Its dtype; the default one when not given.

        Returns
        -------
        Tensor
            ``[sz, sz]``

        Examples
        --------
        >>> import candle_ffi as cf
        >>> cf.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        return _subsequent_mask(sz, device, dtype)
