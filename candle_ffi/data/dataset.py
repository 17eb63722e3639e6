"""The two kinds of datasets: those that give an item for an index, and those that are streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from candle_ffi.data.concat import ChainDataset, ConcatDataset

__all__ = ["Dataset", "IterableDataset", "is_stream"]

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Base of the datasets that give an item for an index; a subclass defines `__getitem__`.

    A subclass that knows its size defines `__len__` too. Anything else with these two methods is
    a dataset as well: it need not be derived from this class.

    Notes
    -----
    `torch.utils.data.Dataset`

    Two more methods, both optional, fetch a batch at once. ``__getitems__(indices)`` takes a list
    and returns a list of items, which are then collated. ``gather(indices)`` takes an array of
    int64 and returns the batch itself, as tensors: nothing is collated, and the loader calls it in
    a thread while the batch before is in use. It serves where the loader has no `collate_fn`.
    A subclass that defines `__getitem__` anew is not read through a method that it has inherited.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Squares(cf.data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index * index
    >>> next(iter(cf.data.DataLoader(Squares(), batch_size=4)))
    tensor([0, 1, 4, 9])
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        """Return the items of both, one dataset after the other."""
        from candle_ffi.data.concat import ConcatDataset

        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base of the datasets that are streams; a subclass defines `__iter__`.

    With worker processes each has a copy of the dataset, and all that its copy yields is loaded:
    `get_worker_info` tells a copy which part of the stream is its own.

    Notes
    -----
    `torch.utils.data.IterableDataset`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Countdown(cf.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> [batch.tolist() for batch in cf.data.DataLoader(Countdown(), batch_size=2)]
    [[3, 2], [1]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        """Return both streams, one after the other."""
        from candle_ffi.data.concat import ChainDataset

        return ChainDataset([self, other])


def is_stream(dataset: Any) -> bool:
    """Return whether a dataset is a stream, of any library: it can be iterated, but not indexed.

    Parameters
    ----------
    dataset : object
        Any dataset. PyTorch's streams, and those of Hugging Face, inherit a `__getitem__` that
        only raises; they are known by their class.
    """
    if any(kind.__name__ == "IterableDataset" for kind in type(dataset).__mro__):
        return True
    return hasattr(dataset, "__iter__") and not hasattr(dataset, "__getitem__")
