"""Storages of PyTorch's files, and the tensors that are views of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from candle_ffi.errors import FileFormatError
from candle_ffi.serialization.elements import Array, Element, element_of, tensor_of
from candle_ffi.tensor import Tensor

__all__ = ["Budget", "Storage", "Unread"]


class Budget:
    """How many bytes may be made of views that share elements: a multiple of the file.

    Parameters
    ----------
    length : int
        The size of the file.
    """

    def __init__(self, length: int) -> None:
        self.left = (64 << 20) + 4 * length

    def spend(self, count: int) -> None:
        """Count bytes, and raise when there are too many.

        Parameters
        ----------
        count : int
            How many.
        """
        self.left -= count
        if self.left < 0:
            raise FileFormatError(
                "its tensors overlap so much that they would take far more memory than the file"
            )


class Storage:
    """The bytes that tensors of a file share.

    Parameters
    ----------
    raw : ndarray
        The bytes.
    dtype : str or None
        PyTorch's name of the dtype; None where each tensor states its own.
    budget : Budget
        What views may take.
    swapped : bool, default False
        Whether the bytes of each element are in the order of a big-endian machine.
    """

    def __init__(
        self, raw: Array, dtype: str | None, budget: Budget, swapped: bool = False
    ) -> None:
        self.raw = raw
        self.dtype = dtype
        self._budget = budget
        self._swapped = swapped
        self._bits: dict[str, Array] = {}
        self._whole: dict[str, Tensor] = {}

    def part(self, offset: int, count: int) -> Storage:
        """Return the storage of some of the elements.

        Parameters
        ----------
        offset, count : int
            The first, and how many.
        """
        size = element_of(self.dtype or "uint8").itemsize
        start, end = offset * size, (offset + count) * size
        if not 0 <= start <= end <= self.raw.size:
            raise FileFormatError("it has a view of a storage beyond its end")
        return Storage(self.raw[start:end], self.dtype, self._budget, self._swapped)

    def tensor(self, offset: Any, size: Any, stride: Any, dtype: str | None = None) -> Tensor:
        """Return a tensor that shares the storage with the others, where it lies densely in it.

        Parameters
        ----------
        offset : int
            The first element.
        size, stride : tuple of int
            The shape, and the distances between neighbours.
        dtype : str, optional
            PyTorch's name of the dtype, for storages that state none.

        Raises
        ------
        FileFormatError
            The elements are not all in the storage.
        DTypeError
            Tensors have no such dtype.
        """
        if not all(
            isinstance(sizes, (tuple, list)) and len(sizes) <= 64 for sizes in (size, stride)
        ):
            raise FileFormatError("it has a tensor without a shape")
        size, stride = tuple(size), tuple(stride)
        possible = all(type(n) is int and 0 <= n < 2**60 for n in (offset, *size, *stride))
        if not possible or len(size) != len(stride) or (count := math.prod(size)) >= 2**60:
            raise FileFormatError("it has a tensor of a shape or strides that cannot be")
        name = self.dtype or dtype or "uint8"
        element = element_of(name)
        if count == 0:
            return tensor_of(np.empty(0, np.uint8), element, size)
        room = self.raw.size // element.itemsize
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if last >= room:
            raise FileFormatError(
                f"it has a tensor of shape {size} and strides {stride} from element {offset} on, "
                f"and its storage has only {room} elements"
            )
        # A dimension whose elements are all the same takes no memory.
        thin = tuple(1 if step == 0 else n for n, step in zip(size, stride, strict=True))
        found = self._dense(name, element, offset, thin, stride)
        if found is None:
            found = self._gathered(name, element, offset, thin, stride)
        return found if thin == size else found.expand(*size)

    def _dense(
        self,
        name: str,
        element: Element,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
    ) -> Tensor | None:
        """Return a view where the elements lie without gaps, in the order of some dimensions."""
        order = sorted(range(len(size)), key=lambda dim: (-stride[dim], -size[dim]))
        expected = 1
        for dim in reversed(order):
            if size[dim] != 1:
                if stride[dim] != expected:
                    return None
                expected *= size[dim]
        whole = self._whole.get(name)
        stored = tuple(size[dim] for dim in order)
        if whole is None:
            bits = self._bits_of(name, element)
            in_order = order == list(range(len(size)))
            # The first tensor of a storage is no view, if it has all of it.
            first = size if in_order and expected == bits.size else (bits.size,)
            whole = self._whole[name] = tensor_of(bits, element, first)
            if first is size:
                return whole
        flat = whole.detach().reshape(-1).narrow(0, offset, expected).reshape(stored)
        back = [order.index(dim) for dim in range(len(size))]
        return flat.permute(*back) if size else flat

    def _gathered(
        self,
        name: str,
        element: Element,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
    ) -> Tensor:
        bits = self._bits_of(name, element)
        self._budget.spend(math.prod(size) * bits.itemsize)
        steps = [step * bits.itemsize for step in stride]
        view = np.lib.stride_tricks.as_strided(bits[offset:], size, steps, writeable=False)
        return tensor_of(view, element, size)

    def _bits_of(self, name: str, element: Element) -> Array:
        found = self._bits.get(name)
        if found is None:
            used = self.raw.size // element.itemsize * element.itemsize
            found = self.raw[:used].view(element.bits)
            if self._swapped:
                found = found.byteswap()
            if element.convert is not None:
                found = element.convert(found)
            self._bits[name] = found
        return found


class Unread(Storage):
    """A storage whose bytes come later in the file; its tensors are empty."""

    def __init__(self) -> None:
        super().__init__(np.empty(0, np.uint8), None, Budget(0))
        self._empty = tensor_of(self.raw, element_of("float32"), (0,))

    def part(self, offset: int, count: int) -> Storage:
        """Return the same."""
        return self

    def tensor(self, offset: Any, size: Any, stride: Any, dtype: str | None = None) -> Tensor:
        """Return an empty tensor."""
        return self._empty
