"""Tables looked up by index."""

from __future__ import annotations

from candle_ffi._ops import embedding
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of vectors: each integer becomes its row.

    Parameters
    ----------
    num_embeddings : int
        Rows of the table.
    embedding_dim : int
        Numbers in a row.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    device : Device or str, optional
        Where the table is made.
    dtype : DType, optional
        Its dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[num_embeddings, embedding_dim]``, at the start of the normal distribution.

    Raises
    ------
    CandleIndexError
        An index is not below `num_embeddings`.

    Notes
    -----
    `torch.nn.Embedding`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Embedding(10, 3)(cf.tensor([[1, 2], [9, 0]])).shape
    (2, 2, 3)
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = size(num_embeddings, "Embedding", "num_embeddings")
        self.embedding_dim = size(embedding_dim, "Embedding", "embedding_dim")
        if padding_idx is not None and padding_idx < 0:
            padding_idx += self.num_embeddings
        self.padding_idx = padding_idx
        weights = initial(
            ("weight",),
            "py_embedding_new",
            self.num_embeddings,
            self.embedding_dim,
            None if padding_idx is None else [padding_idx],
            *factory(dtype, device),
            None,  # the default generator
        )
        self.register_parameter("weight", weights["weight"])

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[…, embedding_dim]`` for ``[…]`` integers."""
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Return the options."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
