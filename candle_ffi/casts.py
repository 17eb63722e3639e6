"""Casts and moves: `x.to(cf.float64)`, `x.half()`, `x.cpu()`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, NamedTuple

from candle_ffi import _ops
from candle_ffi import dtype as dtypes
from candle_ffi.device import CPU, Device, as_device
from candle_ffi.dtype import DType

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["Casts", "Goal", "goal"]


class Goal(NamedTuple):
    """What the arguments of `to` ask for; None stands for what stays as it is."""

    dtype: DType | None
    device: Device | None
    non_blocking: builtins.bool
    copy: builtins.bool


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
            A dtype, a device, a device and a dtype, or a tensor whose dtype and device are meant;
            after these, in their order, `non_blocking` and `copy`.
        dtype : DType, optional
            The dtype.
        device : Device, str or int, optional
            The device; a number is the index of a CUDA device.
        non_blocking : bool, default False
            Whether a copy from pinned memory to a CUDA device is not waited for; that memory must
            then not be changed until the device has been synchronized. Others are not affected.
        copy : bool, default False
            Whether a copy is made even where nothing changes.

        Raises
        ------
        TypeError
            An argument that is nothing of this, or is given twice.
        DeviceError
            There is no such device; the message says why.

        Notes
        -----
        `torch.Tensor.to`. Differentiable. Where both change, the cast is made on the side that
        sends the fewer bytes; pinned memory is sent as it is.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> cf.tensor([1.7, -1.7]).to(cf.int64)
        tensor([ 1, -1])
        """
        named = {"dtype": dtype, "device": device}
        named |= {"non_blocking": non_blocking or None, "copy": copy or None}
        wanted = goal(args, named)
        result = _reached(self, wanted)
        return _ops.clone(self) if wanted.copy and result is self else result

    def copy_(self, src: Any, non_blocking: builtins.bool = False) -> Tensor:
        """Copy the elements of another tensor into this one, and return it.

        Parameters
        ----------
        src : Tensor or number
            What is copied; it broadcasts to the shape of this one, and is cast to its dtype.
        non_blocking : bool, default False
            As in `to`.

        Raises
        ------
        CandleError
            As by `candle_ffi.copy_`.

        Notes
        -----
        `torch.Tensor.copy_`. Differentiable with respect to the source.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> cf.zeros(2, 2).copy_(cf.tensor([1.0, 2.0]))
        tensor([[1., 2.],
                [1., 2.]])
        """
        if non_blocking and isinstance(src, Casts):
            src = src.to(self.device, self.dtype, non_blocking=True)
        return _ops.copy_(self, src)  # type: ignore[arg-type]

    def type(self, dtype: DType | None = None) -> Any:
        """Return the tensor with another dtype; without one, the name of its own.

        Parameters
        ----------
        dtype : DType, optional
            The dtype.
        """
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """Return the tensor with the dtype of another, on its device.

        Parameters
        ----------
        other : Tensor
            The other one.
        """
        return self.to(other)

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


def goal(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Goal:
    """Return what the arguments of `to` ask for.

    Parameters
    ----------
    args : tuple
        A dtype, a device, or both, or a tensor; then two bools.
    kwargs : dict
        The same by their names; None is not given.

    Raises
    ------
    TypeError
        An argument that is nothing of this, or is given twice.
    """
    found: dict[str, Any] = {}
    switches = iter(("non_blocking", "copy"))
    for argument in args:
        if isinstance(argument, Casts):
            meant = {"dtype": argument.dtype, "device": argument.device}
        elif isinstance(argument, builtins.bool):
            meant = {next(switches, ""): argument}
        elif isinstance(argument, (str, builtins.int, Device)):
            meant = {"device": argument}
        elif argument is not None:
            meant = {"dtype": argument}
        else:
            continue
        _add(found, meant)
    _add(found, {name: value for name, value in kwargs.items() if value is not None})
    dtype, device = found.get("dtype"), found.get("device")
    return Goal(
        None if dtype is None else dtypes.as_dtype(dtype),
        None if device is None else as_device(device),
        builtins.bool(found.get("non_blocking", False)),
        builtins.bool(found.get("copy", False)),
    )


def _add(found: dict[str, Any], meant: dict[str, Any]) -> None:
    for name, value in meant.items():
        if name not in Goal._fields:
            raise TypeError(f"to: unexpected argument {name or value!r}")
        if name in found:
            raise TypeError(f"to: {name} is given twice: {found[name]!r} and {value!r}")
        found[name] = value


def _reached(tensor: Any, goal: Goal) -> Any:
    """Return a tensor with the dtype and on the device of a goal."""
    dtype = None if goal.dtype is tensor.dtype else goal.dtype
    device = None if goal.device == tensor.device else goal.device
    if device is None:
        return tensor if dtype is None else _ops.to_dtype(tensor, dtype)
    move = _ops.to_device_non_blocking if goal.non_blocking else _ops.to_device
    if dtype is None:
        return move(tensor, device)
    if _is_cast_here(tensor, dtype):
        return move(_ops.to_dtype(tensor, dtype), device)
    return _ops.to_dtype(move(tensor, device), dtype)


def _is_cast_here(tensor: Any, dtype: DType) -> builtins.bool:
    """Return whether a tensor is cast where it is, before it moves to another device."""
    before, after = tensor.dtype.itemsize, dtype.itemsize
    if tensor.device.type != "cpu":
        return builtins.bool(after <= before)
    # A cast on the host would make ordinary memory of pinned one, whose copy has to be waited for.
    return builtins.bool(after < before and not tensor.is_pinned())
