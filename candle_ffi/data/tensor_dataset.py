"""Arrays and tensors as a dataset, whose batches are gathered natively."""

from __future__ import annotations

from typing import Any

import numpy as np

from candle_ffi import _ops, interop
from candle_ffi.data.dataset import Dataset
from candle_ffi.data.fetch import as_indices
from candle_ffi.errors import CandleIndexError, ShapeError
from candle_ffi.tensor import Tensor

__all__ = ["TensorDataset"]

Array = np.ndarray[Any, Any]


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Rows of tensors or arrays that belong together: item ``i`` is row ``i`` of each, as tensors.

    A loader gathers whole batches with one native copy each, in a thread, while the batch before
    is in use. Arrays are not copied before: a memory-mapped file is read as batches need it.

    Parameters
    ----------
    *tensors : Tensor or array-like
        ``[n, …]`` each: tensors, NumPy's arrays (`numpy.memmap` too), pandas' frames and series,
        or what `numpy.asarray` takes, such as tensors of PyTorch and arrays of JAX.

    Attributes
    ----------
    tensors : tuple of Tensor or ndarray
        The tensors and arrays.

    Raises
    ------
    ShapeError
        No tensor is given, one has no dimension, or the first sizes differ.
    DTypeError
        An array of a dtype that tensors do not have.

    Notes
    -----
    `torch.utils.data.TensorDataset`

    Examples
    --------
    >>> import candle_ffi as cf, numpy as np
    >>> dataset = cf.data.TensorDataset(np.eye(3, dtype=np.float32), cf.tensor([5, 6, 7]))
    >>> dataset[1]
    (tensor([0., 1., 0.]), tensor(6))
    """

    tensors: tuple[Any, ...]

    def __init__(self, *tensors: Any) -> None:
        self.tensors = tuple(_source(tensor) for tensor in tensors)
        if not self.tensors:
            raise ShapeError("TensorDataset: at least one tensor is needed")
        shapes = [tuple(tensor.shape) for tensor in self.tensors]
        if any(not shape or shape[0] != shapes[0][0] for shape in shapes):
            raise ShapeError(
                "TensorDataset: the first sizes must be equal, but the shapes are "
                + ", ".join(str(list(shape)) for shape in shapes),
                shapes=shapes,
            )

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        try:
            return tuple(_at(tensor, index) for tensor in self.tensors)
        except IndexError as error:
            if isinstance(error, CandleIndexError):
                raise
            raise CandleIndexError(f"TensorDataset: {error}") from None

    def gather(self, indices: Any) -> list[Tensor]:
        """Return the rows of these indices as one batch.

        Parameters
        ----------
        indices : array-like of int
            ``[batch]``; negative ones count from the end.

        Returns
        -------
        list of Tensor
            ``[batch, …]`` each.

        Raises
        ------
        CandleIndexError
            An index is out of range.
        """
        length = len(self)
        places = as_indices(indices)
        if places.size:
            lowest, highest = int(places.min()), int(places.max())
            if lowest < -length or highest >= length:
                wrong = lowest if lowest < -length else highest
                raise CandleIndexError(
                    f"TensorDataset: index {wrong} is out of range for {length} rows"
                )
            if lowest < 0:
                places = np.where(places < 0, places + length, places)
        return [_rows(tensor, places) for tensor in self.tensors]


def _source(value: Any) -> Any:
    """Return the tensor or the array from which rows are taken; memory is shared."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, np.ndarray):
        detach = getattr(value, "detach", None)  # PyTorch's, which may have a history
        value = value if detach is None else detach()
        convert = getattr(value, "to_numpy", None)  # pandas'
        value = interop.array_of(value if convert is None else convert())
    interop.from_array(value[:0] if value.ndim else value)  # refuses dtypes that tensors lack
    return value


def _at(source: Any, index: Any) -> Tensor:
    if isinstance(source, Tensor):
        return source[index]
    return interop.from_array(np.asarray(source[index]))


def _rows(source: Any, places: Array) -> Tensor:
    """Gather rows: the one place that knows how."""
    if isinstance(source, Tensor):
        return _ops.index_select(source, 0, interop.from_array(places, source.device))
    return interop.gather_rows(source, places)
