"""Tensors and other libraries: `x.numpy()`, `np.asarray(x)`, `np.from_dlpack(x)`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from candle_ffi import _dlpack, _ops, _sharing, interop
from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.device import Device, as_device
from candle_ffi.errors import GraphError

if TYPE_CHECKING:
    from candle_ffi.dtype import DType
    from candle_ffi.tensor import Tensor

__all__ = ["Memory", "from_dlpack"]


class Memory(_ops.TensorOps):
    """The part of `Tensor` that shares its memory with arrays of other libraries."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def dtype(self) -> DType: ...  # noqa: D102
        @property
        def device(self) -> Device: ...  # noqa: D102
        @property
        def requires_grad(self) -> builtins.bool: ...  # noqa: D102
        @property
        def shape(self) -> tuple[int, ...]: ...  # noqa: D102
        def numel(self) -> int: ...  # noqa: D102
        def stride(self) -> tuple[int, ...]: ...  # noqa: D102

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Return a copy of the elements as a new NumPy array; history and device do not matter.

        Raises
        ------
        DTypeError
            NumPy has no such dtype; cast first.
        """
        return interop.to_array(self)  # type: ignore[arg-type]

    def numpy(self, *, force: builtins.bool = False) -> np.ndarray[Any, Any]:
        """Return the elements as a NumPy array in the same memory.

        What is written into the array is seen in the tensor, and the reverse. Elements on
        another device than the CPU are copied.

        Parameters
        ----------
        force : bool, default False
            Whether a tensor that requires gradients is allowed.

        Raises
        ------
        GraphError
            The tensor requires gradients.
        DTypeError
            NumPy has no such dtype; cast first.

        Notes
        -----
        `torch.Tensor.numpy`. Writes into the array are not counted as changes in place: one
        between a forward and its backward is not noticed.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> x = cf.zeros(3)
        >>> x.numpy()[1] = 5
        >>> x
        tensor([0., 5., 0.])
        """
        if not force and self.requires_grad:
            raise GraphError(
                "numpy: an array has no gradients; use x.detach().numpy(), or x.to_numpy()",
                operation="numpy",
            )
        return _sharing.array_on(self)  # type: ignore[arg-type]

    def __array__(
        self, dtype: Any = None, copy: builtins.bool | None = None
    ) -> np.ndarray[Any, Any]:
        array = self.numpy()
        changed = dtype is not None and np.dtype(dtype) != array.dtype
        if copy is False and (changed or self.device.type != "cpu"):
            what = f"the dtype {np.dtype(dtype)}" if changed else "memory of the host"
            raise ValueError(f"a tensor cannot become an array of {what} without a copy")
        if changed:
            return array.astype(dtype)
        return array.copy() if copy else array

    def data_ptr(self) -> int:
        """Return the address of the first element; 0 without elements.

        For a tensor on CUDA it is the device's address, which only the device can read.

        Raises
        ------
        DeviceError
            The tensor is on Metal.

        Notes
        -----
        `torch.Tensor.data_ptr`

        Examples
        --------
        >>> import candle_ffi as cf
        >>> x = cf.zeros(4, 2)
        >>> x[1:].data_ptr() - x.data_ptr()
        8
        """
        pointer = lib.py_data_ptr(self._handle)
        if not pointer:
            raise take_error()
        return _dlpack.address_of(pointer) if self.numel() else 0

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return DLPack's kind and index of the device."""
        device = self.device
        return (_dlpack.DEVICES[device.type], device.index)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: builtins.bool | None = None,
    ) -> Any:
        """Return a capsule of DLPack, by which another library uses the memory of this tensor."""
        if self.requires_grad:
            raise BufferError("a tensor that requires gradients cannot be exported; use x.detach()")
        device = self.__dlpack_device__()
        wanted = device if dl_device is None else (int(dl_device[0]), int(dl_device[1]))
        if wanted != device and wanted != _dlpack.CPU:
            raise BufferError(
                f"elements on {self.device} can be exported there or to the CPU, not to {dl_device}"
            )
        tensor: Any = self
        if wanted != device:
            if copy is False:
                raise BufferError(f"elements on {self.device} are not on the CPU without a copy")
            tensor, copy = tensor.cpu(), None
        if wanted[0] == _dlpack.DEVICES["metal"]:
            raise BufferError(f"elements on {self.device} cannot be exported; use x.cpu()")
        versioned = max_version is not None and max_version[0] >= _dlpack.NEWEST[0]
        capsule = _dlpack.capsule_of(tensor, versioned, copy)
        # After a copy that may have been made just now.
        _dlpack.order_behind(tensor.device, stream)
        return capsule

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """How libraries for CUDA that do not know DLPack use the memory of this tensor."""
        if self.device.type != "cuda":
            raise AttributeError(f"a tensor on {self.device} is no array of CUDA")
        if self.requires_grad:
            raise AttributeError("a tensor that requires gradients is no array; use x.detach()")
        array = dtypes.TO_NUMPY.get(self.dtype)
        if array is None:
            raise AttributeError(f"arrays of CUDA have no dtype {self.dtype}")
        size = self.dtype.itemsize
        return {
            "shape": tuple(self.shape),
            "typestr": np.dtype(array).str,
            "data": (self.data_ptr(), False),
            "strides": tuple(step * size for step in self.stride()),
            "stream": _dlpack.stream_of(self.device),
            "version": 3,
        }

    def pin_memory(self) -> Tensor:
        """Return a copy in pinned memory, from which a CUDA device copies while the host goes on.

        What is pinned already is returned as it is. The memory of a copy that is gone is kept, and
        used again when devices have read it; `candle_ffi.cuda.empty_cache` gives it back.

        Raises
        ------
        DeviceError
            There is no CUDA device, or the tensor is not on the CPU.

        Notes
        -----
        `torch.Tensor.pin_memory`
        """
        if self.is_pinned():
            return self  # type: ignore[return-value]
        handle = lib.py_pin_memory(self._handle)
        if not handle:
            raise take_error()
        return wrap(handle)

    def is_pinned(self) -> builtins.bool:
        """Return whether the elements are in pinned memory of the host.

        Notes
        -----
        `torch.Tensor.is_pinned`

        Examples
        --------
        >>> import candle_ffi as cf
        >>> cf.zeros(3).is_pinned()
        False
        """
        pinned = ffi.new("int32_t *")
        check(lib.py_is_pinned(self._handle, pinned))
        return bool(pinned[0])


