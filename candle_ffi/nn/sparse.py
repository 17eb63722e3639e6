"""Tables looked up by index."""

from __future__ import annotations

from typing import Any, TypeVar

from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.nn.functional_embedding import BagMode, embedding, embedding_bag, refuse_sparse
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]

T = TypeVar("T", bound="_Table")


class _Table(Module):
    """A table of vectors, and how its gradient is made."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
    ) -> None:
        super().__init__()
        layer = type(self).__name__
        refuse_sparse(layer, sparse)
        self.num_embeddings = size(num_embeddings, layer, "num_embeddings")
        self.embedding_dim = size(embedding_dim, layer, "embedding_dim")
        if padding_idx is not None:
            if not -self.num_embeddings <= padding_idx < self.num_embeddings:
                raise InvalidArgumentError(
                    f"{layer}: padding_idx {padding_idx} is not a row of a weight of "
                    f"{self.num_embeddings} rows",
                    operation=layer,
                )
            padding_idx %= self.num_embeddings
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse

    def _set_weight(self, given: Tensor | None, new: str, *arguments: Any) -> None:
        if given is None:
            weight = initial(("weight",), new, *arguments)["weight"]
        elif tuple(given.shape) == (self.num_embeddings, self.embedding_dim):
            weight = given if isinstance(given, Parameter) else Parameter(given)
        else:
            raise ShapeError(
                f"a weight of shape {tuple(given.shape)} does not have {self.num_embeddings} rows "
                f"of {self.embedding_dim}",
                operation=type(self).__name__,
            )
        self.register_parameter("weight", weight)

    @classmethod
    def _pretrained(cls: type[T], embeddings: Tensor, freeze: bool, **options: Any) -> T:
        if len(embeddings.shape) != 2:
            raise ShapeError(
                f"embeddings must have two dimensions, and have shape {tuple(embeddings.shape)}",
                operation=cls.__name__,
            )
        rows, columns = embeddings.shape
        make: Any = cls
        table: T = make(rows, columns, _weight=embeddings, **options)
        table.weight.requires_grad = not freeze
        return table

    def _options(self) -> str:
        text = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        return text


class Embedding(_Table):
    """A table of vectors: each integer becomes its row.

    Parameters
    ----------
    num_embeddings : int
        Rows of the table.
    embedding_dim : int
        Numbers in a row.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    max_norm : float, optional
        Rows that are looked up are first scaled, in place, to have no larger norm.
    norm_type : float, default 2.0
        The p of that norm.
    scale_grad_by_freq : bool, default False
        Whether the gradient of a row is divided by how often it is looked up.
    sparse : bool, default False
        Sparse gradients are not available.
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
    UnsupportedError
        `sparse` is set.

    Notes
    -----
    `torch.nn.Embedding`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Embedding(10, 3)(cf.tensor([[1, 2], [9, 0]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
        )
        self._set_weight(
            _weight,
            "py_embedding_new",
            self.num_embeddings,
            self.embedding_dim,
            None if self.padding_idx is None else [self.padding_idx],
            *factory(dtype, device),
            None,  # the default generator
        )
        if _freeze:
            self.weight.requires_grad = False

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make a layer of a table that exists, whose memory it shares.

        Parameters
        ----------
        embeddings : Tensor
            The table, ``[num_embeddings, embedding_dim]``.
        freeze : bool, default True
            Whether it is kept from training.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As in the constructor.

        Returns
        -------
        Embedding
            The layer.

        Raises
        ------
        ShapeError
            The table is no matrix.
        """
        return cls._pretrained(
            embeddings,
            freeze,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[…, embedding_dim]`` for ``[…]`` integers."""
        return embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
        )

    def extra_repr(self) -> str:
        """Return the options."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{self._options()}"


class EmbeddingBag(_Table):
    """A table of vectors: each bag of integers becomes the sum, mean or maximum of its rows.

    Parameters
    ----------
    num_embeddings : int
        Rows of the table.
    embedding_dim : int
        Numbers in a row.
    max_norm : float, optional
        Rows that are looked up are first scaled, in place, to have no larger norm.
    norm_type : float, default 2.0
        The p of that norm.
    scale_grad_by_freq : bool, default False
        Whether the gradient of a row is divided by how often it is looked up.
    mode : {"sum", "mean", "max"}, default "mean"
        What becomes of a bag.
    sparse : bool, default False
        Sparse gradients are not available.
    include_last_offset : bool, default False
        Whether the last offset is the end of the last bag.
    padding_idx : int, optional
        A row that starts as zeros, is left out of the bags and gets no gradient.
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
    UnsupportedError
        `sparse` is set.

    Notes
    -----
    `torch.nn.EmbeddingBag`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> bags = cf.nn.EmbeddingBag(10, 3, mode="sum")
    >>> bags(cf.tensor([1, 2, 4]), cf.tensor([0, 2])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: BagMode = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
        )
        self.mode = mode
        self.include_last_offset = include_last_offset
        # The same table as that of an Embedding.
        self._set_weight(
            _weight,
            "py_embedding_new",
            self.num_embeddings,
            self.embedding_dim,
            None if self.padding_idx is None else [self.padding_idx],
            *factory(dtype, device),
            None,  # the default generator
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: BagMode = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Make a layer of a table that exists, whose memory it shares.

        Parameters
        ----------
        embeddings : Tensor
            The table, ``[num_embeddings, embedding_dim]``.
        freeze : bool, default True
            Whether it is kept from training.
        max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx
            As in the constructor.

        Returns
        -------
        EmbeddingBag
            The layer.

        Raises
        ------
        ShapeError
            The table is no matrix.
        """
        return cls._pretrained(
            embeddings,
            freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Return ``[b, embedding_dim]`` for ``[b, n]`` integers, or a vector and its offsets."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            False,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the options."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return (
            f"{self.num_embeddings}, {self.embedding_dim}{self._options()}, "
            f"mode={self.mode!r}{padding}"
        )
