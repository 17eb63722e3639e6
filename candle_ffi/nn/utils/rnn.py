"""Sequences of unequal lengths: padded, packed, and the way between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from candle_ffi._ops import cat, full, index_select, reshape
from candle_ffi.casts import goal
from candle_ffi.creation import as_tensor
from candle_ffi.device import CPU
from candle_ffi.dtype import DType, float16, float32, float64
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.tensor import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """The elements of sequences, step by step: all first ones, then all second ones, and so on.

    Parameters
    ----------
    data : Tensor
        ``[rows, *]``.
    batch_sizes : Tensor
        int64: how many sequences each step has, never more than the step before.
    sorted_indices : Tensor, optional
        Where the sequences, which are sorted by falling length, stood before.
    unsorted_indices : Tensor, optional
        The way back; made from `sorted_indices` when it is not given.

    Notes
    -----
    `torch.nn.utils.rnn.PackedSequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.rnn.pack_sequence([cf.tensor([1, 2]), cf.tensor([3])]).data
    tensor([1, 3, 2])
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Check and join the parts."""
        if batch_sizes is None:
            raise InvalidArgumentError("a PackedSequence needs batch_sizes")
        if batch_sizes.device.type != "cpu":
            raise InvalidArgumentError(
                f"batch_sizes should always be on CPU, and are on {batch_sizes.device}"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return one whose data are on another device or of another dtype, as `Tensor.to` does.

        The indices go with the data; `batch_sizes` stays on the CPU.
        """
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        wanted = goal(args, kwargs)
        return self._with(data, lambda part: part.to(data.device, wanted.non_blocking, wanted.copy))

    def _with(self, data: Tensor, change: Callable[[Tensor], Tensor]) -> PackedSequence:
        """Return one with other data, and with what a change makes of the indices."""
        indices = (self.sorted_indices, self.unsorted_indices)
        changed = (None if part is None else change(part) for part in indices)
        return type(self)(data, self.batch_sizes, *changed)

    def pin_memory(self) -> PackedSequence:
        """Return one in pinned memory, from which a CUDA device copies while the host goes on."""
        data = self.data.pin_memory()
        return self if data is self.data else self._with(data, Tensor.pin_memory)

    def is_pinned(self) -> bool:
        """Return whether the data are in pinned memory of the host."""
        return self.data.is_pinned()

    def _cast(self, dtype: DType) -> PackedSequence:
        return self.to(dtype)

    def cpu(self) -> PackedSequence:
        """Return one with its data on the CPU."""
        return self.to("cpu")

    def cuda(self) -> PackedSequence:
        """Return one with its data on the current GPU."""
        return self.to("cuda")

    def double(self) -> PackedSequence:
        """Return one in float64."""
        return self._cast(float64)

    def float(self) -> PackedSequence:
        """Return one in float32."""
        return self._cast(float32)

    def half(self) -> PackedSequence:
        """Return one in float16."""
        return self._cast(float16)

    @property
    def is_cuda(self) -> bool:
        """Whether the data are on a GPU."""
        return bool(self.data.device.type == "cuda")


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the way back of a permutation.

    Parameters
    ----------
    permutation : Tensor or None
        int64, each number below its length once.

    Returns
    -------
    Tensor or None
        The inverse; None for None.

    Notes
    -----
    `torch.nn.utils.rnn.invert_permutation`
    """
    if permutation is None:
        return None
    return _indices(np.argsort(permutation.cpu().numpy(), kind="stable"), permutation)


def _indices(numbers: np.ndarray, beside: Tensor) -> Tensor:
    """Return indices on the device of a tensor."""
    return as_tensor(np.array(numbers, dtype=np.int64)).to(beside.device)


def _lengths(lengths: Any) -> np.ndarray:
    """Lengths as a vector of int64."""
    array = lengths.cpu().numpy() if isinstance(lengths, Tensor) else np.asarray(lengths)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"lengths must be a list or a vector of integers, and have shape {array.shape} "
            f"and dtype {array.dtype}"
        )
    return array.astype(np.int64)


def _arrange(rows: Tensor, places: np.ndarray, padding_value: float) -> Tensor:
    """Return ``[*places.shape, *]`` of the rows that `places` name; -1 is padding."""
    rest = tuple(rows.shape)[1:]
    places = np.where(places < 0, len(rows), places)
    if (places == len(rows)).any():
        padding = full((1, *rest), padding_value, dtype=rows.dtype, device=rows.device)
        rows = cat([rows, padding])
    taken = index_select(rows, 0, _indices(places.reshape(-1), rows))
    return reshape(taken, (*places.shape, *rest))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return the elements of padded sequences without the padding.

    Parameters
    ----------
    input : Tensor
        ``[steps, sequences, *]``, or ``[sequences, steps, *]`` with `batch_first`.
    lengths : Tensor or list of int
        How long each sequence is.
    batch_first : bool, default False
        Which dimension comes first.
    enforce_sorted : bool, default True
        Whether the sequences must be sorted by falling length; otherwise they are sorted here.

    Returns
    -------
    PackedSequence
        The sequences.

    Raises
    ------
    ShapeError
        There are not as many lengths as sequences, or one is longer than the steps.
    InvalidArgumentError
        A length is not positive, or they are not sorted where they must be.

    Notes
    -----
    `torch.nn.utils.rnn.pack_padded_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([[1, 3], [2, 0]])
    >>> cf.nn.utils.rnn.pack_padded_sequence(x, [2, 1]).batch_sizes
    tensor([2, 1])
    """
    numbers = _lengths(lengths)
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise ShapeError(f"padded sequences have at least 2 dimensions, and got {shape}")
    steps, sequences = (shape[1], shape[0]) if batch_first else shape[:2]
    if len(numbers) != sequences:
        raise ShapeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(numbers)} "
            f"(batch_size={sequences})"
        )
    if not len(numbers):
        raise InvalidArgumentError("there is no sequence to pack")
    if (numbers <= 0).any():
        raise InvalidArgumentError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if numbers.max() > steps:
        raise ShapeError(f"a length of {numbers.max()} is more than the {steps} steps of {shape}")
    order = np.arange(sequences)
    if not enforce_sorted:
        order = np.argsort(-numbers, kind="stable")
    elif (np.diff(numbers) > 0).any():
        raise InvalidArgumentError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    step = np.arange(numbers.max())[:, None]
    inside = step < numbers[order]
    places = order * steps + step if batch_first else step * sequences + order
    data = _arrange(reshape(input, (steps * sequences, *shape[2:])), places[inside], 0.0)
    sizes = as_tensor(inside.sum(axis=1).astype(np.int64), device=CPU)
    return PackedSequence(data, sizes, None if enforce_sorted else _indices(order, input))


def _packed_places(sequence: PackedSequence) -> tuple[np.ndarray, np.ndarray]:
    """Return which row is where, ``[steps, sequences]`` with -1 outside, and the lengths."""
    sizes = sequence.batch_sizes.numpy()
    inside = np.arange(sizes[0]) < sizes[:, None]
    places = np.full(inside.shape, -1, dtype=np.int64)
    places[inside] = np.arange(len(sequence.data))
    if sequence.unsorted_indices is not None:
        places = places[:, sequence.unsorted_indices.cpu().numpy()]
    return places, (places >= 0).sum(axis=0).astype(np.int64)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return packed sequences with padding, in their first order, and their lengths.

    Parameters
    ----------
    sequence : PackedSequence
        The sequences.
    batch_first : bool, default False
        Which dimension comes first.
    padding_value : float, default 0.0
        What stands behind the end of a sequence.
    total_length : int, optional
        How many steps there are; the longest sequence's when not given.

    Returns
    -------
    tuple of Tensor
        ``[steps, sequences, *]`` or ``[sequences, steps, *]``, and the lengths, int64.

    Raises
    ------
    InvalidArgumentError
        `total_length` is less than the longest length.

    Notes
    -----
    `torch.nn.utils.rnn.pad_packed_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> packed = cf.nn.utils.rnn.pack_sequence([cf.tensor([1, 2]), cf.tensor([3])])
    >>> cf.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    places, lengths = _packed_places(sequence)
    longest = len(places)
    if total_length is not None:
        if total_length < longest:
            raise InvalidArgumentError(
                "Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being "
                f"{longest}"
            )
        places = np.pad(places, ((0, total_length - longest), (0, 0)), constant_values=-1)
    padded = _arrange(sequence.data, places.T if batch_first else places, padding_value)
    return padded, as_tensor(lengths, device=CPU)


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return sequences of unequal lengths as one tensor, the short ones with padding.

    Parameters
    ----------
    sequences : Tensor or iterable of Tensor
        Each ``[length, *]``.
    batch_first : bool, default False
        Which dimension comes first.
    padding_value : float, default 0.0
        What stands where a sequence has nothing.
    padding_side : {"right", "left"}
        Where that is.

    Returns
    -------
    Tensor
        ``[steps, sequences, *]`` or ``[sequences, steps, *]``.

    Raises
    ------
    InvalidArgumentError
        There is no sequence, or `padding_side` is something else.

    Notes
    -----
    `torch.nn.utils.rnn.pad_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.rnn.pad_sequence([cf.tensor([1, 2]), cf.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise InvalidArgumentError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    if padding_side not in ("right", "left"):
        raise InvalidArgumentError(
            f"padding_side must be 'right' or 'left', and is {padding_side!r}"
        )
    parts = list(sequences)
    if not parts:
        raise InvalidArgumentError("received an empty list of sequences")
    lengths = np.array([len(part) for part in parts])
    step = np.arange(lengths.max())
    if padding_side == "left":
        step = step - (lengths.max() - lengths)[:, None]
    else:
        step = np.broadcast_to(step, (len(parts), len(step)))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inside = (step >= 0) & (step < lengths[:, None])
    places = np.where(inside, starts[:, None] + step, -1)
    return _arrange(cat(parts), places if batch_first else places.T, padding_value)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Any, batch_first: bool = False
) -> list[Tensor]:
    """Return padded sequences as a list of tensors without the padding.

    Parameters
    ----------
    padded_sequences : Tensor
        ``[steps, sequences, *]`` or ``[sequences, steps, *]``.
    lengths : Tensor or list of int
        How long each sequence is.
    batch_first : bool, default False
        Which dimension comes first.

    Returns
    -------
    list of Tensor
        Each ``[length, *]``.

    Notes
    -----
    `torch.nn.utils.rnn.unpad_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.rnn.unpad_sequence(cf.tensor([[1, 3], [2, 0]]), [2, 1])
    [tensor([1, 2]), tensor([3])]
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [
        sequence[: int(length)]
        for sequence, length in zip(padded_sequences, _lengths(lengths), strict=True)
    ]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences of unequal lengths as one packed sequence.

    Parameters
    ----------
    sequences : list of Tensor
        Each ``[length, *]``.
    enforce_sorted : bool, default True
        Whether they must be sorted by falling length; otherwise they are sorted here.

    Returns
    -------
    PackedSequence
        The sequences.

    Raises
    ------
    InvalidArgumentError
        A sequence is empty, or they are not sorted where they must be.

    Notes
    -----
    `torch.nn.utils.rnn.pack_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.rnn.pack_sequence([cf.tensor([1, 2]), cf.tensor([3])]).batch_sizes
    tensor([2, 1])
    """
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return a packed sequence as a list of tensors, in their first order.

    Parameters
    ----------
    packed_sequences : PackedSequence
        The sequences.

    Returns
    -------
    list of Tensor
        Each ``[length, *]``.

    Notes
    -----
    `torch.nn.utils.rnn.unpack_sequence`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> packed = cf.nn.utils.rnn.pack_sequence([cf.tensor([1, 2]), cf.tensor([3])])
    >>> cf.nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