def from_dlpack(
    ext_tensor: Any, /, *, device: Device | str | None = None, copy: bool | None = None
) -> Tensor:
    """Return a tensor in the memory of another library's array.

    Parameters
    ----------
    ext_tensor : object
        An array of NumPy, JAX, PyTorch, CuPy or whatever else has `__dlpack__`, on the CPU or a
        CUDA device that this build can use; or a capsule, which can be used once.
    device : Device or str, optional
        Where the tensor goes; it stays where the array is when not given.
    copy : bool, optional
        True copies. False never does, and fails instead. When not given, only memory that a
        tensor cannot use in place is copied: it is read-only, or has gaps or negative strides.

    Returns
    -------
    Tensor
        Of the same shape, dtype and, where memory is shared, strides.

    Raises
    ------
    DTypeError
        Tensors have no such dtype.
    DeviceError
        The array is on a device that this build cannot use.
    InvalidArgumentError
        `copy` is False and memory cannot be shared.
    TypeError
        `ext_tensor` has no `__dlpack__`, or is a capsule that has been used.

    Notes
    -----
    `torch.from_dlpack`

    Examples
    --------
    >>> import candle_ffi as cf, numpy as np
    >>> array = np.zeros(3)
    >>> cf.from_dlpack(array)[1] = 5
    >>> array
    array([0., 5., 0.])
    """
    tensor = _dlpack.from_exporter(ext_tensor, copy)
    return tensor if device is None else tensor.to(device=as_device(device))
