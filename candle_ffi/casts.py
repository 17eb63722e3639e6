"""Casts and moves: `x.to(cf.float64)`, `x.half()`, `x.cpu()`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from candle_ffi import _ops
from candle_ffi import dtype as dtypes
from candle_ffi.device import CPU, Device, as_device
from candle_ffi.dtype import DType

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["Casts"]


class Casts(_ops.TensorOps):
    """The part of `Tensor` that changes dtype and device."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def dtype(self) -> DType: ...  # noqa: D102
        @property
        def device(self) -> Device: ...  # noqa: D102

    def to(
        self,
        *args: Any,
        dtype: DType | None = None,
        device: Device | str | builtins.int | None = None,
        non_blocking: bool = False,
        copy: bool = False,
    ) -> Tensor:
        """Return the tensor with another dtype or on another device; itself where nothing changes.

        Parameters
        ----------
        *args
            A dtype, a device, a device and a dtype, or a tensor whose dtype and device are meant.
        dtype : DType, optional
            The dtype.
        device : Device, str or int, optional
            The device; a number is the index of a CUDA device.
        non_blocking : bool, default False
            Whether a copy from pinned memory to a CUDA device is not waited for; that memory must
            then not be changed until the device has been synchronized. Others are not affected.
        copy : bool, default False
            Whether a copy is made even where nothing changes.

        Notes
        -----
        `torch.Tensor.to`. Differentiable.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> cf.tensor([1.7, -1.7]).to(cf.int64)
        tensor([ 1, -1])
        """
        for argument in args:
            if isinstance(argument, Casts):
                dtype, device = argument.dtype, argument.device
            elif isinstance(argument, builtins.bool):
                continue
            elif isinstance(argument, (str, builtins.int, Device)):
                device = argument
            elif argument is not None:
                dtype = argument
        result: Any = self
        if dtype is not None and (wanted := dtypes.as_dtype(dtype)) is not self.dtype:
            result = _ops.to_dtype(result, wanted)
        if device is not None and (place := as_device(device)) != self.device:
            move = _ops.to_device_non_blocking if non_blocking else _ops.to_device
            result = move(result, place)
        return _ops.clone(self) if copy and result is self else result

    def type(self, dtype: DType | None = None) -> Any:
        """Return the tensor with another dtype; without one, the name of its own.

        Parameters
        ----------
        dtype : DType, optional
            The dtype.
        """
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """Return the tensor with the dtype of another.

        Parameters
        ----------
        other : Tensor
            The other one.
        """
        return self.to(other.dtype)

    def float(self) -> Tensor:
        """Return the tensor as `float32`."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """Return the tensor as `float64`."""
        return self.to(dtypes.float64)

    def half(self) -> Tensor:
        """Return the tensor as `float16`."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Tensor:
        """Return the tensor as `bfloat16`."""
        return self.to(dtypes.bfloat16)

    def long(self) -> Tensor:
        """Return the tensor as `int64`."""
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        """Return the tensor as `int32`."""
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        """Return whether each element is not zero."""
        return self.to(dtypes.bool)

    def cpu(self) -> Tensor:
        """Return the tensor on the CPU."""
        return self.to(device=CPU)

    def cuda(
        self, device: Device | str | builtins.int | None = None, non_blocking: builtins.bool = False
    ) -> Tensor:
        """Return the tensor on a CUDA device.

        Parameters
        ----------
        device : Device, str or int, optional
            Which one; without it the current one, see `cf.cuda.set_device`.
        non_blocking : bool, default False
            As in `to`.

        Raises
        ------
        DeviceError
            There is no such device; the message says why.
        """
        return self.to(device="cuda" if device is None else device, non_blocking=non_blocking)
